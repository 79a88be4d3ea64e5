/**
 * One slider per latent dimension or direction, each with a strip of images that shows its effect
 * at the latent that is looked at.
 *
 * A direction's value is z · `along` − `middle`, and grows by 1 with every `step`.
 *
 * @typedef {{along: number[], step: number[], middle: number}} Direction
 * @typedef {{dimension: number, label: string, note: string} & Partial<Direction>} RowSpec
 * @typedef {{content: string, z: number[], rows: RowSpec[], reach: number, tiles: number}}
 *   SlidersData
 * @typedef {{element: HTMLElement, spec: RowSpec, typed: HTMLInputElement,
 *   range: HTMLInputElement, strip: HTMLCanvasElement, painter: Painter, isVisible: boolean}} Row
 */

import { undoScrolling } from "../shared/controls.js";
import { build, find, same } from "../shared/elements.js";
import { Painter } from "../shared/paint.js";
import { dot } from "../shared/plane.js";
import { TileDecoder } from "../shared/tiles.js";

const STEP = 0.01;
/** Largest number of sliders that have their strips, in full width, below them. */
const FEW = 4;
/** Pause after the last key before the host gets the point, milliseconds. */
const SETTLED = 350;

const HTML = `
  <label><b></b> <small></small></label>
  <input type="number" step="${STEP}" class="typed">
  <input type="range" max="0" step="${STEP}" class="range">
  <canvas class="strip"></canvas>`;

/** @param {Float32Array} z @param {RowSpec} spec */
function valueAt(z, { dimension, along, middle = 0 }) {
  return along ? dot(along, z) - middle : z[dimension];
}

/** @param {Float32Array} z is changed @param {RowSpec} spec @param {number} value */
function setValue(z, spec, value) {
  if (!spec.step) z[spec.dimension] = value;
  else {
    const steps = value - valueAt(z, spec);
    spec.step.forEach((step, i) => (z[i] += steps * step));
  }
}

export class Sliders {
  #model;
  #tell;
  #box = build("sliders");
  /** @type {SlidersData} */
  #data = { content: "", z: [], rows: [], reach: 1, tiles: 1 };
  /** @type {Row[]} */
  #rows = [];
  #z;
  #decoder;
  #isHeld = false;
  #isByKey = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #undo = new AbortController();
  #endLook;
  #visible;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub, model, tell }) {
    this.#model = model;
    this.#tell = tell;
    this.#z = new Float32Array(model.header.latentDim);
    this.#decoder = new TileDecoder(hub.engine, model);
    root.append(this.#box);
    for (const type of ["pointerup", "pointercancel"]) {
      const options = { signal: this.#undo.signal, capture: true };
      window.addEventListener(type, () => (this.#isHeld = false), options);
    }
    this.#visible = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const row = this.#rows.find(({ element }) => element === target);
        if (row) row.isVisible = isIntersecting;
      }
      this.#refresh();
    });
    this.#endLook = model.onLook((z, source) => {
      if (source !== this) this.#take(z ?? this.#data.z);
    });
  }

  /** @param {SlidersData} data */
  update(data) {
    const isOther = !same([data.rows, data.tiles], [this.#data.rows, this.#data.tiles]);
    this.#data = data;
    if (isOther) {
      this.#visible.disconnect();
      this.#rows = data.rows.map((spec) => this.#buildRow(spec));
      this.#box.classList.toggle("few", data.rows.length <= FEW);
      this.#box.replaceChildren(...this.#rows.map(({ element }) => element));
      for (const { element } of this.#rows) this.#visible.observe(element);
    }
    const isMoving = this.#isHeld || this.#timer; // the host's data is out of date
    this.#take(isMoving ? this.#z : data.z);
  }

  close() {
    clearTimeout(this.#timer);
    this.#undo.abort();
    this.#decoder.close();
    this.#visible.disconnect();
    this.#endLook();
  }

  /** @param {RowSpec} spec @returns {Row} */
  #buildRow(spec) {
    const { label, note } = spec;
    const element = build("dimension", HTML);
    const typed = find(element, ".typed", HTMLInputElement);
    const range = find(element, ".range", HTMLInputElement);
    const strip = find(element, ".strip", HTMLCanvasElement);
    find(element, "b").textContent = label;
    find(element, "small").textContent = note;
    range.setAttribute("aria-label", `${label}, ${note}`);
    typed.setAttribute("aria-label", `${label}, value`);
    const { imageShape } = this.#model.header;
    const painter = new Painter(strip, imageShape, this.#data.tiles);
    strip.style.aspectRatio = String((this.#data.tiles * imageShape[1]) / imageShape[0]);
    strip.hidden = !this.#model.canDecode;
    const row = { element, spec, typed, range, strip, painter, isVisible: false };
    undoScrolling(range, () => () => {
      this.#take(this.#data.z);
      this.#model.look(null, this);
    });
    range.addEventListener("pointerdown", () => (this.#isHeld = true));
    for (const input of [range, typed]) {
      input.addEventListener("keydown", () => (this.#isByKey = true));
      input.addEventListener("pointerdown", () => (this.#isByKey = false));
      input.addEventListener("blur", () => this.#timer && this.#settle());
    }
    range.addEventListener("input", () => this.#move(row, range.valueAsNumber));
    range.addEventListener("change", () => this.#settleSoon());
    range.addEventListener("dblclick", () => {
      this.#move(row, 0);
      this.#settleSoon();
    });
    typed.addEventListener("beforeinput", (event) => {
      if (event.data !== ",") return; // which browsers of some languages would drop
      event.preventDefault();
      document.execCommand("insertText", false, ".");
    });
    typed.addEventListener("change", () => {
      const value = typed.valueAsNumber;
      if (!Number.isFinite(value)) return this.#showValue(row); // it was emptied
      const { limit } = this.#model.header.coordinates;
      this.#move(row, Math.max(-limit, Math.min(limit, value)));
      this.#settleSoon();
    });
    strip.addEventListener("click", (event) => {
      const { tiles } = this.#data;
      const tile = Math.floor((event.offsetX / strip.clientWidth) * tiles);
      this.#move(row, this.#valueOf(Math.min(tile, tiles - 1)));
      this.#settle();
    });
    return row;
  }

  /** @param {ArrayLike<number>} z */
  #take(z) {
    if (z.length !== this.#z.length) return;
    this.#z.set(z);
    for (const row of this.#rows) this.#showValue(row);
    this.#refresh();
  }

  /** @param {Row} row */
  #showValue({ spec, typed, range, strip }) {
    const value = valueAt(this.#z, spec);
    const { reach, tiles } = this.#data;
    const limit = Math.max(reach, Math.ceil(Math.abs(value)));
    if (Number(range.max) !== limit) [range.min, range.max] = [String(-limit), String(limit)];
    range.value = String(value);
    typed.value = value.toFixed(2);
    const share = (((value + reach) / (2 * reach)) * (tiles - 1) + 0.5) / tiles;
    strip.style.setProperty("--place", `${100 * Math.max(0, Math.min(1, share))}%`);
  }

  /** @param {Row} row @param {number} value */
  #move(row, value) {
    setValue(this.#z, row.spec, value);
    this.#showValue(row);
    this.#model.look(this.#z, this);
    this.#refresh(row);
  }

  /** Gives the host the last value only: a held key changes it many times a second. */
  #settleSoon() {
    clearTimeout(this.#timer);
    if (this.#isByKey) this.#timer = setTimeout(() => this.#settle(), SETTLED);
    else this.#settle();
  }

  #settle() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tell("settled", { z: Array.from(this.#z), row: null });
  }

  /** @param {number} tile */
  #valueOf(tile) {
    const { reach, tiles } = this.#data;
    return -reach + (2 * reach * tile) / (tiles - 1);
  }

  /**
   * Redraws the strips, tile by tile across all of them, except that of the slider being moved.
   *
   * @param {Row} [moved]
   */
  #refresh(moved) {
    const rows = this.#rows.filter((row) => row !== moved && row.isVisible);
    this.#decoder.start(
      rows.length * this.#data.tiles,
      (index, z) => {
        z.set(this.#z);
        setValue(z, rows[index % rows.length].spec, this.#valueOf(Math.floor(index / rows.length)));
      },
      (pixels, index) => {
        rows[index % rows.length].painter.paint(pixels, Math.floor(index / rows.length));
      },
    );
  }
}
