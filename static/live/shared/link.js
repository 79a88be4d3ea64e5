/** Makes another model, for images of the same shape, look at what a part of this one looks at. */

import { URGENCY } from "./engine.js";
import { fromPixels } from "./paint.js";

export class Link {
  #from;
  /** @type {import("./model.js").Model | null} */
  #to = null;
  #pictures;
  #decoding;
  #encoding;
  /** Counts the looks. */
  #turn = 0;
  /** Turn of the last look that was encoded or needed no picture; earlier pictures are late. */
  #encoded = 0;
  /** Turn of the last look that needed no picture: earlier requests are out of date. */
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
   * Shows the same test image, if both have it; else the latent that the other model's encoder
   * gives for the picture, as `counterpart` in `explorer/app/pair.py` does.
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
