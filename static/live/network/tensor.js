/** Tensors of a network: shapes, strides, and tables of element offsets. */

import { demand } from "./errors.js";

/** Largest count of numbers in a tensor, or in all constants of a network: 128 MB. */
export const MOST_NUMBERS = 2 ** 25;

/**
 * Floats in single precision; while constants are folded, integers and booleans in double.
 *
 * @typedef {Float32Array | Float64Array} Numbers
 *
 * @typedef {"float" | "integer" | "boolean"} Kind
 *
 * @typedef {object} Storage a buffer of numbers, which several tensors may view in different shapes
 * @property {number} length
 * @property {Numbers | Int32Array} data empty until the memory is laid out, except for a constant
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

/** Strides of a shape in row-major order, in elements. */
export function stridesOf(/** @type {number[]} */ shape) {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** Broadcasts shapes under NumPy's rules; `where` begins the sentence of an error. */
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

/** Limits x to [least, most]. */
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

/** Offsets of the elements along each axis of a shape. */
export function progressions(/** @type {number[]} */ shape, strides = stridesOf(shape)) {
  return shape.map((length, axis) => progression(length, strides[axis]));
}

/** All sums of one entry of each table, the last running fastest: offsets along several axes. */
export function sums(/** @type {Int32Array[]} */ tables) {
  return tables.reduce((outer, inner) => {
    const all = new Int32Array(outer.length * inner.length);
    for (let i = 0, at = 0; i < outer.length; i++) {
      for (let j = 0; j < inner.length; j++) all[at++] = outer[i] + inner[j];
    }
    return all;
  }, new Int32Array(1));
}

/** Marks a missing element in a table of `arrange`: every sum with it is negative. */
const NOWHERE = -(2 ** 28);

/** Offsets of elements chosen by index along an axis of `size`; `NOWHERE` for an index out of
 * range.
 * @param {number} length @param {number} size @param {number} stride
 * @param {(i: number) => number} choose */
export function choices(length, size, stride, choose) {
  return Int32Array.from({ length }, (_, i) => {
    const index = choose(i);
    return index >= 0 && index < size ? index * stride : NOWHERE;
  });
}

/** Least number of elements in the inner loop of `arrange`, if there are that many. */
const INNER = 64;

/** Prepares a gathering copy: y[i, j, …] = x[tables[0][i] + tables[1][j] + …], or `fill` for a sum
 * below 0. Transposing, slicing, padding, repeating and enlarging all have this form.
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
