/** Shows with another model, of images of the same shape, what a part of one looks at. */

import { URGENCY } from "./engine.js";
import { fromPixels } from "./paint.js";

export class Link {
  #from;
  /** @type {import("./model.js").Model | null} */
  #to = null;
  #pictures;
  #decoding;
  #encoding;
  /** Counts what is looked at. */
  #turn = 0;
  /** Of the last look whose picture was encoded, or that took none: an earlier one that is decoded late is not. */
  #encoded = 0;
  /** Of the last look that took no picture: what was asked before is out of date. */
  #settled = 0;

  /**
   * @param {import("./hub.js").Host} host
   * @param {string} content of the other model
   * @param {import("./pictures.js").Pictures} pictures
   */
  constructor({ hub, model }, content, pictures) {
    this.#from = model;
    this.#pictures = pictures;
    this.#decoding = hub.engine.line(URGENCY.picture);
    this.#encoding = hub.engine.line(URGENCY.picture);
    hub.withModel(content, (to) => (this.#to = to));
  }

  /**
   * The same test image, where both have it; else the latent that the other model's encoder gives
   * the picture: `counterpart` in `explorer/app/pair.py`.
   *
   * @param {Float32Array | null} z as for `Model.look`
   * @param {number | null} [row]
   */
  look(z, row = null) {
    const { header, content, labels, canDecode } = this.#from;
    const isKnown = row !== null && header.testSet === this.#to?.header.testSet;
    const turn = ++this.#turn;
    if (isKnown || z === null) this.#settled = this.#encoded = turn;
    if (isKnown) this.#to?.look(this.#to.meanOf(row), this, row);
    else if (z === null) this.#to?.look(null, this);
    else if (row !== null && this.#from.tileOf(row) >= 0)
      this.#encode(this.#pictures.pixelsOf(row), turn);
    else if (canDecode) {
      const label = row === null ? undefined : labels[row];
      const request = /** @type {const} */ ({ kind: "picture", content, z, label });
      this.#decoding.ask(request, ({ pixels }) => this.#encode(pixels, turn));
    }
  }

  close() {
    this.#decoding.close();
    this.#encoding.close();
    this.#to?.look(null, this);
  }

  /** @param {Uint8ClampedArray} pixels @param {number} turn */
  #encode(pixels, turn) {
    const to = this.#to;
    if (!to || turn < this.#encoded) return;
    this.#encoded = turn;
    const image = fromPixels(pixels, to.header.imageShape[2]);
    const request = /** @type {const} */ ({ kind: "drawing", content: to.content, image });
    this.#encoding.ask({ ...request, neighbours: 1 }, ({ z }) => {
      if (turn > this.#settled) to.look(z, this);
    });
  }
}
