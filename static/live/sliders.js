/**
 * One slider per latent dimension, each with a strip of what that dimension does around the
 * latent that is looked at.
 *
 * @typedef {{dimension: number, label: string, note: string}} Row
 * @typedef {{content: string, z: number[], rows: Row[], reach: number, tiles: number}} SlidersData
 */

import { look, onLook, withModel } from "./hub.js";
import { Painter } from "./paint.js";
import { part } from "./part.js";
import { AT_REST, TileDecoder } from "./tiles.js";

/** Time for strips in one frame of a drag, when the lens changes with every frame, milliseconds. */
const BUDGET = 4;
const STEP = 0.01;
/** Pause after the last key before the server learns of the point, milliseconds. */
const SETTLED = 350;

class Sliders {
  #box;
  /** @type {SlidersData | null} */
  #data = null;
  #send;
  #rows = [];
  /** @type {WeakMap<Element, any>} */
  #rowOf = new WeakMap();
  #z = new Float32Array(0);
  #moved = new Float32Array(0);
  /** @type {TileDecoder | null} */
  #decoder = null;
  #imageShape = [];
  #isHeld = false;
  #isByKey = false;
  #timer = 0;
  #undo = new AbortController();
  #endLook;
  #visible;

  constructor(/** @type {HTMLElement} */ root) {
    this.#box = document.createElement("div");
    this.#box.className = "sliders";
    root.append(this.#box);
    const release = () => (this.#isHeld = false);
    for (const type of ["pointerup", "pointercancel"]) {
      window.addEventListener(type, release, { signal: this.#undo.signal, capture: true });
    }
    this.#visible = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        this.#rowOf.get(target).isVisible = isIntersecting;
      }
      this.#refresh(BUDGET); // the page is being scrolled, perhaps
    });
    this.#endLook = onLook((z, source) => {
      if (source !== this) this.#take(z ?? this.#data?.z, BUDGET);
    });
  }

  update(/** @type {SlidersData} */ data, send) {
    this.#send = send;
    const isOther = data.content !== this.#data?.content;
    const isOtherList = JSON.stringify(data.rows) !== JSON.stringify(this.#data?.rows);
    this.#data = data;
    if (isOther || isOtherList) this.#build();
    if (isOther) {
      this.#decoder?.close();
      this.#decoder = null;
      withModel(data.content, (model) => {
        if (this.#data?.content !== data.content) return;
        this.#decoder = new TileDecoder(model.decoder);
        this.#imageShape = model.imageShape;
        this.#preparePainters();
      });
    } else if (isOtherList && this.#decoder) {
      this.#preparePainters();
    }
    const isMoving = this.#isHeld || this.#timer; // what the server says now is out of date
    if (isOther || !isMoving) this.#take(data.z);
  }

  close() {
    clearTimeout(this.#timer);
    this.#undo.abort();
    this.#data = { ...this.#data, content: "" }; // a model that arrives later is not for it
    this.#decoder?.close();
    this.#visible.disconnect();
    this.#endLook();
  }

  #build() {
    this.#visible.disconnect();
    this.#rows = this.#data.rows.map((spec) => this.#buildRow(spec));
    this.#box.replaceChildren(...this.#rows.map((row) => row.element));
    for (const row of this.#rows) this.#visible.observe(row.element);
  }

  #buildRow({ dimension, label, note }) {
    const element = document.createElement("div");
    element.className = "dimension";
    element.innerHTML = `
      <label><b></b> <small></small></label>
      <input type="number" step="${STEP}" class="typed">
      <input type="range" step="${STEP}" class="range">
      <canvas class="strip"></canvas>`;
    const [name, typed, range, strip] = /** @type {any} */ (element.children);
    name.children[0].textContent = label;
    name.children[1].textContent = note;
    range.setAttribute("aria-label", `${label}, ${note}`);
    typed.setAttribute("aria-label", `${label}, value`);
    const row = { element, dimension, typed, range, strip, painter: null, isVisible: false };
    this.#rowOf.set(element, row);
    range.addEventListener("pointerdown", () => (this.#isHeld = true));
    for (const input of [range, typed]) {
      input.addEventListener("keydown", () => (this.#isByKey = true));
      input.addEventListener("pointerdown", () => (this.#isByKey = false));
      input.addEventListener("blur", () => this.#timer && this.#tell());
    }
    range.addEventListener("input", () => this.#move(row, Number(range.value)));
    range.addEventListener("change", () => this.#settle());
    range.addEventListener("dblclick", () => {
      this.#move(row, 0);
      this.#settle();
    });
    typed.addEventListener("change", () => {
      if (!Number.isFinite(typed.valueAsNumber)) return;
      this.#move(row, Math.max(-99, Math.min(99, typed.valueAsNumber)));
      this.#settle();
    });
    strip.addEventListener("click", (event) => {
      this.#isByKey = false;
      const tile = Math.floor((event.offsetX / strip.clientWidth) * this.#data.tiles);
      this.#move(row, this.#valueOf(Math.min(tile, this.#data.tiles - 1)));
      this.#settle();
    });
    return row;
  }

  #preparePainters() {
    const shape = this.#imageShape;
    for (const row of this.#rows) {
      row.painter = new Painter(row.strip, shape, this.#data.tiles);
      row.strip.style.aspectRatio = String((this.#data.tiles * shape[1]) / shape[0]);
    }
    this.#refresh(AT_REST);
  }

  #take(z, budget = AT_REST) {
    if (!z || z.length !== this.#data?.z.length) return;
    if (this.#z.length !== z.length) {
      this.#z = new Float32Array(z.length);
      this.#moved = new Float32Array(z.length);
    }
    this.#z.set(z);
    for (const row of this.#rows) this.#showValue(row);
    this.#refresh(budget);
  }

  #showValue({ dimension, typed, range }) {
    const value = this.#z[dimension];
    const reach = Math.max(this.#data.reach, Math.ceil(Math.abs(value)));
    range.min = -reach;
    range.max = reach;
    range.value = value;
    typed.value = value.toFixed(2);
  }

  #move(row, value) {
    this.#z[row.dimension] = value;
    this.#showValue(row);
    look(this.#z, this);
    this.#refresh(BUDGET, row);
  }

  /** A held key changes the value many times a second; the server learns of the last one. */
  #settle() {
    clearTimeout(this.#timer);
    if (this.#isByKey) this.#timer = setTimeout(() => this.#tell(), SETTLED);
    else this.#tell();
  }

  #tell() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#send("settled", { z: Array.from(this.#z), row: null });
  }

  #valueOf(tile) {
    const { reach, tiles } = this.#data;
    return -reach + (2 * reach * tile) / (tiles - 1);
  }

  /** Draws the strips anew, tile by tile across all of them, but the one that was moved. */
  #refresh(budget, moved = null) {
    if (!this.#decoder) return;
    for (const row of this.#rows) this.#markTile(row);
    const rows = this.#rows.filter((row) => row !== moved && row.isVisible);
    this.#decoder.start(
      rows.length * this.#data.tiles,
      (index) => {
        this.#moved.set(this.#z);
        this.#moved[rows[index % rows.length].dimension] = this.#valueOf(Math.floor(index / rows.length));
        return this.#moved;
      },
      (image, index) => {
        rows[index % rows.length].painter.paint(image, Math.floor(index / rows.length));
      },
      budget,
    );
  }

  #markTile({ strip, dimension }) {
    const { reach, tiles } = this.#data;
    const share = (this.#z[dimension] + reach) / (2 * reach);
    const place = Math.max(0, Math.min(1, (share * (tiles - 1) + 0.5) / tiles));
    strip.style.setProperty("--place", `${100 * place}%`);
  }
}

export default part(Sliders);
