/** The legend beside the map: classes to hide and show, or a colour scale with a range. */

import { build, find, textElement, setText } from "../../shared/elements.js";
import { groupOf } from "./groups.js";
import { SYMBOLS } from "./symbols.js";

/** Least number of classes for which there is a search field. */
const MANY = 12;
/** Largest number of letters of a class's name in a file. */
const LONGEST = 40;
/** Number of steps of the sliders for a range. */
const STEPS = 200;

/**
 * @typedef {{palette: import("./colours.js").Palette, classes: string[], counts: ArrayLike<number>,
 *   hidden: Set<number>, values: import("./shade.js").Values | null,
 *   range: [number, number] | null}} Shown as for `shade`, with the number of images of each class
 */

/**
 * The lines of a legend, for a file.
 *
 * @param {Shown} shown
 * @returns {{colour: string, symbol: number, text: string}[]}
 */
export function legendLines({ palette, classes, counts, hidden, values }) {
  if (!values) {
    return classes.flatMap((name, label) => {
      const [colour, symbol] = [palette.colourOf(label), palette.symbolOf(label)];
      const short = name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
      const text = `${short}  ${counts[label].toLocaleString("en")}`;
      return counts[label] > 0 && !hidden.has(label) ? { colour, symbol, text } : [];
    });
  }
  const [low, high] = values.scale;
  const shares = palette.scale.map((_, i) => i / (palette.scale.length - 1)).reverse();
  return shares.map((share) => ({
    colour: `rgb(${palette.at(share)})`,
    symbol: 0,
    text: `${share === 1 ? `${nameOf(values.quantity)} ` : ""}${short(low + share * (high - low))}`,
  }));
}

/** @param {import("./shade.js").Quantity} quantity */
function nameOf({ title, unit }) {
  return unit ? `${title}, ${unit}` : title;
}

/** A number for display, with three significant digits. @param {number} value */
function short(value) {
  return Number(value.toPrecision(3)).toLocaleString("en").replace("-", "−");
}

export class Legend {
  #box;
  #onHide;
  #onRange;
  #onGroup;
  #searched = "";
  /** Shows which classes are hidden. */
  #draw = () => {};
  /** @type {Set<number>} */
  #hidden = new Set();

  /**
   * @param {HTMLElement} box
   * @param {object} on
   * @param {(classes: Set<number>) => void} on.hide hides these classes and no others
   * @param {(range: [number, number] | null) => void} on.range shows values in a range; null: all
   * @param {(name: "A" | "B", label: number) => void} on.group adds or removes a class of a group
   */
  constructor(box, { hide, range, group }) {
    this.#box = box;
    this.#onHide = hide;
    this.#onRange = range;
    this.#onGroup = group;
  }

  /** @param {Shown} shown */
  show(shown) {
    if (shown.values) this.#showScale(shown.values, shown);
    else this.#showClasses(shown);
  }

  /** Shows these classes as hidden, in the present entries. @param {Set<number>} hidden */
  hide(hidden) {
    this.#hidden = hidden;
    this.#draw();
  }

  /** @param {Shown} shown */
  #showClasses({ palette, classes, counts, hidden }) {
    this.#hidden = hidden;
    const present = classes.map((_, label) => label).filter((label) => counts[label]);
    const list = build("entries");
    list.setAttribute("role", "group");
    list.setAttribute(
      "aria-label",
      "Classes; press to hide or show, with Shift to see one alone, A or B to group",
    );
    this.#draw = () => {
      for (const [i, label] of present.entries()) {
        const entry = /** @type {HTMLElement} */ (list.children[i]);
        entry.setAttribute("aria-pressed", String(!this.#hidden.has(label)));
        entry.hidden = !classes[label].toLowerCase().includes(this.#searched);
      }
    };
    const flip = (/** @type {number} */ label) => {
      const changed = new Set(this.#hidden);
      if (!changed.delete(label)) changed.add(label);
      return changed;
    };
    const isolate = (/** @type {number} */ label) => {
      const isAlready = present.every((one) => (one === label) !== this.#hidden.has(one));
      return new Set(isAlready ? [] : present.filter((other) => other !== label));
    };
    for (const label of present) {
      const entry = entryOf(classes[label], counts[label], palette, label);
      entry.addEventListener("keydown", (event) => {
        const name = groupOf(event);
        if (name) this.#onGroup(name, label);
      });
      entry.addEventListener("click", ({ shiftKey, detail }) => {
        if (detail === 2) this.#hidden = flip(label); // as before the first of two clicks
        this.hide(shiftKey || detail === 2 ? isolate(label) : flip(label));
        this.#onHide(this.#hidden);
      });
      list.append(entry);
    }
    const isLong = present.length >= MANY;
    if (!isLong) this.#searched = "";
    this.#draw();
    this.#box.replaceChildren(...(isLong ? [this.#makeSearch()] : []), list);
  }

  #makeSearch() {
    const search = document.createElement("input");
    const placeholder = "Search classes";
    Object.assign(search, { type: "search", placeholder, value: this.#searched });
    search.setAttribute("aria-label", placeholder);
    search.addEventListener("input", () => {
      this.#searched = search.value.trim().toLowerCase();
      this.#draw();
    });
    return search;
  }

  /** @param {import("./shade.js").Values} values @param {Shown} shown */
  #showScale({ quantity, range: [low, high], scale }, { palette, range }) {
    this.#draw = () => {};
    this.#box.innerHTML = `
      <div class="title"></div>
      <div class="scale"><div class="bar"></div><output class="high"></output><output class="low"></output></div>
      <div class="kept" role="group" aria-label="Images that are shown, by this value"></div>
      <div class="said" aria-live="polite"></div>`;
    setText(this.#box, ".title", nameOf(quantity));
    setText(this.#box, ".high", short(scale[1]));
    setText(this.#box, ".low", short(scale[0]));
    find(this.#box, ".bar").style.background = `linear-gradient(to top, ${palette.scale.join()})`;
    const kept = range ?? [low, high];
    const inputs = ["at least", "at most"].map((what, i) =>
      limitInput(`${quantity.title} ${what}`, low, high, kept[i]),
    );
    const tell = () => {
      const [from, to] = inputs.map(({ valueAsNumber }) => valueAsNumber).sort((a, b) => a - b);
      setText(this.#box, ".said", `shown: ${short(from)} to ${short(to)}`);
      return /** @type {[number, number]} */ ([from, to]);
    };
    for (const input of inputs) {
      input.addEventListener("input", () => {
        const [from, to] = tell();
        const isAll = from <= low && to >= high;
        this.#onRange(isAll ? null : [from, to]);
      });
    }
    find(this.#box, ".kept").append(...inputs);
    tell();
  }
}

/**
 * A button with the symbol, the name and the number of images of a class.
 *
 * @param {string} name @param {number} count @param {import("./colours.js").Palette} palette
 * @param {number} label
 */
function entryOf(name, count, palette, label) {
  const entry = document.createElement("button");
  entry.type = "button";
  entry.className = "entry";
  const swatch = build("swatch");
  swatch.style.setProperty("--colour", palette.colourOf(label));
  const { corners } = SYMBOLS[palette.symbolOf(label)];
  const outline = corners.map(([x, y]) => `${50 * x + 50}% ${50 * y + 50}%`).join();
  if (outline) swatch.style.cssText += `clip-path: polygon(${outline}); border-radius: 0`;
  const counted = textElement("span", count.toLocaleString("en"), "count");
  entry.append(swatch, textElement("span", name, "name"), counted);
  entry.title = `${name}: press to hide or show; twice to see it alone; A or B groups it`;
  return entry;
}

/**
 * A slider for one end of a range.
 *
 * @param {string} label @param {number} low @param {number} high @param {number} value
 */
function limitInput(label, low, high, value) {
  const input = document.createElement("input");
  const step = (high - low) / STEPS || 1;
  Object.assign(input, { type: "range", className: "range", min: low, max: high, step: "any" });
  input.value = String(value);
  input.setAttribute("aria-label", label);
  input.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!steps) return;
    event.preventDefault(); // the browser's own step differs
    input.value = String(input.valueAsNumber + steps * step);
    input.dispatchEvent(new Event("input"));
  });
  return input;
}
