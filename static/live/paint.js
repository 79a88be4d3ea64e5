/** Draws decoded images on a canvas, as one picture or as a grid of tiles. */

export class Painter {
  #context;
  #pixels;
  #channels;
  #columns;

  /**
   * The canvas gets one of its pixels per image pixel; CSS scales it, without smoothing.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {number[]} shape of an image, `[height, width, channels]`, 1 or 3 channels
   * @param {number} [columns]
   * @param {number} [rows]
   */
  constructor(canvas, [height, width, channels], columns = 1, rows = 1) {
    canvas.width = columns * width;
    canvas.height = rows * height;
    canvas.style.imageRendering = "pixelated";
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#pixels = new ImageData(width, height);
    this.#pixels.data.fill(255);
    this.#channels = channels;
    this.#columns = columns;
  }

  /**
   * @param {Float32Array} image with values in [0, 1]
   * @param {number} [tile] where to draw, counted along the rows
   */
  paint(image, tile = 0) {
    const { width, height, data } = this.#pixels;
    const channels = this.#channels;
    const green = channels === 3 ? 1 : 0;
    const blue = channels === 3 ? 2 : 0;
    for (let from = 0, to = 0; to < data.length; to += 4, from += channels) {
      data[to] = 255 * image[from];
      data[to + 1] = 255 * image[from + green];
      data[to + 2] = 255 * image[from + blue];
    }
    const x = tile % this.#columns;
    const y = Math.floor(tile / this.#columns);
    this.#context.putImageData(this.#pixels, x * width, y * height);
  }
}
