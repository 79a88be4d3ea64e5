/**
 * Makes the Plotly map live: the latent under the pointer is looked at, a click makes it the
 * point, arrow keys move it, and box and lasso send the row numbers of what they caught.
 *
 * The chart is Streamlit's; it is found by the key of its container, and found again when
 * Streamlit draws another.
 *
 * @typedef {{content: string, chart: string, z: number[],
 *   plane: import("./plane.js").Plane, label: string}} MapData
 */

import { look, onLook, withModel } from "./hub.js";
import { part } from "./part.js";
import { lift, project } from "./plane.js";

/** A click counts for a dot within so many pixels of it. */
const REACH = 7;
/** A pointer that moves further than this between down and up was dragged, pixels. */
const STILL = 4;
/** An arrow key moves the point by this share of the map's width. */
const STEP = 0.01;
/** Pause after the last arrow key before the server learns of the point, milliseconds. */
const SETTLED = 350;

/** Looks of the ring around the point; the chart is not in this component's shadow tree. */
const MARK = {
  position: "absolute",
  width: "18px",
  height: "18px",
  borderRadius: "50%",
  border: "3px solid #d6336c",
  boxShadow: "0 0 0 2px white, inset 0 0 0 2px white",
};

class LiveMap {
  /** @type {MapData | null} */
  #data = null;
  #send;
  /** @type {import("./model.js").Model | null} */
  #model = null;
  /** Plotly's element. @type {any} */
  #chart = null;
  #marks = null;
  #looked = null;
  #down = null;
  #timer = 0;
  #latent = new Float32Array(0);
  #undo = new AbortController();
  #observer;
  #endLook;

  constructor() {
    this.#observer = new MutationObserver(() => this.#adopt());
    this.#endLook = onLook((z, source) => {
      this.#looked = z;
      if (source !== this) this.#drawMarks();
    });
    this.#observer.observe(document.body, { childList: true, subtree: true });
  }

  update(/** @type {MapData} */ data, send) {
    const isOther = data.content !== this.#data?.content;
    const isMoving = this.#timer && !isOther; // the server does not know of the last keys yet
    this.#data = isMoving ? { ...data, z: this.#data.z } : data;
    this.#send = send;
    if (isOther) {
      this.#model = null;
      withModel(data.content, (model) => {
        if (this.#data?.content === data.content) this.#model = model;
      });
    }
    this.#looked = null;
    this.#latent = new Float32Array(data.z.length);
    this.#adopt();
    this.#drawMarks();
  }

  close() {
    clearTimeout(this.#timer);
    this.#undo.abort();
    this.#observer.disconnect();
    this.#endLook();
    this.#marks?.remove();
    look(null, this);
  }

  /** Takes hold of the chart that is on the page now, if it is another one. */
  #adopt() {
    /** @type {any} */
    const chart = document.querySelector(`.st-key-${this.#data.chart} .js-plotly-plot`);
    if (!chart || chart === this.#chart || !chart._fullLayout?.xaxis?.p2d) return;
    this.#undo.abort();
    this.#undo = new AbortController();
    this.#chart = chart;
    const on = (type, handler) =>
      chart.addEventListener(type, handler, { signal: this.#undo.signal, capture: true });
    on("pointermove", (event) => this.#onMove(event));
    on("pointerdown", (event) => (this.#down = event.target.closest(".modebar") ? null : event));
    on("keydown", (event) => this.#onKey(event));
    window.addEventListener("pointerup", (event) => this.#onUp(event), {
      signal: this.#undo.signal, // while dragging, Plotly covers the page with another element
      capture: true,
    });
    chart.addEventListener("pointerleave", () => look(null, this), {
      signal: this.#undo.signal, // not while capturing: that would hear every child's
    });
    chart.tabIndex = 0;
    chart.setAttribute("role", "application");
    chart.setAttribute("aria-label", this.#data.label);
    chart.on("plotly_afterplot", () => this.#drawMarks());
    chart.on("plotly_relayouting", () => this.#drawMarks());
    chart.on("plotly_selected", (event) => this.#onSelected(event));
    chart.on("plotly_deselect", () => this.#send("rows", ""));
    this.#marks = document.createElement("div");
    this.#marks.innerHTML = `<div class="live-point"></div><div class="live-look"></div>`;
    this.#marks.className = "live-marks";
    Object.assign(this.#marks.style, { position: "absolute", inset: "0", pointerEvents: "none" });
    for (const mark of this.#marks.children) Object.assign(mark.style, MARK);
    Object.assign(this.#marks.lastChild.style, { width: "12px", height: "12px", opacity: "0.8" });
    chart.append(this.#marks);
    this.#drawMarks();
  }

  #onMove(event) {
    const place = this.#placeAt(event);
    if (!place) {
      look(null, this);
      return;
    }
    lift(this.#data.plane, place[0], place[1], this.#latent);
    look(this.#latent, this);
    this.#drawMarks();
  }

  #onUp(event) {
    const down = this.#down;
    this.#down = null;
    const place = this.#placeAt(event);
    if (!down || !place || event.button !== 0 || this.#isSelecting()) return;
    if (Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > STILL) return;
    const row = this.#dotNear(place[0], place[1]);
    const z = row === null ? lift(this.#data.plane, place[0], place[1]) : this.#meanOf(row);
    this.#chart.focus({ preventScroll: true }); // for the arrow keys; Plotly keeps it from getting it
    this.#settle(Array.from(z), row);
  }

  #onKey(event) {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!x && !y) return;
    event.preventDefault();
    const [low, high] = this.#chart._fullLayout.xaxis.range;
    const step = (high - low) * STEP * (event.shiftKey ? 5 : 1);
    const [right, up] = this.#data.plane.directions;
    const z = this.#data.z.map((value, i) => value + step * (x * right[i] + y * up[i]));
    this.#data = { ...this.#data, z };
    look(Float32Array.from(z), this);
    this.#drawMarks();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(z, null), SETTLED);
  }

  #settle(z, row) {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#data = { ...this.#data, z };
    this.#drawMarks();
    this.#send("settled", { z, row });
  }

  /** Sends the rows of the selected dots once, four bytes each. */
  #onSelected(event) {
    if (!event?.points) return;
    const rows = event.points.map((point) => point.customdata).filter(Number.isInteger);
    const bytes = new Uint8Array(Uint32Array.from(rows).buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    this.#send("rows", btoa(text));
  }

  #isSelecting() {
    return ["select", "lasso"].includes(this.#chart._fullLayout.dragmode);
  }

  /** Plane coordinates under the pointer, or null outside the axes. */
  #placeAt(event) {
    const { xaxis, yaxis } = this.#chart._fullLayout;
    const bounds = this.#chart.getBoundingClientRect();
    const x = event.clientX - bounds.left - xaxis._offset;
    const y = event.clientY - bounds.top - yaxis._offset;
    if (x < 0 || y < 0 || x > xaxis._length || y > yaxis._length) return null;
    return [xaxis.p2d(x), yaxis.p2d(y)];
  }

  /** The row of the visible dot within reach of a place, or null. */
  #dotNear(x, y) {
    const { xaxis, yaxis } = this.#chart._fullLayout;
    const [pixelX, pixelY] = [xaxis.d2p(x), yaxis.d2p(y)];
    let found = null;
    let least = REACH;
    for (const trace of this.#chart._fullData) {
      if (trace.visible !== true || !trace.customdata) continue;
      for (let i = 0; i < trace.customdata.length; i++) {
        const distance = Math.hypot(xaxis.d2p(trace.x[i]) - pixelX, yaxis.d2p(trace.y[i]) - pixelY);
        if (distance < least) [least, found] = [distance, trace.customdata[i]];
      }
    }
    return found;
  }

  #meanOf(row) {
    if (!this.#model) return this.#latent;
    const { zMean, latentDim } = this.#model;
    return zMean.subarray(row * latentDim, (row + 1) * latentDim);
  }

  #drawMarks() {
    if (!this.#chart?._fullLayout || !this.#marks) return;
    const [point, looked] = this.#marks.children;
    this.#place(point, this.#data.z);
    looked.hidden = !this.#looked;
    if (this.#looked) this.#place(looked, this.#looked);
  }

  #place(mark, z) {
    const { xaxis, yaxis } = this.#chart._fullLayout;
    const [x, y] = project(this.#data.plane, z);
    const [left, top] = [within(xaxis.d2p(x), xaxis._length), within(yaxis.d2p(y), yaxis._length)];
    const isInside = left === xaxis.d2p(x) && top === yaxis.d2p(y);
    mark.style.borderStyle = isInside ? "solid" : "dotted";
    mark.style.transform =
      `translate(${xaxis._offset + left}px, ${yaxis._offset + top}px) translate(-50%, -50%)`;
  }
}

function within(/** @type {number} */ pixel, /** @type {number} */ length) {
  return Math.min(Math.max(pixel, 0), length);
}

export default part(LiveMap);
