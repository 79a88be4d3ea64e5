/**
 * Makes a Plotly map live: the latent under the pointer is looked at, a click makes it the
 * point, arrow keys move it, and box and lasso tell the rows of what they caught.
 *
 * The chart is the host's; it is found by a selector, and found again when the host draws
 * another.
 *
 * @typedef {{content: string, chart: string, z: number[],
 *   plane: import("../shared/plane.js").Plane, label: string}} MapData
 */

import { alertOf, build, same, write } from "../shared/elements.js";
import { lift, project } from "../shared/plane.js";
import { Chart } from "./chart.js";

/** A dot is pointed at within so many pixels. */
const REACH = 7;
/** A pointer that moves further than this between down and up was dragged, pixels. */
const STILL = 4;
/** An arrow key moves the point by this share of the map's width. */
const STEP = 0.01;
/** Pause after the last arrow key before the host learns of the point, milliseconds. */
const SETTLED = 350;
/** A chart that is not there after so long never will be, milliseconds. */
const PATIENCE = 20_000;

const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
});

/** Looks of what lies over the chart, which may be outside of this part's shadow tree. */
const STYLE = `
  .live-marks { position: absolute; inset: 0; pointer-events: none; }
  .live-marks > * { position: absolute; left: 0; top: 0; will-change: transform; }
  .live-point, .live-look {
    width: 18px; height: 18px; border-radius: 50%; border: 3px solid #d6336c;
    box-shadow: 0 0 0 2px white, inset 0 0 0 2px white;
  }
  .live-look { width: 12px; height: 12px; opacity: 0.8; }
  .live-name {
    border-width: 0; padding: 1px 7px; border-radius: 4px; white-space: nowrap; font-size: 13px;
    background: #1f1b2e; color: white; box-shadow: 0 0 0 1px white;
  }
  .live-marks [hidden] { display: none; }`;

export class LiveMap {
  #root;
  #hub;
  #model;
  #tell;
  /** @type {MapData} */
  #data = { content: "", chart: "", z: [], plane: { origin: [], directions: [] }, label: "" };
  /** @type {Chart | null} */
  #chart = null;
  #marks = build("live-marks", `<style>${STYLE}</style>`);
  #point = build("live-point");
  #looked = build("live-look");
  #name = build("live-name");
  /** Plane coordinates of the test images' means, x and y in turn. */
  #dots = new Float32Array(0);
  /** What is looked at. @type {Float32Array | null} */
  #z = null;
  /** The test image whose dot is pointed at. @type {number | null} */
  #row = null;
  #frame = 0;
  /** @type {PointerEvent | null} */
  #down = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #latent;
  #undo = new AbortController();
  #observer;
  #patience;
  #endLook;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub, model, tell }) {
    this.#root = root;
    this.#hub = hub;
    this.#model = model;
    this.#tell = tell;
    this.#latent = new Float32Array(model.header.latentDim);
    this.#marks.append(this.#point, this.#looked, this.#name);
    this.#observer = new MutationObserver(() => this.#adopt());
    this.#observer.observe(document.body, { childList: true, subtree: true });
    this.#endLook = hub.onLook((z, source) => {
      this.#z = z;
      if (source !== this) this.#row = null;
      this.#drawSoon();
    });
    this.#patience = setTimeout(() => {
      root.append(alertOf("The map is not live: its chart is not built as this page expects."));
    }, PATIENCE);
  }

  /** @param {MapData} data */
  update(data) {
    const isOtherPlane = !same(data.plane, this.#data.plane);
    const z = this.#timer ? this.#data.z : data.z; // the host does not know of the last keys yet
    this.#data = { ...data, z };
    if (isOtherPlane) this.#projectDots();
    this.#z = this.#row = null;
    this.#adopt();
    this.#drawSoon();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    clearTimeout(this.#patience);
    this.#letGo();
    this.#observer.disconnect();
    this.#endLook();
    this.#hub.look(null, this);
  }

  #projectDots() {
    const { labels } = this.#model;
    this.#dots = new Float32Array(2 * labels.length);
    for (let row = 0; row < labels.length; row++) {
      this.#dots.set(project(this.#data.plane, this.#model.meanOf(row)), 2 * row);
    }
  }

  /** Takes hold of the chart that is on the page now, if it is another one. */
  #adopt() {
    const element = Chart.find(this.#data.chart);
    if (!element || element === this.#chart?.element) return;
    this.#letGo();
    clearTimeout(this.#patience);
    this.#root.replaceChildren();
    this.#undo = new AbortController();
    const { signal } = this.#undo;
    const options = { signal, capture: true };
    this.#chart = new Chart(element, () => this.#drawSoon());
    element.addEventListener("pointermove", (event) => this.#onMove(event), options);
    element.addEventListener("pointerdown", (event) => this.#onDown(event), options);
    element.addEventListener("keydown", (event) => this.#onKey(event), options);
    // While dragging, Plotly covers the page with another element
    window.addEventListener("pointerup", (event) => this.#onUp(event), options);
    // Not while capturing: that would hear every child's
    element.addEventListener("pointerleave", () => this.#onLeave(), { signal });
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", this.#data.label);
    element.on("plotly_selected", (event) => this.#onSelected(event, signal));
    element.on("plotly_deselect", () => signal.aborted || this.#tell("rows", ""));
    element.append(this.#marks);
    this.#drawSoon();
  }

  #letGo() {
    this.#undo.abort();
    this.#marks.remove();
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const place = this.#chart?.placeAt(event) ?? null;
    this.#row = place && this.#dotNear(...place);
    this.#hub.look(place && lift(this.#data.plane, ...place, this.#latent), this);
  }

  #onLeave() {
    this.#row = null;
    this.#hub.look(null, this);
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    this.#down = Chart.isOnButtons(event) ? null : event;
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    const down = this.#down;
    const chart = this.#chart;
    this.#down = null;
    const place = chart?.placeAt(event);
    if (!down || !chart || !place || event.button !== 0 || chart.isSelecting) return;
    if (Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > STILL) return;
    const row = this.#dotNear(...place);
    const z = row === null ? lift(this.#data.plane, ...place) : this.#model.meanOf(row);
    chart.element.focus({ preventScroll: true }); // for the arrow keys; Plotly keeps it from that
    this.#settle(Array.from(z), row);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    const [x, y] = ARROWS[event.key];
    const step = (this.#chart?.width ?? 0) * STEP * (event.shiftKey ? 5 : 1);
    const [right, up] = this.#data.plane.directions;
    const z = this.#data.z.map((value, i) => value + step * (x * right[i] + y * up[i]));
    this.#data = { ...this.#data, z };
    this.#hub.look(Float32Array.from(z), this);
    this.#drawSoon();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(z, null), SETTLED);
  }

  /** @param {number[]} z @param {number | null} row */
  #settle(z, row) {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#data = { ...this.#data, z };
    this.#drawSoon();
    this.#tell("settled", { z, row });
  }

  /**
   * Tells the rows of the selected dots once, four bytes each.
   *
   * @param {{points?: {customdata: unknown}[]} | undefined} event
   * @param {AbortSignal} signal
   */
  #onSelected(event, signal) {
    if (!event?.points || signal.aborted) return;
    const rows = event.points.map(({ customdata }) => Number(customdata)).filter(Number.isInteger);
    const bytes = new Uint8Array(Uint32Array.from(rows).buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    this.#tell("rows", btoa(text));
  }

  /**
   * The row of the visible dot within reach of a place, or null.
   *
   * @param {number} x
   * @param {number} y
   */
  #dotNear(x, y) {
    const { labels } = this.#model;
    const {
      pixelsPerUnit: [across, down],
      hiddenClasses,
    } = /** @type {Chart} */ (this.#chart);
    const dots = this.#dots;
    let found = null;
    let least = REACH ** 2;
    for (let row = 0; row < labels.length; row++) {
      const distance = ((dots[2 * row] - x) * across) ** 2 + ((dots[2 * row + 1] - y) * down) ** 2;
      if (distance < least && !hiddenClasses.has(labels[row])) [least, found] = [distance, row];
    }
    return found;
  }

  /** Once a frame, after its events: what they hit would have to be laid out before each. */
  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const row = this.#row;
      this.#place(this.#point, this.#data.z);
      this.#place(this.#looked, this.#z);
      this.#place(this.#name, row === null ? null : this.#model.meanOf(row), "-180%");
      if (row !== null) write(this.#name, this.#model.classOf(row));
    });
  }

  /** @param {HTMLElement} mark @param {ArrayLike<number> | null} z @param {string} [shift] */
  #place(mark, z, shift = "-50%") {
    mark.hidden = z === null;
    if (!this.#chart || !z) return;
    const { left, top, isInside } = this.#chart.pixelOf(...project(this.#data.plane, z));
    mark.style.borderStyle = isInside ? "solid" : "dotted";
    mark.style.transform = `translate(${left}px, ${top}px) translate(-50%, ${shift})`;
  }
}
