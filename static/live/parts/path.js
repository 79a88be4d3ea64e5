/**
 * The pictures on the way from one latent to another, a scrubber along them, and what the kinds of
 * path are like.
 *
 * @typedef {{content: string, z: number[], from: number[], to: number[], label: number,
 *   kind: import("../shared/walk.js").Kind, steps: number, isEven: boolean}} PathData
 * @typedef {{changes: Float64Array, shares: Float32Array, back: number | null}} Measured
 */

import { build, find, same, write } from "../shared/elements.js";
import { URGENCY } from "../shared/engine.js";
import { Painter } from "../shared/paint.js";
import { TileDecoder } from "../shared/tiles.js";
import { FINE, kindsOfPath, resample, walk } from "../shared/walk.js";
import { Scrubber } from "./scrubber.js";
import { TileBox } from "./tilebox.js";

const HTML = `
  <div class="picker strip-of-path" role="application" aria-label="Images along the path; choose one to move the point there"><canvas></canvas><div class="tile cursor" hidden></div></div>
  <div class="caption" aria-live="polite"></div>
  <div class="scrub"></div>
  <table class="scores"><thead><tr><th>Path<th>Change<th>Thin<th>Returns within<th>Largest step</tr></thead>
    <tbody></tbody></table>`;

/** Whether only the point has moved. @param {PathData} data @param {PathData | null} other */
function isSamePath(data, other) {
  return same({ ...data, z: null }, { ...other, z: null });
}

export class Path {
  #box;
  #model;
  #tell;
  #canvas;
  #tiles;
  #decoder;
  #scrubber;
  #line;
  #path = /** @type {number[][]} */ ([]);
  #shares = new Float32Array(0);
  /** @type {PathData | null} */
  #data = null;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub, model, tell }) {
    const box = build("around", HTML);
    root.append(box);
    this.#box = box;
    this.#model = model;
    this.#tell = tell;
    this.#canvas = find(box, "canvas", HTMLCanvasElement);
    this.#decoder = new TileDecoder(hub.engine, model);
    this.#line = hub.engine.line(URGENCY.tiles);
    this.#scrubber = new Scrubber(find(box, ".scrub"), { hub, model, tell });
    const point = (/** @type {number | null} */ tile) => this.#pointAt(tile);
    const choose = (/** @type {number} */ tile) => tell("settled", { z: this.#path[tile] });
    this.#tiles = new TileBox(find(box, ".picker"), point, choose);
  }

  /** @param {PathData} data */
  update(data) {
    const isOther = !isSamePath(data, this.#data);
    this.#data = data;
    if (isOther) this.#measure(kindsOfPath(this.#model), []);
  }

  close() {
    this.#decoder.close();
    this.#line.close();
    this.#scrubber.close();
  }

  /**
   * One kind of path after the other, the chosen one first.
   *
   * @param {import("../shared/walk.js").Kind[]} kinds that are left
   * @param {[string, Measured][]} known
   */
  #measure(kinds, known) {
    const data = /** @type {PathData} */ (this.#data);
    const kind = kinds.find((one) => one === data.kind) ?? kinds[0];
    if (!kind) return;
    const points = walk(this.#model, kind, data.from, data.to);
    const latents = Float32Array.from(points.flat());
    const { content } = this.#model;
    this.#line.ask({ kind: "path", content, latents }, (/** @type {Measured} */ measured) => {
      if (!isSamePath(data, this.#data)) return;
      if (!known.length) this.#show(points, measured);
      known.push([kind, measured]);
      this.#writeScores(known, kindsOfPath(this.#model));
      this.#measure(kinds.filter((one) => one !== kind), known); // prettier-ignore
    });
  }

  /** @param {number[][]} points @param {Measured} measured */
  #show(points, { changes, shares }) {
    const { steps, isEven } = /** @type {PathData} */ (this.#data);
    const changesAtAll = changes[FINE] > 0; // else all of it is one picture
    const places = isEven && changesAtAll ? changes : Float64Array.from(points.keys());
    const whole = places[FINE];
    const at = (/** @type {number} */ count) =>
      Array.from({ length: count }, (_, i) => (whole * i) / (count - 1));
    this.#path = resample(points, places, at(steps));
    this.#shares = Float32Array.from(at(steps), (place) => shares[Math.max(places.findIndex((one) => one >= place - 1e-9), 0)]); // prettier-ignore
    const [height, width] = this.#model.header.imageShape;
    const painter = new Painter(this.#canvas, this.#model.header.imageShape, steps);
    Object.assign(this.#tiles, { columns: steps, count: steps });
    this.#canvas.parentElement?.style.setProperty("aspect-ratio", String((steps * width) / height));
    const latentOf = (/** @type {number} */ tile, /** @type {Float32Array} */ z) => z.set(this.#path[tile]); // prettier-ignore
    this.#decoder.start(steps, latentOf, (pixels, tile) => painter.paint(pixels, tile));
    const scrubbed = resample(points, places, at(FINE));
    this.#scrubber.update({ content: this.#model.content, path: scrubbed });
    this.#tell("path", { path: scrubbed });
  }

  /** @param {number | null} tile */
  #pointAt(tile) {
    const caption = find(this.#box, ".caption");
    if (tile === null) return write(caption, "");
    const way = Math.round((100 * tile) / (this.#path.length - 1));
    const share = Math.floor(this.#shares[tile]);
    write(caption, `${way} % of the way: denser than ${share} % of the test images`);
  }

  /** @param {[string, Measured][]} known @param {string[]} kinds */
  #writeScores(known, kinds) {
    const straight = known.find(([kind]) => kind === kinds[0])?.[1].changes[FINE];
    const rows = kinds.map((kind) => {
      const [, found] = known.find(([name]) => name === kind) ?? [];
      const row = document.createElement("tr");
      const steps = found ? Array.from(found.changes.subarray(1), (c, i) => c - found.changes[i]) : []; // prettier-ignore
      const isThin = (/** @type {number} */ share) => share < this.#model.header.thin;
      const thin = found ? found.shares.filter(isThin).length / (FINE + 1) : 0;
      const cells = found
        ? [
            straight ? (found.changes[FINE] / straight).toFixed(2) : "…",
            `${Math.round(100 * thin)} %`,
            found.back === null ? "unknown" : found.back.toFixed(2),
            `${((Math.max(...steps) * FINE) / (found.changes[FINE] || 1)).toFixed(2)} ×`,
          ]
        : ["…", "…", "…", "…"];
      for (const text of [kind, ...cells]) row.insertCell().textContent = text;
      row.classList.toggle("chosen", kind === this.#data?.kind);
      return row;
    });
    find(this.#box, "tbody").replaceChildren(...rows);
  }
}
