/**
 * What the parts of a page share: its models, and the latent that is being looked at.
 *
 * Every part imports this one module, so that a pointer on the map moves the lens, the
 * sliders and the grid without a word to the server.
 */

/** @typedef {import("./model.js").Model} Model */

/** @type {Map<string, Model>} */
const models = new Map();
/** @type {Map<string, ((model: Model) => void)[]>} */
const waiting = new Map();
/** @type {Set<(z: Float32Array | null, source: unknown) => void>} */
const listeners = new Set();

/** Models kept: the page's own and those that its user may go back to. */
const KEPT = 3;

/** Makes a model known to all parts. @param {Model} model */
export function provide(model) {
  const { content } = model;
  models.delete(content);
  models.set(content, model);
  for (const use of waiting.get(content) ?? []) use(model);
  waiting.delete(content);
  if (models.size > KEPT) models.delete(models.keys().next().value);
}

/** @param {string} content the hash that tells models apart */
export function has(content) {
  return models.has(content);
}

/**
 * Calls back with a model, at once or when it has arrived.
 *
 * @param {string} content
 * @param {(model: Model) => void} use
 */
export function withModel(content, use) {
  const model = models.get(content);
  if (model) use(model);
  else waiting.set(content, [...(waiting.get(content) ?? []), use]);
}

/**
 * Says which latent is looked at; null means the point where the server knows it.
 *
 * @param {Float32Array | null} z
 * @param {unknown} source the part that says so
 */
export function look(z, source) {
  for (const listener of listeners) listener(z, source);
}

/**
 * Calls a part whenever another latent is looked at.
 *
 * @param {(z: Float32Array | null, source: unknown) => void} listener
 * @returns {() => void} ends it
 */
export function onLook(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
