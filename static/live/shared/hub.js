/**
 * What the parts of a page share: its models, the engine, and the user's settings.
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {{openView: (view: string | number) => void, move: (name: string) => void,
 *   choose: () => void, pin: () => void, group: (content: string, groups: Groups) => void,
 *   original: (content: string, row: number) => Promise<ImageBitmap | null>}} Actions what a host
 *   does in its own way: open a view by its name or position, move the point ("random", "undo",
 *   "redo"), react to a choice of the user, pin the point, take changed groups of test images, and
 *   give the original of a test image
 * @typedef {{A?: Uint32Array, B?: Uint32Array}} Groups rows of test images
 * @typedef {{hub: Hub, model: Model, tell: (name: string, value: unknown) => void}} Host
 *   what a part gets: `tell` sends events to whatever put it on the page
 */

import { Settings } from "./settings.js";

/** Models kept: those on the page and those that the user may go back to. */
const KEPT = 3;

/** Actions of a page that does nothing. @type {Actions} */
const NONE = {
  openView() {},
  move() {},
  choose() {},
  pin() {},
  group() {},
  original: async () => null,
};

export class Hub {
  /** @type {Map<string, Model>} */
  #models = new Map();
  /** @type {Map<string, ((model: Model) => void)[]>} */
  #waiting = new Map();
  /** The models on the page. @type {Set<{content: string}>} */
  #used = new Set();
  /** @type {Map<string, Record<string, any>>} */
  #memories = new Map();
  settings = new Settings();

  /** @param {import("./engine.js").Engine} engine @param {Actions} [actions] */
  constructor(engine, actions = NONE) {
    this.engine = engine;
    this.actions = actions;
  }

  /**
   * Gives a model to all parts, as soon as its networks are built or fail to build; returns a
   * function to call when it has left the page.
   *
   * @param {Model} model
   * @param {(sentence: string) => void} warn is called if the page cannot run all of it
   */
  provide(model, warn) {
    const use = { content: model.content };
    this.#used.add(use);
    const known = this.#models.get(model.content);
    if (known) this.#keep(known, warn);
    else {
      this.engine.open(model, (summary) => {
        const first = this.#models.get(model.content); // if it came twice meanwhile
        const kept = first ?? Object.assign(model, summary);
        this.#keep(kept, warn);
        for (const use of this.#waiting.get(model.content) ?? []) use(kept);
        this.#waiting.delete(model.content);
      });
    }
    return () => this.#used.delete(use);
  }

  /** @param {Model} model @param {(sentence: string) => void} warn */
  #keep(model, warn) {
    this.#models.delete(model.content);
    this.#models.set(model.content, model); // now the newest
    const used = new Set(Array.from(this.#used, ({ content }) => content));
    for (const content of this.#models.keys()) {
      if (this.#models.size <= KEPT) break;
      if (!used.has(content) && this.#models.delete(content)) this.engine.forget(content);
    }
    const sentence = model.problem ?? model.warning;
    if (sentence) warn(sentence);
  }

  /**
   * Calls back with a model, at once or when it is there.
   *
   * @param {string} content the hash that identifies the model
   * @param {(model: Model) => void} use
   */
  withModel(content, use) {
    const model = this.#models.get(content);
    if (model) use(model);
    else this.#waiting.set(content, [...(this.#waiting.get(content) ?? []), use]);
  }

  /** The model, if it is there. @param {string} content */
  modelOf(content) {
    return this.#models.get(content);
  }

  /** Lets a conditional model decode a class. @param {string} content @param {number} label */
  condition(content, label) {
    const { labels } = this.engine;
    if ((labels.get(content) ?? 0) === label) return;
    labels.set(content, label);
    this.settings.tell(null); // everything is decoded again
    this.#models.get(content)?.look(null, this);
  }

  /**
   * Lets maps of a model have the user's own directions as axes.
   *
   * @param {string} content @param {import("./model.js").Direction[]} directions
   */
  direct(content, directions) {
    this.withModel(content, (model) => {
      if (JSON.stringify(model.directions) === JSON.stringify(directions)) return;
      model.directions = directions;
      this.settings.tell(null); // maps are made again
    });
  }

  /**
   * What parts remember about a model (zoom, selections) for when they are made again.
   *
   * @param {string} content
   */
  memory(content) {
    const found = this.#memories.get(content) ?? {};
    this.#memories.set(content, found);
    return found;
  }
}
