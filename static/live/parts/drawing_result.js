/**
 * What the model makes of a drawing: reconstruction, error map, terms and nearest test images.
 *
 * @typedef {{z: Float32Array, pixels: Uint8ClampedArray, reconstruction: number | null,
 *   kl: number | null, rows: number[]}} Answer of the worker: place and picture, the terms in nats
 *   where they are known, and the nearest test images
 */

import { contextOf, find, setText } from "../shared/elements.js";
import { errorMap, Painter } from "../shared/paint.js";

export class DrawingResult {
  #box;
  #model;
  #pictures;
  #again;
  #error;
  #near;
  #nearest = -1;

  /**
   * @param {HTMLElement} box @param {import("../shared/model.js").Model} model
   * @param {import("../shared/pictures.js").Pictures} pictures
   */
  constructor(box, model, pictures) {
    const { imageShape } = model.header;
    this.#box = box;
    this.#model = model;
    this.#pictures = pictures;
    this.#again = new Painter(find(box, ".again", HTMLCanvasElement), imageShape);
    this.#error = new Painter(find(box, ".error", HTMLCanvasElement), imageShape);
    this.#near = find(box, ".near", HTMLCanvasElement);
    [this.#near.height, this.#near.width] = imageShape;
  }

  /**
   * @param {Answer} answer
   * @param {Uint8ClampedArray} original pixels of the drawing, as the model sees it
   * @param {number[][]} errorColours as for `errorMap`
   */
  show({ pixels, reconstruction, kl, rows }, original, errorColours) {
    this.#again.paint(pixels);
    this.#error.paint(errorMap(original, pixels, errorColours));
    const terms = Object.entries({ "reconstruction without noise": reconstruction, KL: kl }).filter(
      ([, term]) => term !== null,
    );
    const told = terms.map(([name, term]) => `${name} ${term?.toFixed(1)} nats`);
    setText(this.#box, ".terms", told.join(" · "));
    this.#nearest = rows[0];
    this.showNearest();
    setText(this.#box, ".classes-near", this.#describe(rows));
  }

  /** Draws the nearest test image, once its picture is there. */
  showNearest() {
    const { width, height } = this.#near;
    const context = contextOf(this.#near);
    if (this.#nearest >= 0) this.#pictures.draw(context, this.#nearest, 0, 0, width, height);
  }

  /** Classes of test images, the most frequent first. @param {number[]} rows */
  #describe(rows) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const row of rows) {
      const name = this.#model.classOf(row);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const sorted = [...counts].sort((a, b) => b[1] - a[1]);
    const listed = sorted.map(([name, count]) => `${name} (${count})`).join(", ");
    return `Classes of the ${rows.length} nearest test images: ${listed}`;
  }
}
