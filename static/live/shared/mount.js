/**
 * Keeps a part on the page: it is made when its model is there, and again for another model.
 *
 * @typedef {import("./hub.js").Hub} Hub
 * @typedef {import("./hub.js").Host} Host
 * @typedef {{update: (data: any) => void, close: () => void}} Part
 * @typedef {new (root: HTMLElement, host: Host) => Part} PartClass
 */

export class Mount {
  #make;
  #hub;
  #root;
  #slot = document.createElement("div");
  /** @type {any} */
  #data = null;
  /** @type {Part | null} */
  #part = null;
  /** @type {string | undefined} */
  #content;

  /**
   * @param {PartClass} Part @param {HTMLElement} root @param {Hub} hub @param {Host["tell"]} tell
   */
  constructor(Part, root, hub, tell) {
    this.#root = root;
    this.#hub = hub;
    this.#make = (/** @type {HTMLElement} */ slot, /** @type {any} */ model) =>
      new Part(slot, { hub, model, tell });
  }

  /** @param {any} data for the part; a part about a model is made when that model is there */
  update(data) {
    this.#data = data;
    const { content } = data;
    if (this.#part && content === this.#content) this.#part.update(data);
    else if (content === undefined) this.#open(null);
    else {
      this.#hub.withModel(content, (model) => {
        if (this.#data?.content !== content) return; // another model is wanted meanwhile
        if (this.#part && this.#content === content) this.#part.update(this.#data);
        else this.#open(model);
      });
    }
  }

  close() {
    this.#data = null;
    this.#part?.close();
  }

  /** @param {import("./model.js").Model | null} model */
  #open(model) {
    this.#part?.close();
    this.#slot.remove();
    this.#slot = document.createElement("div");
    this.#root.append(this.#slot);
    this.#part = this.#make(this.#slot, model);
    this.#content = model?.content;
    this.#part.update(this.#data);
  }
}
