/** Convolutions, over any number of axes: matrix products with gathered or scattered pixels. */

import { pack } from "../plain.js";
import { arrange, NOWHERE, progression, sizeOf, stridesOf, sums } from "../tensor.js";
import { gatheredProduct, productWith } from "./matrix.js";
import { slidingAxes, spreadAxes } from "./window.js";

/**
 * @import {Node, Operator} from "../node.js"
 * @import {Kernels} from "../plain.js"
 * @import {Numbers, Tensor} from "../tensor.js"
 * @import {Axis} from "./window.js"
 */

/** @type {Record<string, Operator>} */
export const CONVOLUTION = {
  Conv(node) {
    const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)];
    const [batch, channels, ...sizes] = x.shape;
    const [filters, depth, ...windows] = w.shape;
    const groups = groupsOf(node, x, w, bias, filters);
    node.demand(depth * groups === channels && filters % groups === 0, misfit(x, w));
    const axes = slidingAxes(node, sizes, windows);
    const y = node.output([batch, filters, ...axes.map((axis) => axis.out)]);

    const padded = axes.map(({ size, before, after }) => size + before + after);
    const isPadded = axes.some(({ before, after }) => before + after > 0);
    const room = isPadded ? node.scratch(batch * channels * sizeOf(padded)) : x;
    const pad = arrange([
      progression(batch * channels, sizeOf(sizes)),
      ...axes.map((axis, i) => paddedTable(axis, stridesOf(sizes)[i])),
    ]);
    const strides = stridesOf(padded);
    const rows = sums([
      progression(depth, sizeOf(padded)),
      ...axes.map(({ window, dilation }, i) => progression(window, dilation * strides[i])),
    ]);
    const places = sums(axes.map(({ out, stride }, i) => progression(out, stride * strides[i])));

    const [m, k, n] = [filters / groups, rows.length, places.length];
    node.multiplyAdds = y.size * k;
    const begin = () => {
      if (isPadded) pad(x.data, room.data);
      fillChannels(y.data, batch, filters, bias?.data);
    };
    if (n === 1 && groups === 1 && w.constant) {
      const gathered = node.scratch(batch * k);
      const gather = arrange([progression(batch, channels * sizeOf(padded)), rows]);
      const multiply = productWith(node, pack(node.values(1), k, m, 1, k), k, m);
      return (kernels) => {
        begin();
        gather(room.data, gathered.data);
        multiply(kernels, gathered.data, batch, y.data);
      };
    }
    const multiply = gatheredProduct(node, m, rows, places);
    const size = depth * sizeOf(padded);
    return (kernels) => {
      begin();
      for (let i = 0; i < batch * groups; i++) {
        const at = (i % groups) * m * k;
        multiply(kernels, w.data, at, room.data, i * size, y.data, i * m * n);
      }
    };
  },

  ConvTranspose(node) {
    const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)];
    const [batch, channels, ...sizes] = x.shape;
    const [depth, ofGroup, ...windows] = w.shape;
    const groups = groupsOf(node, x, w, bias, ofGroup * node.number("group", 1));
    node.demand(depth === channels && channels % groups === 0, misfit(x, w));
    const axes = spreadAxes(node, sizes, windows);
    const filters = ofGroup * groups;
    const y = node.output([batch, filters, ...axes.map((axis) => axis.out)]);

    const padded = axes.map(({ out, before, after }) => out + before + after);
    const isPadded = axes.some(({ before, after }) => before + after > 0);
    const room = isPadded ? node.scratch(batch * filters * sizeOf(padded)) : y;
    const strides = stridesOf(padded);
    const crop = arrange([
      progression(batch * filters, sizeOf(padded)),
      ...axes.map(({ out, before }, i) => progression(out, strides[i], before * strides[i])),
    ]);
    const rows = node.prepared(
      sums([
        progression(ofGroup, sizeOf(padded)),
        ...axes.map(({ window, dilation }, i) => progression(window, dilation * strides[i])),
      ]),
    );
    const places = node.prepared(
      sums(axes.map(({ size, stride }, i) => progression(size, stride * strides[i]))),
    );

    const kernel = node.values(1);
    const [m, k, n] = [rows.data.length, channels / groups, places.data.length];
    node.multiplyAdds = batch * channels * m * n;
    const spread = node.scratch(m * n);
    const multiply = spreadProduct(node, kernel, batch, groups, m, k, n);
    const size = ofGroup * sizeOf(padded);
    return (kernels) => {
      fillChannels(room.data, batch, filters, bias?.data);
      for (let i = 0; i < batch * groups; i++) {
        spread.data.fill(0);
        multiply(kernels, x.data, i, spread.data);
        kernels.scatterAdd(spread.data, m, n, rows.data, places.data, room.data, i * size);
      }
      if (isPadded) crop(room.data, y.data);
    };
  },
};

/**
 * What every pixel adds to the pixels of its window: y += Wᵀ · x for one group after the other.
 *
 * @param {Node} node
 * @param {Numbers} kernel `(channels, filters of a group, window…)`
 * @param {number} batch
 * @param {number} groups
 * @param {number} m filters of a group times pixels of a window
 * @param {number} k channels of a group
 * @param {number} n pixels of the image
 * @returns {(kernels: Kernels, x: Numbers, index: number, y: Numbers) => void}
 */
function spreadProduct(node, kernel, batch, groups, m, k, n) {
  if (n * batch * groups === 1) {
    const multiply = productWith(node, pack(kernel, k, m, m, 1), k, m);
    return (kernels, x, _, y) => multiply(kernels, x, 1, y);
  }
  const turned = new Float32Array(kernel.length);
  const turn = arrange([progression(groups, k * m), progression(m, 1), progression(k, m)]);
  turn(kernel, turned);
  const weights = node.prepared(turned);
  const multiply = gatheredProduct(node, m, progression(k, n), progression(n, 1));
  return (kernels, x, index, y) => {
    multiply(kernels, weights.data, (index % groups) * m * k, x, index * k * n, y, 0);
  };
}

/**
 * @param {Node} node
 * @param {Tensor} x
 * @param {Tensor} w
 * @param {Tensor | undefined} bias
 * @param {number} filters
 */
function groupsOf(node, x, w, bias, filters) {
  const groups = node.number("group", 1);
  const fits =
    x.shape.length > 2 &&
    w.shape.length === x.shape.length &&
    groups >= 1 &&
    (!bias || bias.size === filters);
  node.demand(fits && sizeOf(w.shape) > 0, misfit(x, w));
  return groups;
}

function misfit(/** @type {Tensor} */ x, /** @type {Tensor} */ w) {
  return `has weights (${w.shape}) that do not fit its input (${x.shape})`;
}

/** Where the pixels of an axis come from that is padded with zeros. */
function paddedTable(/** @type {Axis} */ { size, before, after }, /** @type {number} */ stride) {
  return Int32Array.from({ length: before + size + after }, (_, i) => {
    return i < before || i >= before + size ? NOWHERE : (i - before) * stride;
  });
}

/**
 * Fills each channel of a batch of images with its bias.
 *
 * @param {Numbers} y
 * @param {number} batch
 * @param {number} channels
 * @param {Numbers} [bias]
 */
function fillChannels(y, batch, channels, bias) {
  const size = y.length / (batch * channels);
  for (let i = 0; i < batch * channels; i++) {
    y.fill(bias ? bias[i % channels] : 0, i * size, i * size + size);
  }
}
