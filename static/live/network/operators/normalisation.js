/** Operators that normalise: to zero mean and unit variance, or to a sum of one. */

import { ADD, MULTIPLY } from "../plain.js";
import { progression, progressions, sizeOf, stridesOf, sums, Tensor } from "../tensor.js";
import { combine, inTurn } from "./elementwise.js";

/** @import {Run, Node, Operator} from "../node.js" */

/** @type {Record<string, Operator>} */
export const NORMALISATION = {
  /** Source: Ioffe & Szegedy 2015, with the moments from training. */
  BatchNormalization(node) {
    const x = node.input(0);
    node.demand(node.number("training_mode", 0) === 0, "is set to training");
    const [, channels = 1, ...sizes] = x.shape;
    const epsilon = node.number("epsilon", 1e-5);
    const lists = [1, 2, 3, 4].map((i) => node.values(i));
    const fits = lists.every((list) => list.length === channels);
    node.demand(fits, `has other than ${channels} scales, shifts, means and variances`);
    const [scales, shifts, means, variances] = lists;
    const y = node.output(x.shape);
    const perChannel = (/** @type {(channel: number) => number} */ f) => {
      const storage = node.prepared(Float32Array.from(scales, (_, channel) => f(channel)));
      return new Tensor([channels, ...sizes.map(() => 1)], "float", storage);
    };
    const scale = (/** @type {number} */ i) => scales[i] / Math.sqrt(variances[i] + epsilon);
    const offset = (/** @type {number} */ i) => shifts[i] - means[i] * scale(i);
    const multiply = combine(MULTIPLY, x, perChannel(scale), y);
    return inTurn([multiply, combine(ADD, y, perChannel(offset), y)]);
  },

  /** Source: Wu & He 2018. One scale per group up to opset 20, one per channel from opset 21 on. */
  GroupNormalization(node) {
    const [batch, channels, ...sizes] = node.input(0).shape;
    const groups = node.number("num_groups", 1);
    node.demand(channels % groups === 0, `cannot share ${channels} channels out to ${groups}`);
    const isOfGroups = node.opset < 21;
    const run = sizeOf(sizes) * (isOfGroups ? channels / groups : 1);
    return standardise(node, batch * groups, run, isOfGroups ? groups : channels);
  },

  /** Source: Ulyanov et al. 2016. */
  InstanceNormalization(node) {
    const [batch, channels, ...sizes] = node.input(0).shape;
    return standardise(node, batch * channels, sizeOf(sizes), channels);
  },

  /** Source: Ba, Kiros & Hinton 2016. */
  LayerNormalization(node) {
    const { shape } = node.input(0);
    const axis = node.axis(node.number("axis", -1), shape.length);
    return standardise(node, sizeOf(shape.slice(0, axis)), 1, sizeOf(shape.slice(axis)));
  },

  LogSoftmax: (node) => softmax(node, true),
  Softmax: (node) => softmax(node, false),
};

/** Gives each row zero mean and unit variance, then scales and shifts it: there are `count` scales
 * and shifts, which are taken in turn, each for `run` numbers.
 * @type {(node: Node, rows: number, run: number, count: number) => Run} */
function standardise(node, rows, run, count) {
  const [x, scale, shift] = [node.input(0), node.input(1), node.optional(2)];
  const epsilon = node.number("epsilon", 1e-5);
  const length = x.size / rows;
  const fits = scale.size === count && (!shift || shift.size === count) && length % run === 0;
  node.demand(fits, `has ${scale.size} scales for (${x.shape})`);
  const y = node.output(x.shape);
  node.multiplyAdds = 3 * x.size;

  const none = new Float32Array(count);
  return () => {
    const [from, to, scales] = [x.data, y.data, scale.data];
    const shifts = shift ? shift.data : none;
    let channel = 0;
    for (let start = 0; start < from.length; start += length) {
      const end = start + length;
      let mean = 0;
      for (let i = start; i < end; i++) mean += from[i];
      mean /= length;
      let variance = 0;
      for (let i = start; i < end; i++) variance += (from[i] - mean) ** 2;
      const norm = 1 / Math.sqrt(variance / length + epsilon);
      for (let i = start; i < end; channel = (channel + 1) % count) {
        const factor = norm * scales[channel];
        const offset = shifts[channel] - mean * factor;
        for (const next = i + run; i < next; i++) to[i] = from[i] * factor + offset;
      }
    }
  };
}

/** @returns {Run} */
function softmax(/** @type {Node} */ node, /** @type {boolean} */ isLog) {
  const x = node.input(0);
  const axis = node.axis(node.number("axis", -1), x.shape.length);
  const step = sizeOf(x.shape.slice(axis + 1));
  const y = node.output(x.shape);
  const row = progression(x.shape[axis], step);
  const starts = sums(progressions(x.shape.with(axis, 1), stridesOf(x.shape)));
  return () => {
    const [from, to] = [x.data, y.data];
    for (const start of starts) {
      let most = -Infinity;
      for (const i of row) most = Math.max(most, from[start + i]);
      let sum = 0;
      for (const i of row) sum += Math.exp(from[start + i] - most);
      const all = most + Math.log(sum);
      for (const i of row) {
        const value = from[start + i];
        to[start + i] = isLog ? value - all : Math.exp(value - most) / sum;
      }
    }
  };
}
