/** Receives a model and hands it to the other parts. */

import { alertOf } from "../shared/elements.js";
import { Model } from "../shared/model.js";

export class Store {
  #root;
  #hub;
  #leave = () => {};

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub }) {
    this.#root = root;
    this.#hub = hub;
  }

  /** @param {Uint8Array} payload as `Model` reads it */
  update(payload) {
    const warn = (/** @type {string} */ sentence) => this.#root.replaceChildren(alertOf(sentence));
    try {
      const model = new Model(payload);
      this.#leave();
      this.#leave = this.#hub.provide(model, warn);
    } catch (error) {
      warn(/** @type {Error} */ (error).message);
    }
  }

  close() {
    this.#leave();
  }
}
