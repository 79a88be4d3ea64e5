/**
 * Maps: places in the plane ↔ latents.
 *
 * A plane of the latent space is exact, but with more than two dimensions only a slice. A
 * neighbourhood map is the layout of `explorer/core/neighbourhood.py`; a place between its dots is
 * decoded from the latents of the nearest dots.
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {"neighbourhoods" | "principal" | "dimensions" | "directions"} Kind
 * @typedef {PlaneMap | NeighbourhoodMap} LatentMap
 */

import { Cells } from "./cells.js";
import { lift, project, rejection, through } from "./plane.js";
import { nearestLatents } from "./space.js";

/** Share of the dots that lies beyond each side of a map at first. */
const OUTSIDE = 0.0005;
/** Largest number of dots from which the first extent of a map is found, approximately. */
const SAMPLED = 50_000;

/**
 * The kinds of map that a model has; the first is the default.
 *
 * @param {Model} model
 * @returns {Kind[]}
 */
export function kindsOf({ header, directions }) {
  const kinds = /** @type {Kind[]} */ (Object.keys(header.maps));
  return kinds.filter((kind) => kind !== "directions" || directions.length > 1);
}

/**
 * A map of a model.
 *
 * @param {Model} model @param {Kind} kind
 * @param {{axes?: number[], z: ArrayLike<number>}} options the dimensions or directions that span
 *   a plane, the two dimensions of largest KL if left out, and the point that it passes through
 * @returns {LatentMap}
 */
export function makeMap(model, kind, { axes = model.header.mainDimensions, z }) {
  const { latentDim, principal } = model.header;
  if (kind === "neighbourhoods") return new NeighbourhoodMap(model);
  if (kind === "principal" && principal) return new PlaneMap(model, kind, principal);
  const origin = new Array(latentDim).fill(0);
  if (kind === "directions") {
    const [first, second] = axes.map((i) => model.directions[i]);
    const across = rejection(second.unit, first.unit);
    if (!across) return makeMap(model, "dimensions", { z }); // the directions are parallel
    const plane = through({ origin, directions: [first.unit, across] }, z);
    return new PlaneMap(model, kind, { ...plane, labels: [first.name, second.name] });
  }
  const labels = axes.map(axisLabel);
  const unit = (/** @type {number} */ axis) => origin.map((_, i) => Number(i === axis));
  const directions = axes.map(unit);
  if (latentDim === 1) [directions[1], labels[1]] = [[0], ""]; // it runs to the right
  const plane = through({ origin, directions }, z);
  return new PlaneMap(model, "dimensions", { ...plane, labels: [labels[0], labels[1]] });
}

/** Name of a latent dimension, counted from 1: dimension 0 is z₁. @param {number} dimension */
export function axisLabel(dimension) {
  const digits = String(dimension + 1).replace(/./g, (digit) =>
    String.fromCharCode(0x2080 + Number(digit)),
  );
  return `z${digits}`;
}

/** Where the dots of all test images lie. */
class Layout {
  /** The layouts of each model, by their names. */
  static #known = /** @type {WeakMap<Model, Map<string, Layout>>} */ (new WeakMap());

  /** @param {Float32Array} places */
  constructor(places) {
    this.places = places;
    this.cells = new Cells(places);
    this.extent = extentOf(places);
  }

  /**
   * A layout, made once for each model.
   *
   * @param {Model} model @param {string} name @param {() => Float32Array} make
   */
  static of(model, name, make) {
    const layouts = Layout.#known.get(model) ?? new Map();
    Layout.#known.set(model, layouts);
    if (!layouts.has(name)) layouts.set(name, new Layout(make()));
    return /** @type {Layout} */ (layouts.get(name));
  }
}

/** What both kinds of map have in common. */
class BaseMap {
  /** @param {Kind} kind @param {Layout} layout @param {[string, string]} labels */
  constructor(kind, { places, cells, extent }, labels) {
    this.kind = kind;
    /** Where the test images lie, x and y in turn. */
    this.places = places;
    /** Left, right, bottom and top of what is shown at first. */
    this.extent = extent;
    /** Titles of the axes; empty where the axes mean nothing. */
    this.labels = labels;
    this.cells = cells;
  }

  /**
   * The test image whose dot is nearest to a place, or −1.
   *
   * @param {number} x @param {number} y
   * @param {number} [reach] largest distance
   * @param {(row: number) => boolean} [accepts] whether an image counts
   */
  nearest(x, y, reach, accepts) {
    return this.cells.nearest(x, y, 1, reach, accepts)[0]?.row ?? -1;
  }
}

/** A plane of the latent space. */
class PlaneMap extends BaseMap {
  #model;
  #plane;
  /** @type {Float32Array | null | undefined} */
  #off;

  /**
   * @param {Model} model @param {Kind} kind
   * @param {import("./plane.js").Plane & {labels: [string, string]}} plane
   */
  constructor(model, kind, plane) {
    const { labels, ...rest } = plane;
    const isCentred = kind !== "principal"; // whatever the point, the dots are counted from 0
    const still = { ...rest, origin: isCentred ? plane.origin.map(() => 0) : plane.origin };
    const layout = Layout.of(model, JSON.stringify(still), () => projectAll(model, still));
    super(kind, layout, labels);
    this.#model = model;
    this.#plane = rest;
  }

  /** How far each test image is off the plane; null if all lie in it. */
  get off() {
    if (this.#off === undefined) {
      const isAll = this.#model.header.latentDim <= 2;
      this.#off = isAll ? null : distances(this.#model, this.#plane, this.places);
    }
    return this.#off;
  }

  /** @param {number} x @param {number} y @param {Float32Array} [z] where to write it */
  lift(x, y, z) {
    return lift(this.#plane, x, y, z);
  }

  /** Where a latent lies. @param {ArrayLike<number>} z @returns {[number, number]} */
  place(z) {
    return project(this.#plane, z);
  }

  isEmpty() {
    return false;
  }

  /** Whether the plane moves with the point, to pass through it. */
  get isMoving() {
    return this.kind !== "principal" && this.#model.header.latentDim > 2;
  }
}

/** A layout that preserves neighbourhoods. */
class NeighbourhoodMap extends BaseMap {
  #model;
  off = null;
  isMoving = false;

  /** @param {Model} model */
  constructor(model) {
    const layout = Layout.of(model, "neighbourhoods", () => model.floats("places"));
    super("neighbourhoods", layout, ["", ""]);
    this.#model = model;
  }

  /**
   * The weighted mean of the nearest dots' latents, with weights 1 / distance² (Shepard 1968).
   *
   * @param {number} x @param {number} y
   * @param {Float32Array} [z] where to write it
   */
  lift(x, y, z = new Float32Array(this.#model.header.latentDim)) {
    const near = this.cells.nearest(x, y, this.#model.header.placing.neighbours);
    const weights = shepard(near.map(({ squared }) => squared));
    z.fill(0);
    near.forEach(({ row }, i) => {
      const mean = this.#model.meanOf(row);
      for (let d = 0; d < z.length; d++) z[d] += weights[i] * mean[d];
    });
    return z;
  }

  /**
   * Where a latent lies: the weighted mean of its nearest images' places, among those that lie
   * together (`_place_among` in Python).
   *
   * @param {ArrayLike<number>} z
   * @returns {[number, number]}
   */
  place(z) {
    const { neighbours, reach } = this.#model.header.placing;
    const near = nearestLatents(this.#model.zMean, z, neighbours);
    const weights = shepard(near.map(({ squared }) => squared));
    const at = near.map(({ row }) => [this.places[2 * row], this.places[2 * row + 1]]);
    let best = weights;
    let most = -1;
    for (const [x, y] of at) {
      const together = weights.map((weight, i) =>
        Math.hypot(at[i][0] - x, at[i][1] - y) <= reach ? weight : 0,
      );
      const sum = total(together);
      if (sum > most) [most, best] = [sum, together];
    }
    const [x, y] = [0, 1].map(
      (axis) => total(best.map((weight, i) => weight * at[i][axis])) / most,
    );
    return [x, y];
  }

  /**
   * Whether a place is farther from every dot than images are from each other.
   *
   * @param {number} x @param {number} y
   */
  isEmpty(x, y) {
    const { emptyDistance } = this.#model.header;
    return this.nearest(x, y, emptyDistance ?? Infinity) < 0;
  }
}

/**
 * Weights 1 / distance² that sum to 1; at distance 0 the first weight is 1.
 *
 * @param {number[]} squared distances, ascending
 */
function shepard(squared) {
  const weights = squared.map((value, i) => (squared[0] ? squared[0] / value : Number(i === 0)));
  const sum = total(weights);
  return weights.map((weight) => weight / sum);
}

/** @param {number[]} values */
function total(values) {
  return values.reduce((sum, value) => sum + value, 0);
}

/** @param {Model} model @param {import("./plane.js").Plane} plane */
function projectAll(model, plane) {
  const places = new Float32Array(2 * model.labels.length);
  for (let row = 0; row < model.labels.length; row++) {
    places.set(project(plane, model.meanOf(row)), 2 * row);
  }
  return places;
}

/** @param {Model} model @param {import("./plane.js").Plane} plane @param {Float32Array} places */
function distances({ zMean, labels }, { origin }, places) {
  return Float32Array.from(labels, (_, row) => {
    let squared = -(places[2 * row] ** 2) - places[2 * row + 1] ** 2;
    const from = row * origin.length;
    for (let i = 0; i < origin.length; i++) squared += (zMean[from + i] - origin[i]) ** 2;
    return Math.sqrt(Math.max(squared, 0));
  });
}

/** @param {Float32Array} places @returns {[number, number, number, number]} a square */
function extentOf(places) {
  const step = Math.max(1, Math.ceil(places.length / 2 / SAMPLED));
  const [[left, right], [bottom, top]] = [0, 1].map((axis) => {
    const values = new Float32Array(Math.ceil(places.length / 2 / step));
    for (let i = 0; i < values.length; i++) values[i] = places[2 * i * step + axis];
    values.sort();
    const last = values.length - 1;
    return [values[Math.round(OUTSIDE * last)], values[Math.round((1 - OUTSIDE) * last)]];
  });
  const reach = Math.max(0.54 * Math.max(right - left, top - bottom), 1e-3);
  const [x, y] = [(left + right) / 2, (bottom + top) / 2];
  return [x - reach, x + reach, y - reach, y + reach];
}
