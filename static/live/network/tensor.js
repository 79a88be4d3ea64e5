/** Tensors of a network: shapes, strides, and the tables that say where an element stands. */

import { demand } from "./errors.js";

/** The most numbers that a tensor, or all constants of a network, may hold: 128 MB. */
export const MOST_NUMBERS = 2 ** 25;

/**
 * Floats in single precision; while constants are folded, integers and booleans in double.
 *
 * @typedef {Float32Array | Float64Array} Numbers
 *
 * @typedef {"float" | "integer" | "boolean"} Kind
 *
 * @typedef {object} Storage room for numbers, which several tensors may show in other shapes
 * @property {number} length
 * @property {Numbers | Int32Array} data empty until the memory is laid out, but for a constant
 * @property {boolean} constant
 */

export class Tensor {
  /** @param {number[]} shape @param {Kind} kind @param {Storage} storage */
  constructor(shape, kind, storage) {
    this.shape = shape;
    this.kind = kind;
    this.storage = storage;
  }

  get size() {
    return this.storage.length;
  }

  get data() {
    return /** @type {Numbers} */ (this.storage.data);
  }

  /** Whether its numbers are known while the network is built. */
  get constant() {
    return this.storage.constant;
  }
}

/** @param {number[]} shape @param {Kind} kind @param {Storage["data"]} data */
export function constant(shape, kind, data) {
  return new Tensor(shape, kind, { length: data.length, data, constant: true });
}

/** @returns {Storage} */
export function room(/** @type {number} */ length) {
  return { length, data: new Float32Array(0), constant: false };
}

export function numbers(/** @type {number} */ length, /** @type {Kind} */ kind) {
  return kind === "float" ? new Float32Array(length) : new Float64Array(length);
}

export function sizeOf(/** @type {number[]} */ shape) {
  return shape.reduce((product, length) => product * length, 1);
}

/** How far apart the neighbours along each axis stand, row-major. */
export function stridesOf(/** @type {number[]} */ shape) {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** The shape that several take together under NumPy's rules; `where` is for an error's sentence. */
export function broadcast(/** @type {number[][]} */ shapes, /** @type {string} */ where) {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return indices(rank).map((axis) => {
    const lengths = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const length = lengths.find((n) => n !== 1) ?? 1;
    demand(
      lengths.every((n) => n === 1 || n === length),
      `${where} cannot combine the shapes ${shapes.map((s) => `(${s})`).join(" and ")}.`,
    );
    return length;
  });
}

/** Strides with which a tensor of `shape` is read as one of the shape `wide`. */
export function broadcastStrides(/** @type {number[]} */ shape, /** @type {number[]} */ wide) {
  const strides = stridesOf(shape);
  const missing = wide.length - shape.length;
  return wide.map((_, axis) => (shape[axis - missing] > 1 ? strides[axis - missing] : 0));
}

/** The number between two others that is nearest to a third. */
export function clamp(/** @type {number} */ x, /** @type {number} */ least, most = Infinity) {
  return Math.min(Math.max(x, least), most);
}

/** 0, 1, …, length − 1. */
export function indices(/** @type {number} */ length) {
  return Array.from({ length }, (_, i) => i);
}

/** start, start + step, … @param {number} length @param {number} step */
export function progression(length, step, start = 0) {
  const table = new Int32Array(length);
  for (let i = 0; i < length; i++) table[i] = start + i * step;
  return table;
}

/** Where the elements along each axis of a shape stand. */
export function progressions(/** @type {number[]} */ shape, strides = stridesOf(shape)) {
  return shape.map((length, axis) => progression(length, strides[axis]));
}

/** All sums of one entry of each table, the last running fastest: places along several axes. */
export function sums(/** @type {Int32Array[]} */ tables) {
  return tables.reduce((outer, inner) => {
    const all = new Int32Array(outer.length * inner.length);
    for (let i = 0, at = 0; i < outer.length; i++) {
      for (let j = 0; j < inner.length; j++) all[at++] = outer[i] + inner[j];
    }
    return all;
  }, new Int32Array(1));
}

/** In a table of `arrange`: nothing stands here. No sum with it is positive. */
const NOWHERE = -(2 ** 28);

/** Where the elements stand that are chosen by their indices along an axis of `size`; nowhere for
 * an index beside it.
 * @param {number} length @param {number} size @param {number} stride
 * @param {(i: number) => number} choose */
export function choices(length, size, stride, choose) {
  return Int32Array.from({ length }, (_, i) => {
    const index = choose(i);
    return index >= 0 && index < size ? index * stride : NOWHERE;
  });
}

/** The inner loop of `arrange` runs over at least so many elements if there are as many. */
const INNER = 64;

/** A copy that picks: y[i, j, …] = x[tables[0][i] + tables[1][j] + …], or `fill` for a sum
 * below 0. Transposing, slicing, padding, repeating and enlarging are all of this form.
 * @param {Int32Array[]} tables one for each axis of y
 * @returns {(x: Numbers, y: Numbers, fill?: number) => void} */
export function arrange(tables) {
  let split = Math.max(tables.length - 1, 0);
  while (split > 0 && sizeOf(tables.slice(split).map((t) => t.length)) < INNER) split--;
  const outer = sums(tables.slice(0, split));
  const inner = sums(tables.slice(split));
  const holes = tables.some((table) => table.some((offset) => offset < 0));

  return (x, y, fill = 0) => {
    for (let i = 0, to = 0; i < outer.length; i++) {
      const base = outer[i];
      if (holes) {
        for (let j = 0; j < inner.length; j++) {
          const from = base + inner[j];
          y[to++] = from < 0 ? fill : x[from];
        }
      } else {
        for (let j = 0; j < inner.length; j++) y[to++] = x[base + inner[j]];
      }
    }
  };
}
