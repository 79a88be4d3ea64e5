/**
 * The pictures along a path from one latent to another, a scrubber along it, and scores of the
 * kinds of path.
 *
 * @typedef {{content: string, z: number[], from: number[], to: number[], label: number,
 *   kind: import("../shared/walk.js").Kind, steps: number, isEven: boolean}} PathData
 * @typedef {{changes: Float64Array, shares: Float32Array, back: number | null}} Measured
 */

import { build, find, same, changeText } from "../shared/elements.js";
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
  <table class="scores"><thead><tr><th>Path<th>Change<th>In thin places<th>Return distance<th>Largest step</tr></thead>
    <tbody></tbody></table>`;

/** Whether only the point has moved. @param {PathData} data @param {PathData | null} other */
function isSamePath(data, other) {
  return same({ ...data, z: null }, { ...other, z: null });
}

/**
 * How far along a fine path each of its points lies: if `isEven`, by how much the picture has
 * changed; otherwise, or if it does not change at all, by the distance in the latent space.
 *
 * @param {number[][]} points @param {Float64Array} changes @param {boolean} isEven
 */
export function placesAlong(points, changes, isEven) {
  const last = points.length - 1;
  if (isEven && changes[last] > 0) return changes;
  const travelled = new Float64Array(points.length);
  for (let i = 1; i < points.length; i++) {
    const step = Math.hypot(...points[i].map((value, axis) => value - points[i - 1][axis]));
    travelled[i] = travelled[i - 1] + step;
  }
  return travelled[last] > 0 ? travelled : Float64Array.from(changes.keys());
}

/** Evenly spaced places from 0. @param {number} whole the last place @param {number} count */
function evenly(whole, count) {
  return Array.from({ length: count }, (_, i) => (whole * i) / (count - 1));
}

/**
 * The density percentiles at the first points that lie at least as far as given places.
 *
 * @param {number[]} at the given places
 * @param {Float64Array} places of the points
 * @param {Float32Array} shares density percentiles of the points
 */
function sharesAt(at, places, shares) {
  return at.map((place) => {
    const first = places.findIndex((one) => one >= place - 1e-9);
    return shares[Math.max(first, 0)];
  });
}

/**
 * Scores of a path from its measured points, as `score` in `explorer/core/geodesics.py`.
 *
 * @param {Measured} measured @param {number} thinShare percentile below which a place is thin
 */
export function scoresOf({ changes, shares, back }, thinShare) {
  const steps = Array.from(changes.subarray(1), (change, i) => change - changes[i]);
  const length = changes[steps.length];
  const thin = shares.filter((share) => share < thinShare).length / shares.length;
  const jump = length > 0 ? (Math.max(...steps) * steps.length) / length : 1;
  return { length, thin, back, jump };
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
  #shares = /** @type {number[]} */ ([]);
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
   * Measures one kind of path after the other, the chosen kind first.
   *
   * @param {import("../shared/walk.js").Kind[]} kinds that are left
   * @param {[string, Measured][]} known
   */
  #measure(kinds, known) {
    const data = /** @type {PathData} */ (this.#data);
    const kind = kinds.find((one) => one === data.kind) ?? kinds[0];
    if (!kind) return;
    const points = walk(this.#model, kind, data.from, data.to);
    this.#ask(data, points, (measured) => {
      if (!known.length) this.#show(points, measured);
      const places = placesAlong(points, measured.changes, true);
      const judged = resample(points, places, evenly(places[FINE], this.#model.header.path.judged));
      this.#ask(data, judged, (found) => {
        known.push([kind, found]);
        this.#writeScores(known, kindsOfPath(this.#model));
        this.#measure(kinds.filter((one) => one !== kind), known); // prettier-ignore
      });
    });
  }

  /**
   * Measures points; ignores the answer if another path is shown by then.
   *
   * @param {PathData} data @param {number[][]} points @param {(measured: Measured) => void} use
   */
  #ask(data, points, use) {
    const latents = Float32Array.from(points.flat());
    const { content } = this.#model;
    this.#line.ask({ kind: "path", content, latents }, (/** @type {Measured} */ measured) => {
      if (isSamePath(data, this.#data)) use(measured);
    });
  }

  /** @param {number[][]} points @param {Measured} measured */
  #show(points, { changes, shares }) {
    const { steps, isEven } = /** @type {PathData} */ (this.#data);
    const places = placesAlong(points, changes, isEven);
    const whole = places[FINE];
    this.#path = resample(points, places, evenly(whole, steps));
    this.#shares = sharesAt(evenly(whole, steps), places, shares);
    const [height, width] = this.#model.header.imageShape;
    const painter = new Painter(this.#canvas, this.#model.header.imageShape, steps);
    Object.assign(this.#tiles, { columns: steps, count: steps });
    this.#canvas.parentElement?.style.setProperty("aspect-ratio", String((steps * width) / height));
    const latentOf = (/** @type {number} */ tile, /** @type {Float32Array} */ z) => z.set(this.#path[tile]); // prettier-ignore
    this.#decoder.start(steps, latentOf, (pixels, tile) => painter.paint(pixels, tile));
    const at = evenly(whole, FINE);
    const scrubbed = resample(points, places, at);
    const density = sharesAt(at, places, shares);
    this.#scrubber.update({ content: this.#model.content, path: scrubbed, density });
    this.#tell("path", { path: scrubbed });
  }

  /** @param {number | null} tile */
  #pointAt(tile) {
    const caption = find(this.#box, ".caption");
    if (tile === null) return changeText(caption, "");
    const way = Math.round((100 * tile) / (this.#path.length - 1));
    const share = Math.floor(this.#shares[tile]);
    changeText(caption, `${way} % of the way: denser than ${share} % of the test images`);
  }

  /** @param {[string, Measured][]} known @param {string[]} kinds */
  #writeScores(known, kinds) {
    const straight = known.find(([kind]) => kind === kinds[0])?.[1].changes.at(-1);
    const rows = kinds.map((kind) => {
      const [, found] = known.find(([name]) => name === kind) ?? [];
      const row = document.createElement("tr");
      const scores = found && scoresOf(found, this.#model.header.path.thin);
      const cells = scores
        ? [
            straight ? (scores.length / straight).toFixed(2) : "…",
            `${Math.round(100 * scores.thin)} %`,
            scores.back === null ? "unknown" : scores.back.toFixed(2),
            `${scores.jump.toFixed(2)} ×`,
          ]
        : ["…", "…", "…", "…"];
      for (const text of [kind, ...cells]) row.insertCell().textContent = text;
      row.classList.toggle("chosen", kind === this.#data?.kind);
      return row;
    });
    find(this.#box, "tbody").replaceChildren(...rows);
  }
}
