/** Convolutions, over any number of axes: matrix products with gathered or scattered pixels. */

import { pack } from "../plain.js";
import { arrange, progression, sizeOf, stridesOf, sums } from "../tensor.js";
import { gatheredProduct, productWith } from "./matrix.js";
import { padded, pixelsOf, slidingAxes, spreadAxes } from "./window.js";

/** @import {Node, Operator} from "../node.js" @import {Kernels} from "../plain.js" */
/** @import {Numbers} from "../tensor.js" */

/** @type {Record<string, Operator>} */
export const CONVOLUTION = {
  Conv(node) {
    const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)];
    const [batch, channels, ...sizes] = x.shape;
    const [filters, depth, ...windows] = w.shape;
    const groups = node.number("group", 1);
    demandFit(node, groups, filters, depth * groups === channels && filters % groups === 0);
    const axes = slidingAxes(node, sizes, windows);
    const y = node.output([batch, filters, ...axes.map(({ out }) => out)]);
    const { images, size, pixels, starts, pad } = padded(node, x, axes);
    const rows = sums([progression(depth, size), ...pixels]);

    const [m, k, n] = [filters / groups, rows.length, starts.length];
    node.multiplyAdds = y.size * k;
    const begin = () => {
      pad();
      fillChannels(y.data, batch, filters, bias?.data);
    };
    if (n === 1 && groups === 1 && w.constant) {
      const gathered = node.scratch(batch * k);
      const gather = arrange([progression(batch, channels * size), rows]);
      const multiply = productWith(node, pack(node.values(1), k, m, 1, k), k, m);
      return (kernels) => {
        begin();
        gather(images.data, gathered.data);
        multiply(kernels, gathered.data, batch, y.data);
      };
    }
    const multiply = gatheredProduct(node, m, rows, starts);
    return (kernels) => {
      begin();
      for (let i = 0; i < batch * groups; i++) {
        const at = (i % groups) * m * k;
        multiply(kernels, w.data, at, images.data, i * depth * size, y.data, i * m * n);
      }
    };
  },

  ConvTranspose(node) {
    const [x, bias] = [node.input(0), node.optional(2)];
    const [batch, channels, ...sizes] = x.shape;
    const [depth, ofGroup, ...windows] = node.input(1).shape;
    const groups = node.number("group", 1);
    const filters = ofGroup * groups;
    demandFit(node, groups, filters, depth === channels && channels % groups === 0);
    const axes = spreadAxes(node, sizes, windows);
    const y = node.output([batch, filters, ...axes.map(({ out }) => out)]);

    const shape = axes.map(({ out, before, after }) => out + before + after);
    const [size, strides] = [sizeOf(shape), stridesOf(shape)];
    const isPadded = axes.some(({ before, after }) => before + after > 0);
    const images = isPadded ? node.scratch(batch * filters * size) : y;
    const crop = arrange([
      progression(batch * filters, size),
      ...axes.map(({ out, before }, i) => progression(out, strides[i], before * strides[i])),
    ]);
    const rows = node.prepared(sums([progression(ofGroup, size), ...pixelsOf(axes, shape)]));
    const starts = node.prepared(
      sums(axes.map((axis, i) => progression(axis.size, axis.stride * strides[i]))),
    );

    const kernel = node.values(1);
    const [m, k, n] = [rows.length, channels / groups, starts.length];
    node.multiplyAdds = batch * channels * m * n;
    const spread = node.scratch(m * n);
    const multiply = spreadProduct(node, kernel, batch, groups, m, k, n);
    return (kernels) => {
      fillChannels(images.data, batch, filters, bias?.data);
      for (let i = 0; i < batch * groups; i++) {
        spread.data.fill(0);
        multiply(kernels, x.data, i, spread.data);
        const to = i * ofGroup * size;
        kernels.scatterAdd(spread.data, m, n, rows.data, starts.data, images.data, to);
      }
      if (isPadded) crop(images.data, y.data);
    };
  },
};

/** Prepares what every pixel adds to the pixels of its window: y += Wᵀ · x for one group of `k`
 * channels at a time, with a kernel `(channels, filters of a group, window…)` whose rows have `m`
 * numbers, and images of `n` pixels.
 * @param {Node} node @param {Numbers} kernel @param {number} batch @param {number} groups
 * @param {number} m @param {number} k @param {number} n
 * @returns {(kernels: Kernels, x: Numbers, index: number, y: Numbers) => void} */
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

/** @param {Node} node @param {number} groups @param {number} filters @param {boolean} isShared */
function demandFit(node, groups, filters, isShared) {
  const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)];
  const isImage = x.shape.length > 2 && w.shape.length === x.shape.length;
  const fits = isImage && groups >= 1 && isShared && (!bias || bias.size === filters);
  const problem = `has weights (${w.shape}) that do not fit its input (${x.shape})`;
  node.demand(fits && w.size > 0, problem);
}

/** Fills each channel of a batch of images with its bias.
 * @type {(y: Numbers, batch: number, channels: number, bias?: Numbers) => void} */
function fillChannels(y, batch, channels, bias) {
  const size = y.length / (batch * channels);
  for (let i = 0; i < batch * channels; i++) {
    y.fill(bias ? bias[i % channels] : 0, i * size, i * size + size);
  }
}
