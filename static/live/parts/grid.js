/**
 * The manifold: images decoded on a grid over a plane, drawn a few tiles at a time.
 *
 * @typedef {{content: string, z: number[], plane: import("../shared/plane.js").Plane,
 *   xs: number[], ys: number[], follows: boolean, holes: boolean, label: string}} GridData
 */

import { find, same, write } from "../shared/elements.js";
import { URGENCY } from "../shared/engine.js";
import { Painter } from "../shared/paint.js";
import { decimal, lift, project, through } from "../shared/plane.js";
import { TileDecoder } from "../shared/tiles.js";
import { TileBox } from "./tilebox.js";

const HTML = `
  <div class="picker grid" role="application">
    <canvas></canvas><canvas class="shade"></canvas>
    <div class="tile point" hidden></div><div class="tile cursor" hidden></div>
  </div>
  <div class="caption"></div>`;

export class Grid {
  #hub;
  #model;
  #box;
  #canvas;
  #shade;
  #cursor;
  #point;
  #caption;
  #tiles;
  #decoder;
  #shares;
  /** @type {Painter | null} */
  #painter = null;
  /** @type {GridData} */
  #data = {
    content: "",
    z: [],
    plane: { origin: [], directions: [] },
    xs: [],
    ys: [],
    follows: false,
    holes: false,
    label: "",
  };
  #plane = this.#data.plane;
  #latent;
  #endLook;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub, model, tell }) {
    root.innerHTML = HTML;
    this.#hub = hub;
    this.#model = model;
    this.#box = find(root, ".grid");
    this.#canvas = find(root, "canvas", HTMLCanvasElement);
    this.#shade = find(root, ".shade", HTMLCanvasElement);
    this.#cursor = find(root, ".cursor");
    this.#point = find(root, ".point");
    this.#caption = find(root, ".caption");
    this.#latent = new Float32Array(model.header.latentDim);
    this.#decoder = new TileDecoder(hub.engine, model);
    this.#shares = hub.engine.line(URGENCY.reading);
    const choose = (/** @type {number} */ tile) => {
      const z = Array.from(this.#latentOf(tile));
      this.#drawPoint(z);
      tell("settled", { z, row: null });
    };
    this.#tiles = new TileBox(this.#box, (tile) => this.#pointAt(tile), choose);
    this.#endLook = hub.onLook((z, source) => {
      if (source !== this && this.#data.follows) this.#follow(z ?? this.#data.z);
    });
  }

  /** @param {GridData} data */
  update(data) {
    const { plane, xs, ys, holes } = this.#data;
    const isOther = !same([plane, xs, ys, holes], [data.plane, data.xs, data.ys, data.holes]);
    this.#data = data;
    this.#plane = data.plane;
    this.#box.setAttribute("aria-label", data.label);
    if (isOther) this.#restart();
    this.#drawPoint(data.z);
  }

  close() {
    this.#decoder.close();
    this.#shares.close();
    this.#endLook();
    this.#hub.look(null, this);
  }

  #restart() {
    const { xs, ys } = this.#data;
    const [columns, rows] = [xs.length, ys.length];
    const { imageShape } = this.#model.header;
    const [height, width] = imageShape;
    if (this.#canvas.width !== columns * width || this.#canvas.height !== rows * height) {
      this.#painter = null;
    }
    this.#painter ??= new Painter(this.#canvas, imageShape, columns, rows);
    [this.#shade.width, this.#shade.height] = [columns, rows];
    this.#box.style.aspectRatio = String((columns * width) / (rows * height));
    const count = columns * rows;
    const start = Math.floor(rows / 2) * columns + Math.floor(columns / 2);
    Object.assign(this.#tiles, { columns, rows, count, start });
    this.#redraw();
  }

  #redraw() {
    const { xs, ys, holes } = this.#data;
    const { hole } = this.#model.header.trust;
    const shade = this.#shade.getContext("2d");
    this.#decoder.start(
      xs.length * ys.length,
      (tile, z) => this.#latentOf(tile, z),
      (pixels, tile, share) => {
        this.#painter?.paint(pixels, tile);
        const [x, y] = [tile % xs.length, Math.floor(tile / xs.length)];
        shade?.clearRect(x, y, 1, 1);
        if (share < hole) shade?.fillRect(x, y, 1, 1);
      },
      { shares: holes },
    );
  }

  /** Another part looks elsewhere: the plane goes along. @param {ArrayLike<number>} z */
  #follow(z) {
    const plane = through(this.#data.plane, z);
    this.#drawPoint(z);
    if (same(plane.origin, this.#plane.origin)) return;
    this.#plane = plane;
    this.#redraw();
  }

  /** @param {number} tile @param {Float32Array} [z] where to write it */
  #latentOf(tile, z = this.#latent) {
    const { xs, ys } = this.#data;
    const row = Math.floor(tile / xs.length);
    return lift(this.#plane, xs[tile % xs.length], ys[ys.length - 1 - row], z);
  }

  /** @param {number | null} tile */
  #pointAt(tile) {
    this.#cursor.hidden = tile === null;
    if (tile === null) {
      write(this.#caption, "");
      this.#hub.look(null, this);
      return;
    }
    const z = this.#latentOf(tile);
    this.#tiles.frame(this.#cursor, tile);
    const [x, y] = project(this.#plane, z).map(decimal);
    const { content, problem } = this.#model;
    if (!problem) {
      const request = /** @type {const} */ ({ kind: "tiles", content, shares: true });
      this.#shares.ask({ ...request, latents: z.slice() }, ({ shares }) => {
        const share = `denser than ${Math.floor(shares[0])} % of the test images`;
        if (!this.#cursor.hidden) write(this.#caption, `(${x}, ${y}): ${share}`);
      });
    }
    this.#hub.look(z, this);
  }

  /** Marks the tile that is nearest to a latent. @param {ArrayLike<number>} z */
  #drawPoint(z) {
    const { xs, ys, plane } = this.#data;
    const [x, y] = project(plane, z);
    const [right, top] = [xs, ys].map((values) => 1.1 * Math.max(...values));
    this.#point.hidden = Math.abs(x) > right || Math.abs(y) > top;
    if (this.#point.hidden) return;
    const tile = (ys.length - 1 - closest(ys, y)) * xs.length + closest(xs, x);
    this.#tiles.frame(this.#point, tile);
  }
}

/** @param {number[]} values @param {number} value */
function closest(values, value) {
  const distances = values.map((other) => Math.abs(other - value));
  return distances.indexOf(Math.min(...distances));
}
