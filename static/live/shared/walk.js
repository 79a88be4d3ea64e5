/**
 * Paths from one latent to another, as in `explorer/core/paths.py`. A path along the data joins
 * each end to its nearest image; `explorer/bundle/walks.py` joins it to several.
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {"Straight line" | "Great arc" | "Along the data"} Kind
 * @typedef {{first: Uint32Array, to: Uint32Array, costs: Float32Array}} Graph the edges of row i
 *   are those from `first[i]` to `first[i + 1]`
 */

import { dot, perpendicular } from "./plane.js";
import { nearestLatents } from "./space.js";

/** Number of steps in which a path is measured. */
export const FINE = 100;
/** Two directions are the same if the sine of the angle between them is smaller. */
const TINY = 1e-7;

/** @type {WeakMap<Model, Graph | null>} */
const graphs = new WeakMap();

/**
 * The kinds of path that a model has; without a graph of its data there is none along the data.
 *
 * @param {Model} model
 */
export function kindsOfPath(model) {
  const kinds = /** @type {Kind[]} */ (["Straight line", "Great arc"]);
  return graphOf(model) ? [...kinds, /** @type {const} */ ("Along the data")] : kinds;
}

/**
 * A path in fine steps.
 *
 * @param {Model} model @param {Kind} kind @param {ArrayLike<number>} a @param {ArrayLike<number>} b
 * @returns {number[][]} `FINE` + 1 latents
 */
export function walk(model, kind, a, b) {
  const steps = Array.from({ length: FINE + 1 }, (_, i) => i / FINE);
  if (kind === "Great arc") return arc(Array.from(a), Array.from(b), steps);
  const corners = kind === "Along the data" ? alongData(model, a, b) : [a, b];
  const places = corners.map((_, i) => i / (corners.length - 1));
  return resample(corners, places, steps);
}

/**
 * Points on a path of straight segments.
 *
 * @param {ArrayLike<number>[]} path its corners
 * @param {ArrayLike<number>} places how far along the path each corner lies, ascending
 * @param {number[]} at how far along the path the points lie, ascending
 */
export function resample(path, places, at) {
  let i = 0;
  return at.map((place) => {
    while (i < path.length - 2 && places[i + 1] < place) i++;
    const width = places[i + 1] - places[i];
    const share = width > 0 ? Math.min(Math.max((place - places[i]) / width, 0), 1) : 0;
    return mix(path[i], path[i + 1], share);
  });
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b @param {number} t */
function mix(a, b, t) {
  return Array.from(a, (value, i) => value * (1 - t) + b[i] * t);
}

/** @param {number[]} a @param {number[]} b @param {number[]} steps */
function arc(a, b, steps) {
  const [from, to] = [Math.hypot(...a), Math.hypot(...b)];
  const start = a.map((value) => value / from);
  const cosine = dot(start, b) / to;
  const towards = b.map((value) => value / to);
  let side = perpendicular(towards, start);
  const sine = Math.hypot(...side);
  const isLine = !(from > 0 && to > 0) || (sine < TINY && (cosine > 0 || a.length === 1));
  if (isLine) return steps.map((t) => mix(a, b, t));
  if (sine < TINY) {
    const least = start.reduce((best, value, i) => (Math.abs(value) < Math.abs(start[best]) ? i : best), 0); // prettier-ignore
    const across = start.map((_, i) => Number(i === least));
    side = perpendicular(across, start);
  }
  const length = Math.hypot(...side);
  const whole = Math.atan2(sine, cosine);
  return steps.map((t) => {
    const radius = (1 - t) * from + t * to;
    const [along, across] = [Math.cos(t * whole), Math.sin(t * whole) / length];
    return start.map((value, i) => radius * (along * value + across * side[i]));
  });
}

/**
 * The corners of the cheapest path through the data (Dijkstra 1959). A place that is not a test
 * image's own is joined to the nearest image.
 *
 * @param {Model} model @param {ArrayLike<number>} a @param {ArrayLike<number>} b
 * @returns {ArrayLike<number>[]}
 */
function alongData(model, a, b) {
  const { first, to, costs } = /** @type {Graph} */ (graphOf(model));
  const [start, end] = [a, b].map((z) => nearestNode(model, first, z));
  const distances = new Float64Array(first.length - 1).fill(Infinity);
  const before = new Int32Array(first.length - 1).fill(-1);
  const queue = new Queue();
  distances[start] = 0;
  queue.push(start, 0);
  for (let row = queue.pop(); row !== undefined && row !== end; row = queue.pop()) {
    for (let i = first[row]; i < first[row + 1]; i++) {
      const distance = distances[row] + costs[i];
      if (distance >= distances[to[i]]) continue;
      distances[to[i]] = distance;
      before[to[i]] = row;
      queue.push(to[i], distance);
    }
  }
  const rows = [end];
  while (before[rows[0]] >= 0) rows.unshift(before[rows[0]]);
  const ends = [a, ...rows.map((row) => model.meanOf(row)), b];
  return ends.filter(
    (z, i) => i === 0 || i === ends.length - 1 || !model.isSame(z, i === 1 ? a : b),
  );
}

/** @param {Model} model @param {Uint32Array} first @param {ArrayLike<number>} z */
function nearestNode(model, first, z) {
  const near = nearestLatents(model.zMean, z, 50).map(({ row }) => row);
  return near.find((row) => first[row + 1] > first[row]) ?? near[0];
}

/** @param {Model} model */
function graphOf(model) {
  let graph = graphs.get(model);
  if (graph === undefined) graphs.set(model, (graph = readGraph(model)));
  return graph;
}

/** Edges in both directions, sorted by their start. @param {Model} model @returns {Graph | null} */
function readGraph(model) {
  if (!model.header.sections.edges) return null;
  const edges = new Uint32Array(model.section("edges").slice().buffer);
  const prices = model.floats("edgeCosts");
  const first = new Uint32Array(model.labels.length + 1);
  for (const row of edges) first[row + 1] += 1;
  for (let row = 1; row < first.length; row++) first[row] += first[row - 1];
  const next = first.slice();
  const [to, costs] = [new Uint32Array(edges.length), new Float32Array(edges.length)];
  for (let i = 0; i < edges.length; i++) {
    const at = next[edges[i]]++; // one end of each edge, then the other ends
    to[at] = edges[(i + prices.length) % edges.length];
    costs[at] = prices[i % prices.length];
  }
  return { first, to, costs };
}

/** A priority queue of rows, the nearest first: a binary heap. */
class Queue {
  /** @type {[number, number][]} row and distance */
  #heap = [];

  /** @param {number} row @param {number} distance */
  push(row, distance) {
    const heap = this.#heap;
    let at = heap.length;
    for (let up = (at - 1) >> 1; at > 0 && heap[up][1] > distance; up = (at - 1) >> 1) {
      heap[at] = heap[up];
      at = up;
    }
    heap[at] = [row, distance];
  }

  pop() {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last && heap.length) {
      let at = 0;
      for (let down = 1; down < heap.length; down = 2 * at + 1) {
        if (heap[down + 1]?.[1] < heap[down][1]) down++;
        if (heap[down][1] >= last[1]) break;
        heap[at] = heap[down];
        at = down;
      }
      heap[at] = last;
    }
    return top?.[0];
  }
}
