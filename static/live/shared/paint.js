/** Draws decoded images on a canvas, as one picture or as a grid of tiles. */

/**
 * @param {Float32Array} image with values in [0, 1], 1 or 3 channels
 * @param {Uint8ClampedArray} pixels four values per pixel, where to write them; rounds as for PNGs
 */
export function toPixels(image, pixels) {
  const channels = (4 * image.length) / pixels.length;
  const [green, blue] = channels === 3 ? [1, 2] : [0, 0];
  for (let from = 0, to = 0; to < pixels.length; to += 4, from += channels) {
    pixels[to] = 255 * image[from];
    pixels[to + 1] = 255 * image[from + green];
    pixels[to + 2] = 255 * image[from + blue];
    pixels[to + 3] = 255;
  }
  return pixels;
}

/** The reverse of `toPixels`. @param {Uint8ClampedArray} pixels @param {number} channels 1 or 3 */
export function fromPixels(pixels, channels) {
  const image = new Float32Array((pixels.length / 4) * channels);
  for (let i = 0; i < image.length; i++) {
    image[i] = pixels[4 * Math.floor(i / channels) + (i % channels)] / 255;
  }
  return image;
}

/** The pictures in pixels that were decoded together. @param {Uint8ClampedArray} pixels @param {number} count */
export function tilesOf(pixels, count) {
  const size = pixels.length / count;
  return Array.from({ length: count }, (_, i) => pixels.subarray(i * size, (i + 1) * size));
}

/** A colour as CSS writes it. @param {number[]} channels one or three, 0 to 255 */
export function hex(channels) {
  const [red, green = red, blue = red] = channels;
  return `#${[red, green, blue].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Makes pixels grey by their luma (ITU-R BT.601). @param {Uint8ClampedArray} pixels */
export function toGrey(pixels) {
  for (let at = 0; at < pixels.length; at += 4) {
    const luma = 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
    pixels.fill(Math.round(luma), at, at + 3);
  }
}

/**
 * Draws where a reconstruction differs, as `error_map` in `explorer/drawing/raster.py` does.
 *
 * @param {Uint8ClampedArray} original @param {Uint8ClampedArray} reconstruction
 * @param {number[][]} colours for too bright and for too dark, with channels in [0, 1]
 */
export function errorMap(original, reconstruction, [bright, dark]) {
  const pixels = new Uint8ClampedArray(original.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const differences = [0, 1, 2].map((c) => (reconstruction[at + c] - original[at + c]) / 765);
    const strength = differences.reduce((sum, value) => sum + Math.abs(value), 0);
    const colour = differences[0] + differences[1] + differences[2] > 0 ? bright : dark;
    pixels.set(
      [...colour, strength].map((value) => 255 * value),
      at,
    );
  }
  return pixels;
}

export class Painter {
  #context;
  #tile;
  #columns;
  #gap;

  /**
   * The canvas has one pixel per image pixel; CSS scales it, without smoothing.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {number[]} shape of an image, `[height, width, channels]`
   * @param {number} [columns] @param {number} [rows]
   * @param {number} [gap] pixels to the right of and below each tile
   */
  constructor(canvas, [height, width], columns = 1, rows = 1, gap = 0) {
    canvas.width = columns * (width + gap);
    canvas.height = rows * (height + gap);
    this.#gap = gap;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#tile = new ImageData(width, height);
    this.#columns = columns;
  }

  /**
   * @param {Uint8ClampedArray} pixels from `toPixels`
   * @param {number} [tile] where to draw, counted row by row
   */
  paint(pixels, tile = 0) {
    const { width, height, data } = this.#tile;
    data.set(pixels);
    const row = Math.floor(tile / this.#columns);
    const [x, y] = [(tile % this.#columns) * (width + this.#gap), row * (height + this.#gap)];
    this.#context.putImageData(this.#tile, x, y);
  }
}
