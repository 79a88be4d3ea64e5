/**
 * What the parts of a page share: its models, what answers about them, and what a person chose.
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {{openView: (view: string | number) => void, move: (name: string) => void,
 *   choose: () => void, pin: () => void, group: (content: string, groups: Groups) => void,
 *   original: (content: string, row: number) => Promise<ImageBitmap | null>}} Actions what the host does that is its own: open a view by its name or
 *   place, move the point ("random", "undo", "redo"), keep it, what follows a person's choice, and other
 *   groups of test images; and give a test image as it is
 * @typedef {{A?: Uint32Array, B?: Uint32Array}} Groups rows of test images
 * @typedef {{hub: Hub, model: Model, tell: (name: string, value: unknown) => void}} Host
 *   what a part gets: `tell` brings events to whoever put it on the page
 */

import { Settings } from "./settings.js";

/** Models kept: those on the page and those that its user may go back to. */
const KEPT = 3;

/** Of a page that does nothing of its own. @type {Actions} */
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
  /** Those on the page. @type {Set<{content: string}>} */
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
   * Makes a model known to all parts, as soon as its networks are built, or cannot be; returns
   * how to tell that it has left the page.
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
   * @param {string} content the hash that tells models apart
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
    this.settings.tell(null); // everything is decoded anew
    this.#models.get(content)?.look(null, this);
  }

  /**
   * Lets maps of a model have a person's own directions as axes.
   *
   * @param {string} content @param {import("./model.js").Direction[]} directions
   */
  direct(content, directions) {
    this.withModel(content, (model) => {
      if (JSON.stringify(model.directions) === JSON.stringify(directions)) return;
      model.directions = directions;
      this.settings.tell(null); // maps are made anew
    });
  }

  /**
   * What parts note of a model (zoom, selections), to find it when they are
   * made again.
   *
   * @param {string} content
   */
  memory(content) {
    const found = this.#memories.get(content) ?? {};
    this.#memories.set(content, found);
    return found;
  }
}
