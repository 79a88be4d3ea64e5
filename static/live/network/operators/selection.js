/** Operators that pick, repeat, or rearrange numbers along the axes of a tensor. */

import { inTurn } from "./elementwise.js";
import {
  arrange,
  broadcast,
  broadcastStrides,
  choices,
  indices,
  progression,
  progressions,
  sizeOf,
  stridesOf,
} from "../tensor.js";

/**
 * @import {Run, Node, Operator} from "../node.js"
 * @import {Tensor} from "../tensor.js"
 */

/** @type {Record<string, Operator>} */
export const SELECTION = {
  Concat(node) {
    const parts = node.all();
    const [{ shape, kind }] = parts;
    const axis = node.axis(node.number("axis", 0), shape.length);
    const shapes = parts.map((part) => part.shape);
    const fits = shapes.every(
      (given) => String(given.with(axis, 0)) === String(shape.with(axis, 0)),
    );
    node.demand(fits, `cannot join ${shapes.map((given) => `(${given})`).join(" and ")}`);
    const length = parts.reduce((sum, part) => sum + part.shape[axis], 0);
    const y = node.output(shape.with(axis, length), kind);
    const blocks = sizeOf(shape.slice(0, axis));
    return () => {
      for (let block = 0, to = 0; block < blocks; block++) {
        for (const { data } of parts) {
          const size = data.length / blocks;
          for (let i = 0; i < size; i++) y.data[to++] = data[block * size + i];
        }
      }
    };
  },

  DepthToSpace(node) {
    const x = node.input(0);
    const size = node.number("blocksize", 1);
    const [batch, channels, height, width] = x.shape;
    const depth = channels / size ** 2;
    node.demand(x.shape.length === 4 && Number.isInteger(depth), `cannot spread (${x.shape})`);
    const isByDepth = node.choice("mode", { DCR: true, CRD: false }, "DCR");
    const shape = isByDepth ? [batch, size, size, depth] : [batch, depth, size, size];
    const order = isByDepth ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
    const tables = progressions([...shape, height, width]);
    const y = node.output([batch, depth, height * size, width * size], x.kind);
    const copy = arrange(order.map((axis) => tables[axis]));
    return () => copy(x.data, y.data);
  },

  Expand(node) {
    const x = node.input(0);
    const shape = broadcast([x.shape, Array.from(node.values(1))], node.where);
    const strides = broadcastStrides(x.shape, shape);
    return pick(node, x, shape, (axis) => progression(shape[axis], strides[axis]));
  },

  Gather(node) {
    const [x, chosen] = [node.input(0), node.input(1)];
    const axis = node.axis(node.number("axis", 0), x.shape.length);
    const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
    const length = x.shape[axis];
    const y = node.output([...before, ...chosen.shape, ...after], x.kind);
    const [blocks, size] = [sizeOf(before), sizeOf(after)];
    return () => {
      for (let block = 0, to = 0; block < blocks; block++) {
        for (let i = 0; i < chosen.size; i++) {
          const index = Math.trunc(chosen.data[i]);
          const inside = Math.min(Math.max(index < 0 ? index + length : index, 0), length - 1);
          const from = (block * length + inside) * size;
          for (let j = 0; j < size; j++) y.data[to++] = x.data[from + j];
        }
      }
    };
  },

  Pad(node) {
    const x = node.input(0);
    const find = node.choice("mode", PADDING, "constant");
    const axes = axesOf(node, 3, x.shape.length);
    const pads = node.values(1);
    node.demand(pads.length === 2 * axes.length, "has a wrong number of pads");
    const before = x.shape.map(() => 0);
    const shape = [...x.shape];
    axes.forEach((axis, i) => {
      before[axis] = pads[i];
      shape[axis] += pads[i] + pads[axes.length + i];
    });
    const strides = stridesOf(x.shape);
    const table = (/** @type {number} */ axis) =>
      choices(shape[axis], x.shape[axis], strides[axis], (i) =>
        find(i - before[axis], x.shape[axis]),
      );
    return pick(node, x, shape, table, node.optional(2));
  },

  Slice(node) {
    const x = node.input(0);
    const [starts, ends] = [node.values(1), node.values(2)];
    const axes = axesOf(node, 3, starts.length, x.shape.length);
    const steps = node.optional(4) ? node.values(4) : axes.map(() => 1);
    const fits = [starts, ends, steps].every((list) => list.length === axes.length);
    node.demand(fits && !steps.includes(0), "has lists of different lengths, or a step of 0");
    const cuts = x.shape.map((length) => ({ start: 0, step: 1, length }));
    axes.forEach((axis, i) => {
      const length = x.shape[axis];
      const step = steps[i];
      const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
      const [start, end] = [starts[i], ends[i]].map((index) =>
        Math.min(Math.max(index < 0 ? index + length : index, least), most),
      );
      cuts[axis] = { start, step, length: Math.max(Math.ceil((end - start) / step), 0) };
    });
    return cut(node, x, cuts);
  },

  Split(node) {
    const x = node.input(0);
    const axis = node.axis(node.number("axis", 0), x.shape.length);
    const whole = x.shape[axis];
    const part = Math.ceil(whole / node.number("num_outputs", node.outputCount));
    const parts =
      node.list("split", 1, 13) ??
      indices(node.outputCount).map((i) => Math.min(part, Math.max(whole - i * part, 0)));
    const isWhole = parts.reduce((sum, length) => sum + length, 0) === whole;
    node.demand(isWhole, `cannot split ${whole} into ${parts}`);
    let start = 0;
    return inTurn(
      parts.map((length) => {
        const cuts = x.shape.map((all) => ({ start: 0, step: 1, length: all }));
        cuts[axis] = { start, step: 1, length };
        start += length;
        return cut(node, x, cuts);
      }),
    );
  },

  Tile(node) {
    const x = node.input(0);
    const repeats = node.values(1);
    node.demand(repeats.length === x.shape.length, "has a wrong number of repeats");
    const shape = x.shape.map((length, axis) => length * repeats[axis]);
    const strides = stridesOf(x.shape);
    return pick(node, x, shape, (axis) =>
      choices(shape[axis], x.shape[axis], strides[axis], (i) => i % x.shape[axis]),
    );
  },

  Transpose(node) {
    const x = node.input(0);
    const order = node.numbers("perm") ?? indices(x.shape.length).reverse();
    const isOrder = String([...order].sort()) === String(indices(x.shape.length));
    node.demand(isOrder, `cannot reorder (${x.shape}) by ${order}`);
    const shape = order.map((axis) => x.shape[axis]);
    const long = order.filter((axis) => x.shape[axis] > 1);
    if (long.every((axis, i) => i === 0 || axis > long[i - 1])) return node.view(x, shape);
    const strides = stridesOf(x.shape);
    return pick(node, x, shape, (axis) => progression(shape[axis], strides[order[axis]]));
  },
};

/**
 * Which index of an axis stands at a place beside it, by the mode of padding.
 * @type {Record<string, (i: number, length: number) => number>}
 */
const PADDING = {
  constant: (i) => i,
  edge: (i, length) => Math.min(Math.max(i, 0), length - 1),
  reflect(i, length) {
    const period = Math.max(2 * (length - 1), 1);
    const inPeriod = ((i % period) + period) % period;
    return Math.min(inPeriod, period - inPeriod) % length;
  },
  wrap: (i, length) => ((i % length) + length) % length,
};

/**
 * Axes among `rank` that an input lists, or the first `count`.
 * @param {Node} node @param {number} input @param {number} count
 */
function axesOf(node, input, count, rank = count) {
  const given = node.optional(input) ? Array.from(node.values(input)) : indices(count);
  return given.map((axis) => node.axis(axis, rank));
}

/**
 * The part of a tensor with every so many numbers of each axis.
 * @type {(node: Node, x: Tensor, cuts: {start: number, step: number, length: number}[]) => Run}
 */
function cut(node, x, cuts) {
  const strides = stridesOf(x.shape);
  const shape = cuts.map(({ length }) => length);
  return pick(node, x, shape, (axis) => {
    const { start, step, length } = cuts[axis];
    return progression(length, step * strides[axis], start * strides[axis]);
  });
}

/**
 * The next output, with what a table of `arrange` for each of its axes picks; `fill` elsewhere.
 * @type {(node: Node, x: Tensor, shape: number[], table: (axis: number) => Int32Array,
 *   fill?: Tensor) => Run}
 */
export function pick(node, x, shape, table, fill) {
  const y = node.output(shape, x.kind);
  const copy = arrange(shape.map((_, axis) => table(axis)));
  return () => copy(x.data, y.data, fill ? fill.data[0] : 0);
}
