/**
 * What the parts of a page share: its models, what answers about them, the latent that is
 * being looked at, and what a person chose.
 *
 * A pointer on the map moves the lens, the sliders and the grid without a word to the host.
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {(z: Float32Array | null, source: unknown, row: number | null) => void} Listener
 * @typedef {{hub: Hub, model: Model, tell: (name: string, value: unknown) => void}} Host
 *   what a part gets: `tell` brings events to whoever put it on the page
 */

import { Settings } from "./settings.js";

/** Models kept: the page's own and those that its user may go back to. */
const KEPT = 3;

export class Hub {
  /** @type {Map<string, Model>} */
  #models = new Map();
  /** @type {Map<string, ((model: Model) => void)[]>} */
  #waiting = new Map();
  /** @type {Set<Listener>} */
  #listeners = new Set();
  /** @type {Map<string, Record<string, any>>} */
  #memories = new Map();
  settings = new Settings();

  /** @param {import("./engine.js").Engine} engine */
  constructor(engine) {
    this.engine = engine;
  }

  /**
   * Makes a model known to all parts, as soon as its networks are built, or cannot be.
   *
   * @param {Model} model
   * @param {(sentence: string) => void} warn is called if the page cannot run all of it
   */
  provide(model, warn) {
    const known = this.#models.get(model.content);
    if (known) this.#keep(known, warn);
    else {
      this.engine.open(model, (summary) => {
        this.#keep(Object.assign(model, summary), warn);
        for (const use of this.#waiting.get(model.content) ?? []) use(model);
        this.#waiting.delete(model.content);
      });
    }
  }

  /** @param {Model} model @param {(sentence: string) => void} warn */
  #keep(model, warn) {
    this.#models.delete(model.content);
    this.#models.set(model.content, model); // now the newest
    const [oldest] = this.#models.keys();
    if (this.#models.size > KEPT && this.#models.delete(oldest)) this.engine.forget(oldest);
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

  /**
   * Lets a conditional model decode a class.
   *
   * @param {string} content
   * @param {number} label
   */
  condition(content, label) {
    const { labels } = this.engine;
    if ((labels.get(content) ?? 0) === label) return;
    labels.set(content, label);
    this.settings.tell(null); // everything is decoded anew
    this.look(null, this);
  }

  /**
   * Says which latent is looked at; null means the point where the host knows it.
   *
   * @param {Float32Array | null} z
   * @param {unknown} source the part that says so
   * @param {number | null} [row] of the test image whose own latent that is
   */
  look(z, source, row = null) {
    for (const listener of this.#listeners) listener(z, source, row);
  }

  /**
   * What parts note of a model (zoom, hidden classes, selections), to find it when they are
   * made again.
   *
   * @param {string} content
   */
  memory(content) {
    const found = this.#memories.get(content) ?? {};
    this.#memories.set(content, found);
    return found;
  }

  /**
   * Calls a part whenever another latent is looked at; returns how to end it.
   *
   * @param {Listener} listener
   */
  onLook(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
