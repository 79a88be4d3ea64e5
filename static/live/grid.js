/**
 * The manifold: images decoded on a grid over a plane, drawn a few tiles in each frame.
 *
 * @typedef {{content: string, z: number[], plane: import("./plane.js").Plane, xs: number[],
 *   ys: number[], follows: boolean, holes: boolean, label: string}} GridData
 */

import { look, onLook, withModel } from "./hub.js";
import { Painter } from "./paint.js";
import { part } from "./part.js";
import { decimal, lift, project, through } from "./plane.js";
import { AT_REST, TileDecoder } from "./tiles.js";

/** Time for tiles in one frame while the plane follows a drag, milliseconds. */
const BUDGET = 7;
/** Percentile of density below which a place is a hole. */
const NO_DATA = 1;

class Grid {
  #box;
  #canvas;
  #shade;
  #cursor;
  #point;
  #caption;
  /** @type {GridData | null} */
  #data = null;
  #send;
  #model = null;
  /** @type {TileDecoder | null} */
  #decoder = null;
  #painter = null;
  #plane;
  #tile = null;
  #latent = new Float32Array(0);
  #endLook;

  constructor(/** @type {HTMLElement} */ root) {
    const box = document.createElement("div");
    box.innerHTML = `
      <div class="picker grid" tabindex="0" role="application">
        <canvas></canvas><canvas class="shade"></canvas>
        <div class="tile point" hidden></div><div class="tile cursor" hidden></div>
      </div>
      <div class="caption"></div>`;
    root.append(box);
    this.#box = box.querySelector(".grid");
    [this.#canvas, this.#shade] = box.querySelectorAll("canvas");
    this.#cursor = box.querySelector(".cursor");
    this.#point = box.querySelector(".point");
    this.#caption = box.querySelector(".caption");
    this.#box.addEventListener("pointermove", (event) => this.#enter(this.#tileAt(event)));
    this.#box.addEventListener("pointerleave", () => this.#leave());
    this.#box.addEventListener("blur", () => this.#leave());
    this.#box.addEventListener("click", (event) => this.#choose(this.#tileAt(event)));
    this.#box.addEventListener("keydown", (event) => this.#onKey(event));
    this.#endLook = onLook((z, source) => {
      if (source !== this && this.#data?.follows) this.#follow(z ?? this.#data.z);
    });
  }

  update(/** @type {GridData} */ data, send) {
    this.#send = send;
    const isOther = data.content !== this.#data?.content;
    const isOtherGrid =
      isOther || ["plane", "xs", "ys", "holes"].some((name) => !same(data[name], this.#data?.[name]));
    this.#data = data;
    this.#plane = data.plane;
    this.#box.setAttribute("aria-label", data.label);
    this.#latent = new Float32Array(data.z.length);
    this.#drawPoint(data.z);
    if (isOther) {
      this.#decoder?.close();
      this.#decoder = null;
      withModel(data.content, (model) => {
        if (this.#data?.content !== data.content) return;
        this.#model = model;
        this.#decoder = new TileDecoder(model.decoder);
        this.#restart();
      });
    } else if (isOtherGrid) {
      this.#restart();
    }
  }

  close() {
    this.#data = { ...this.#data, content: "" }; // a model that arrives later is not for it
    this.#decoder?.close();
    this.#endLook();
    look(null, this);
  }

  #restart() {
    if (!this.#decoder) return;
    const { xs, ys } = this.#data;
    const [height, width] = this.#model.imageShape;
    if (this.#canvas.width !== xs.length * width || this.#canvas.height !== ys.length * height) {
      this.#painter = null;
    }
    this.#painter ??= new Painter(this.#canvas, this.#model.imageShape, xs.length, ys.length);
    this.#shade.width = xs.length;
    this.#shade.height = ys.length;
    this.#box.style.aspectRatio = String((xs.length * width) / (ys.length * height));
    this.#redraw(AT_REST);
  }

  #redraw(/** @type {number} */ budget) {
    const { xs, ys, holes } = this.#data;
    const shade = this.#shade.getContext("2d");
    this.#decoder.start(
      xs.length * ys.length,
      (tile) => this.#latentOf(tile),
      (image, tile) => {
        this.#painter.paint(image, tile);
        const [x, y] = [tile % xs.length, Math.floor(tile / xs.length)];
        shade.clearRect(x, y, 1, 1);
        if (holes && this.#model.percentile(this.#latentOf(tile)) < NO_DATA) shade.fillRect(x, y, 1, 1);
      },
      budget,
    );
  }

  /** Another part looks elsewhere: the plane goes along where the latent leaves it. */
  #follow(z) {
    const plane = through(this.#data.plane, z);
    this.#drawPoint(z);
    if (same(plane.origin, this.#plane.origin)) return;
    this.#plane = plane;
    if (this.#decoder) this.#redraw(BUDGET);
  }

  #latentOf(tile) {
    const { xs, ys } = this.#data;
    const row = Math.floor(tile / xs.length);
    return lift(this.#plane, xs[tile % xs.length], ys[ys.length - 1 - row], this.#latent);
  }

  #enter(tile) {
    if (tile === null || tile === this.#tile || !this.#model) return;
    this.#decoder?.slowDown(BUDGET);
    this.#tile = tile;
    const z = this.#latentOf(tile);
    this.#frameTile(this.#cursor, tile);
    const [x, y] = project(this.#plane, z).map(decimal);
    const share = Math.floor(this.#model.percentile(z));
    this.#caption.textContent = `(${x}, ${y}): denser than ${share} % of the test images`;
    look(z, this);
  }

  #leave() {
    this.#tile = null;
    this.#cursor.hidden = true;
    this.#caption.textContent = "";
    look(null, this);
  }

  #choose(tile) {
    if (tile === null || !this.#model) return;
    const z = Array.from(this.#latentOf(tile));
    this.#drawPoint(z);
    this.#send("settled", { z, row: null });
  }

  #onKey(event) {
    const [columns, rows] = [this.#data.xs.length, this.#data.ys.length];
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const current = this.#tile ?? Math.floor(rows / 2) * columns + Math.floor(columns / 2);
    if (event.key in steps) {
      const next = current + steps[event.key];
      if (next >= 0 && next < columns * rows) this.#enter(next);
    } else if (event.key === "Enter" || event.key === " ") {
      this.#choose(current);
    } else {
      return;
    }
    event.preventDefault();
  }

  #tileAt(event) {
    const { xs, ys } = this.#data;
    const bounds = this.#box.getBoundingClientRect();
    const column = Math.floor(((event.clientX - bounds.left) / bounds.width) * xs.length);
    const row = Math.floor(((event.clientY - bounds.top) / bounds.height) * ys.length);
    if (column < 0 || row < 0 || column >= xs.length || row >= ys.length) return null;
    return row * xs.length + column;
  }

  /** Marks the tile that is nearest to a latent. */
  #drawPoint(z) {
    const { xs, ys, plane } = this.#data;
    const [x, y] = project(plane, z);
    const isInside = Math.abs(x) <= xs.at(-1) * 1.1 && Math.abs(y) <= ys.at(-1) * 1.1;
    if (!isInside) this.#point.hidden = true;
    else this.#frameTile(this.#point, (ys.length - 1 - closest(ys, y)) * xs.length + closest(xs, x));
  }

  #frameTile(mark, tile) {
    const { xs, ys } = this.#data;
    mark.hidden = false;
    mark.style.width = `${100 / xs.length}%`;
    mark.style.height = `${100 / ys.length}%`;
    mark.style.left = `${(100 * (tile % xs.length)) / xs.length}%`;
    mark.style.top = `${(100 * Math.floor(tile / xs.length)) / ys.length}%`;
  }
}

function closest(/** @type {number[]} */ values, /** @type {number} */ value) {
  let best = 0;
  values.forEach((other, i) => {
    if (Math.abs(other - value) < Math.abs(values[best] - value)) best = i;
  });
  return best;
}

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

export default part(Grid);
