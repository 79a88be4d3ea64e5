/**
 * Settings that the user chooses and the page applies by itself, without the server.
 *
 * A setting is kept as text, as in an address. The host fills the settings from its address and
 * keeps the address up to date (`write`, `take`, `onChange`).
 */

/** @param {string} text @returns {number} */
const number = (text) => (text.trim() ? Number(text) : NaN);

/**
 * @template T
 * @param {readonly T[]} choices the first is the default
 * @param {T} [initial] another default
 */
function oneOf(choices, initial = choices[0]) {
  const isIt = (/** @type {T} */ choice, /** @type {string} */ text) =>
    typeof choice === "number"
      ? choice === number(text)
      : String(choice).toLowerCase() === text.toLowerCase();
  return { initial, read: (/** @type {string} */ text) => choices.find((one) => isIt(one, text)) };
}

/** Tiles along a side of the manifold. */
export const SIZES = { min: 5, max: 40, step: 1 };
/** Place of the manifold's outermost tiles over a plane, in standard deviations of the prior. */
export const EXTENTS = { min: 1, max: 6, step: 0.5 };

/** @param {{min: number, max: number, step: number}} range */
function stepsOf({ min, max, step }) {
  return Array.from({ length: (max - min) / step + 1 }, (_, i) => min + i * step);
}

/** Any text up to 100 characters, which a part interprets; "" by default. */
const free = {
  initial: "",
  read: (/** @type {string} */ text) => (text.length > 100 ? undefined : text),
};

/** Every setting by its name in the address; `read` gives undefined for an invalid text. */
const SETTINGS = {
  /** Kind of map, "" for the model's first; see `maps.js`. */
  map: oneOf(["", "neighbourhoods", "principal", "dimensions", "directions"]),
  /** Two latent dimensions, or directions, counted from 1, that span a map: "3,1"; "" for the
   * strongest, or the first. */
  axes: free,
  /** What the dots' colours show: "" for the class, a column's name, or a dimension: "z3". */
  colour: free,
  /** Classes whose dots are visible, "" for all: "Coat;Bag"; or the hidden ones: "!Coat;Bag". */
  classes: { initial: "", read: (/** @type {string} */ text) => text },
  /** What dragging does on the map. */
  drag: oneOf(/** @type {const} */ (["move", "box", "lasso"])),
  /** What is drawn behind the dots. */
  background: oneOf(/** @type {const} */ (["none", "density", "manifold"])),
  size: oneOf(stepsOf(SIZES), 20),
  /** Spacing of the manifold's tiles over a plane: equal shares of the prior or equal distances. */
  spacing: oneOf(/** @type {const} */ (["normal", "linear"])),
  extent: oneOf(stepsOf(EXTENTS), 2.5),
  /** Whether the manifold's tiles without data are shaded. */
  holes: oneOf([false, true]),
  /** Which q(z|x) of an image is shown: the encoder's, or the one that a search has refined. */
  latent: oneOf(/** @type {const} */ (["As encoded", "Refined"])),
};

/**
 * @typedef {typeof SETTINGS} Known
 * @typedef {keyof Known} Name
 */

/**
 * A sentence about what an address asks for in vain; `explorer/app/address.py` says the same.
 *
 * @param {string} name @param {string} text @param {unknown} shown instead
 */
export function inVain(name, text, shown) {
  return `The address asks for ${name} “${text.slice(0, 60)}”, which does not exist; showing ${shown}.`;
}

export class Settings {
  /** What the address asked for in vain, in sentences; [] after the user's next choice. */
  problems = /** @type {string[]} */ ([]);
  /** Texts of the settings that differ from the default. @type {Map<Name, string>} */
  #texts = new Map();
  /** @type {Set<(name: Name | null) => void>} */
  #listeners = new Set();

  /**
   * @template {Name} N
   * @param {N} name
   * @returns {Known[N]["initial"]}
   */
  get(name) {
    const { initial, read } = SETTINGS[name];
    const text = this.#texts.get(name);
    return /** @type {any} */ (text === undefined ? initial : (read(text) ?? initial));
  }

  /**
   * @template {Name} N
   * @param {N} name @param {Known[N]["initial"]} value
   */
  set(name, value) {
    if (this.get(name) === value) return;
    this.problems = [];
    if (value === SETTINGS[name].initial) this.#texts.delete(name);
    else this.#texts.set(name, String(value));
    this.tell(name);
  }

  /**
   * Takes all settings from the parameters of an address.
   *
   * @param {URLSearchParams} parameters
   * @param {string[]} problems with other parameters
   */
  take(parameters, problems = []) {
    const before = String([...this.#texts]);
    this.#texts.clear();
    this.problems = [...problems];
    for (const name of /** @type {Name[]} */ (Object.keys(SETTINGS))) {
      const { initial, read } = SETTINGS[name];
      const text = parameters.get(name) ?? String(initial);
      const value = read(text);
      if (value === undefined) this.problems.push(inVain(name, text, initial || "the default"));
      else if (value !== initial) this.#texts.set(name, String(value));
    }
    if (this.problems.length || String([...this.#texts]) !== before) this.tell(null);
  }

  /** Writes the settings into the parameters of an address. @param {URLSearchParams} parameters */
  write(parameters) {
    for (const name of /** @type {Name[]} */ (Object.keys(SETTINGS))) {
      const text = this.#texts.get(name);
      if (text === undefined) parameters.delete(name);
      else parameters.set(name, text);
    }
  }

  /**
   * Calls back after every change; returns a function that ends it.
   *
   * @param {(name: Name | null) => void} listener gets the setting that changed, null for all
   */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Notifies the listeners of a change. @param {Name | null} name */
  tell(name) {
    for (const listener of this.#listeners) listener(name);
  }
}
