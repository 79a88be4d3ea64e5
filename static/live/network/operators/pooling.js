/** Pooling: the mean or the largest number of each window of an image. */

import { slidingAxes } from "./window.js";

/**
 * @import {Run, Node, Operator} from "../node.js"
 * @import {Numbers} from "../tensor.js"
 * @import {Axis} from "./window.js"
 */

/** @type {Record<string, Operator>} */
export const POOLING = {
  AveragePool: (node) => pool(node, false),
  MaxPool: (node) => pool(node, true),
};

/**
 * @param {Node} node
 * @param {boolean} takesLargest
 * @returns {Run}
 */
function pool(node, takesLargest) {
  const x = node.input(0);
  const [batch, channels, ...sizes] = x.shape;
  const axes = slidingAxes(node, sizes, node.numbers("kernel_shape") ?? []);
  node.demand(axes.length <= 2, "pools over more than two axes, which this page cannot do");
  const y = node.output([batch, channels, ...axes.map((axis) => axis.out)]);
  const countsPadding = node.number("count_include_pad", 0) !== 0;
  const single = { size: 1, window: 1, stride: 1, dilation: 1, before: 0, after: 0, out: 1 };
  const [rows, columns] = axes.length === 1 ? [single, axes[0]] : axes;
  const [down, across] = [rows, columns].map((axis) => reach(axis, countsPadding));
  node.multiplyAdds = y.size * rows.window * columns.window;

  return () => {
    let to = 0;
    for (let plane = 0; plane < x.size; plane += rows.size * columns.size) {
      for (const { first: top, end: bottom, count: height } of down) {
        for (const { first: left, end: right, count: width } of across) {
          let result = takesLargest ? -Infinity : 0;
          for (let row = top; row < bottom; row += rows.dilation) {
            const line = plane + row * columns.size;
            for (let column = left; column < right; column += columns.dilation) {
              const number = x.data[line + column];
              result = takesLargest ? Math.max(result, number) : result + number;
            }
          }
          y.data[to++] = takesLargest ? result : result / (height * width);
        }
      }
    }
  };
}

/**
 * Which pixels of an axis each window covers, and how many it counts.
 *
 * @param {Axis} axis
 * @param {boolean} countsPadding
 */
function reach({ size, window, stride, dilation, before, after, out }, countsPadding) {
  return Array.from({ length: out }, (_, i) => {
    const start = i * stride - before;
    const skipped = start < 0 ? Math.ceil(-start / dilation) : 0;
    const taps = (/** @type {number} */ until) =>
      Math.max(Math.min(window, Math.ceil((until - start) / dilation)), 0);
    const count = countsPadding ? taps(size + after) : taps(size) - skipped;
    return {
      first: start + skipped * dilation,
      end: Math.min(start + window * dilation, size),
      count,
    };
  });
}
