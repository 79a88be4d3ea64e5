/** Operators that take many numbers to one: sums, means, extremes. */

import { indices, progression, stridesOf, sums } from "../tensor.js";

/**
 * @import {Node, Operator} from "../node.js"
 * @import {Numbers} from "../tensor.js"
 *
 * @typedef {(x: Numbers, base: number, offsets: Int32Array) => number} Reduce
 */

/** @type {Reduce} */
const total = (x, base, offsets) => {
  let sum = 0;
  for (let i = 0; i < offsets.length; i++) sum += x[base + offsets[i]];
  return sum;
};

/** @type {Reduce} */
const mean = (x, base, offsets) => total(x, base, offsets) / offsets.length;

/** @type {Reduce} */
const largest = (x, base, offsets) => {
  let most = -Infinity;
  for (let i = 0; i < offsets.length; i++) most = Math.max(most, x[base + offsets[i]]);
  return most;
};

/** @type {Reduce} */
const smallest = (x, base, offsets) => {
  let least = Infinity;
  for (let i = 0; i < offsets.length; i++) least = Math.min(least, x[base + offsets[i]]);
  return least;
};

/** @type {Record<string, Operator>} */
export const REDUCTION = {
  GlobalAveragePool: (node) => reduce(node, mean, spatialAxes(node), true),
  GlobalMaxPool: (node) => reduce(node, largest, spatialAxes(node), true),
  ReduceMax: reducing(largest, 18),
  ReduceMean: reducing(mean, 18),
  ReduceMin: reducing(smallest, 18),
  ReduceSum: reducing(total, 13),
};

function spatialAxes(/** @type {Node} */ node) {
  return indices(node.input(0).shape.length).slice(2);
}

/**
 * @param {Reduce} f
 * @param {number} since the version of the operators that made the axes an input
 * @returns {Operator}
 */
function reducing(f, since) {
  return (node) => {
    const rank = node.input(0).shape.length;
    const given = node.list("axes", 1, since)?.map((axis) => node.axis(axis, rank));
    const isIdle = node.number("noop_with_empty_axes", 0) !== 0;
    const axes = given?.length || isIdle ? (given ?? []) : indices(rank);
    return reduce(node, f, axes, node.number("keepdims", 1) !== 0);
  };
}

/**
 * @param {Node} node
 * @param {Reduce} f
 * @param {number[]} axes
 * @param {boolean} keeps whether the axes stay, with a length of 1
 * @returns {import("../node.js").Run}
 */
function reduce(node, f, axes, keeps) {
  const x = node.input(0);
  const strides = stridesOf(x.shape);
  const table = (/** @type {number} */ axis) => progression(x.shape[axis], strides[axis]);
  const isReduced = (/** @type {number} */ axis) => axes.includes(axis);
  const all = indices(x.shape.length);
  const kept = all.filter((axis) => !isReduced(axis));
  const shape = keeps
    ? x.shape.map((length, axis) => (isReduced(axis) ? 1 : length))
    : kept.map((axis) => x.shape[axis]);
  const y = node.output(shape, x.kind);
  const starts = sums(kept.map(table));
  const offsets = sums(all.filter(isReduced).map(table));
  return () => {
    for (let i = 0; i < starts.length; i++) y.data[i] = f(x.data, starts[i], offsets);
  };
}
