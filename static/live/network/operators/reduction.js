/** Operators that reduce many numbers to one, over whole axes or windows: sums, means, extremes. */

import { ADD, MAXIMUM, MINIMUM, MULTIPLY } from "../plain.js";
import { indices, progressions, sums } from "../tensor.js";
import { padded, slidingAxes } from "./window.js";

/** @import {Node, Operator, Run} from "../node.js" @import {Binary} from "../plain.js" */
/** @import {Numbers} from "../tensor.js" @import {Axis} from "./window.js" */
/** @typedef {(x: Numbers, base: number, offsets: Int32Array) => number} Reduce */

/** f(f(start, a), b) and so on, for the numbers at some offsets from a base.
 * @type {(f: Binary, start: number) => Reduce} */
const accumulating = (f, start) => (x, base, offsets) => {
  let result = start;
  for (let i = 0; i < offsets.length; i++) result = f(result, x[base + offsets[i]]);
  return result;
};

const total = accumulating(ADD, 0);
const product = accumulating(MULTIPLY, 1);
const squares = accumulating((sum, x) => sum + x * x, 0);
const largest = accumulating(MAXIMUM, -Infinity);
const smallest = accumulating(MINIMUM, Infinity);

/** @type {Reduce} */
const mean = (x, base, offsets) => total(x, base, offsets) / offsets.length;

/** @type {Reduce} */
const norm = (x, base, offsets) => Math.sqrt(squares(x, base, offsets));

/** @type {Record<string, Operator>} */
export const REDUCTION = {
  AveragePool: (node) => pool(node, total, 0),
  GlobalAveragePool: (node) => reduce(node, mean, spatialAxes(node), true),
  GlobalMaxPool: (node) => reduce(node, largest, spatialAxes(node), true),
  MaxPool: (node) => pool(node, largest, -Infinity),
  ReduceL2: reducing(norm, 18),
  ReduceMax: reducing(largest, 18),
  ReduceMean: reducing(mean, 18),
  ReduceMin: reducing(smallest, 18),
  ReduceProd: reducing(product, 18),
  ReduceSum: reducing(total, 13),
};

function spatialAxes(/** @type {Node} */ node) {
  return indices(node.input(0).shape.length).slice(2);
}

/** A reduction whose axes are an attribute before opset `since`, and an input from then on.
 * @type {(f: Reduce, since: number) => Operator} */
function reducing(f, since) {
  return (node) => {
    const rank = node.input(0).shape.length;
    const listed = node.opset < since ? node.numbers("axes") : node.integers(1);
    const given = listed?.map((axis) => node.axis(axis, rank));
    const isIdle = node.number("noop_with_empty_axes", 0) !== 0;
    const axes = given?.length || isIdle ? (given ?? []) : indices(rank);
    return reduce(node, f, axes, node.number("keepdims", 1) !== 0);
  };
}

/** Reduces all numbers along some axes to one; with `keeps`, the axes stay with length 1.
 * @type {(node: Node, f: Reduce, axes: number[], keeps: boolean) => Run} */
function reduce(node, f, axes, keeps) {
  const x = node.input(0);
  const isReduced = x.shape.map((_, axis) => axes.includes(axis));
  const shape = x.shape.map((length, axis) => (isReduced[axis] ? 1 : length));
  const y = node.output(keeps ? shape : shape.filter((_, axis) => !isReduced[axis]), x.kind);
  const tables = progressions(x.shape);
  const starts = sums(tables.filter((_, axis) => !isReduced[axis]));
  const offsets = sums(tables.filter((_, axis) => isReduced[axis]));
  const round = x.kind === "integer" ? Math.trunc : (/** @type {number} */ value) => value;
  return () => {
    for (let i = 0; i < starts.length; i++) y.data[i] = round(f(x.data, starts[i], offsets));
  };
}

/** Reduces each window of an image to one number; `fill` is the padding, which changes no result.
 * @type {(node: Node, f: Reduce, fill: number) => Run} */
function pool(node, f, fill) {
  const x = node.input(0);
  const [batch, channels, ...sizes] = x.shape;
  const axes = slidingAxes(node, sizes, node.numbers("kernel_shape") ?? []);
  const y = node.output([batch, channels, ...axes.map(({ out }) => out)]);
  const { images, size, pixels, starts, pad } = padded(node, x, axes, fill);
  const offsets = sums(pixels);
  node.multiplyAdds = y.size * offsets.length;
  const countsPadding = node.number("count_include_pad", 0) !== 0;
  const counts = axes.map((axis) => countsOf(axis, countsPadding));
  const divisors = counts.reduce((outer, inner) => {
    const pick = (/** @type {number} */ i) => outer[Math.floor(i / inner.length)];
    const length = outer.length * inner.length;
    return Float32Array.from({ length }, (_, i) => pick(i) * inner[i % inner.length]);
  }, Float32Array.of(1));
  if (f !== total) divisors.fill(1);

  return () => {
    pad();
    for (let to = 0, plane = 0; to < y.size; plane += size) {
      for (let i = 0; i < starts.length; i++) {
        y.data[to++] = f(images.data, plane + starts[i], offsets) / divisors[i];
      }
    }
  };
}

/** The number of pixels along an axis that each window counts. */
function countsOf(/** @type {Axis} */ axis, /** @type {boolean} */ countsPadding) {
  const { window, dilation, stride, size, before, after } = axis;
  return indices(axis.out).map((i) => {
    const start = i * stride - before;
    const until = (/** @type {number} */ end) =>
      Math.max(Math.min(window, Math.ceil((end - start) / dilation)), 0);
    return countsPadding ? until(size + after) : until(size) - until(0);
  });
}
