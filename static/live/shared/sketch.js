/** A drawing in the size of a model's images: pictures to start from, and strokes over them. */

/** Least difference from the background that counts as drawn, of 255. */
const VISIBLE = 64;
/** Largest scale: a dot stays a dot. */
const LARGEST = 4;

/**
 * @typedef {{path: Path2D, width: number, colour: string}} Stroke in pixels of the image
 * @typedef {{picture: CanvasImageSource | null, opened?: import("../parts/crop.js").Opened}} Start
 *   null: nothing but background; `opened`: where the picture comes from, if the user opened it
 * @typedef {[scale: number, right: number, down: number]} Placing
 */

export class Sketch {
  /** The steps so far, to be undone one by one. @type {(Stroke | Start)[]} */
  #steps = [];

  get isEmpty() {
    return !this.#steps.length;
  }

  /** The opened picture that the drawing starts from, if any. */
  get opened() {
    const start = this.#steps.findLast((step) => "picture" in step);
    return start && "opened" in start ? start.opened : undefined;
  }

  /** @param {Stroke | Start} step */
  add(step) {
    this.#steps.push(step);
  }

  undo() {
    this.#steps.pop();
  }

  /**
   * Draws all of it again on the background, and returns the pixels.
   *
   * @param {CanvasRenderingContext2D} context @param {string} background @param {Placing} [placing]
   */
  render(context, background, [scale, right, down] = [1, 0, 0]) {
    const { width, height } = context.canvas;
    Object.assign(context, { fillStyle: background, lineCap: "round", lineJoin: "round" });
    context.resetTransform();
    context.fillRect(0, 0, width, height);
    context.setTransform(scale, 0, 0, scale, right, down);
    context.imageSmoothingEnabled = scale !== 1;
    const start = this.#steps.findLastIndex((step) => "picture" in step);
    for (const step of this.#steps.slice(Math.max(start, 0))) {
      if ("path" in step) {
        Object.assign(context, { lineWidth: step.width, strokeStyle: step.colour });
        context.stroke(step.path);
      } else if (step.picture) context.drawImage(step.picture, 0, 0);
    }
    return context.getImageData(0, 0, width, height).data;
  }
}

/**
 * How to place an object like MNIST's digits: its longer side of a given length, its centre of mass
 * in the middle. Source: LeCun, Cortes & Burges, 'The MNIST database of handwritten digits'.
 *
 * @param {Uint8ClampedArray} pixels of a grey image, four values per pixel
 * @param {number} width
 * @param {number} ground the background's grey, of 255
 * @param {number} side the length, in pixels
 * @returns {Placing} unchanged if nothing is drawn
 */
export function centring(pixels, width, ground, side) {
  const height = pixels.length / 4 / width;
  let [left, right, top, bottom] = [width, -1, height, -1];
  let [mass, acrossMass, downMass] = [0, 0, 0];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const weight = Math.abs(pixels[at] - ground);
      mass += weight;
      acrossMass += weight * (x + 0.5);
      downMass += weight * (y + 0.5);
      if (weight < VISIBLE) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  if (right < 0) return [1, 0, 0];
  const scale = Math.min(side / (Math.max(right - left, bottom - top) + 1), LARGEST);
  return [scale, width / 2 - (scale * acrossMass) / mass, height / 2 - (scale * downMass) / mass];
}
