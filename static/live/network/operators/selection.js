/** Operators that pick, repeat, or rearrange numbers along the axes of a tensor. */

import { inTurn } from "./elementwise.js";
import {
  arrange,
  broadcast,
  choices,
  clamp,
  indices,
  progressions,
  sizeOf,
  stridesOf,
} from "../tensor.js";

/** @import {Run, Node, Operator} from "../node.js" @import {Tensor} from "../tensor.js" */

/** @type {Record<string, Operator>} */
export const SELECTION = {
  Concat(node) {
    const parts = node.all();
    const [{ shape, kind }] = parts;
    const axis = node.axis(node.number("axis", 0), shape.length);
    const shapes = parts.map((part) => part.shape);
    const fits = shapes.every(
      (given) =>
        given.length === shape.length && given.every((n, i) => i === axis || n === shape[i]),
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
    const y = node.output([batch, depth, height * size, width * size], x.kind);
    return reorder(x, [...shape, height, width], order, y);
  },

  Expand(node) {
    const x = node.input(0);
    const shape = broadcast([x.shape, Array.from(node.values(1))], node.where);
    const lengths = [...shape.slice(x.shape.length).fill(1), ...x.shape];
    return pick(node, x, shape, (i, axis) => i % lengths[axis]);
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
          const inside = clamp(index < 0 ? index + length : index, 0, length - 1);
          const from = (block * length + inside) * size;
          for (let j = 0; j < size; j++) y.data[to++] = x.data[from + j];
        }
      }
    };
  },

  Pad(node) {
    const x = node.input(0);
    const find = node.choice("mode", PADDING, "constant");
    const axes = axesOf(node, x.shape.length);
    const pads = node.values(1);
    node.demand(pads.length === 2 * axes.length, "has a wrong number of pads");
    const before = x.shape.map(() => 0);
    const shape = [...x.shape];
    axes.forEach((axis, i) => {
      before[axis] = pads[i];
      shape[axis] += pads[i] + pads[axes.length + i];
    });
    const choose = (/** @type {number} */ i, /** @type {number} */ axis) =>
      find(i - before[axis], x.shape[axis]);
    return pick(node, x, shape, choose, node.optional(2));
  },

  Slice(node) {
    const x = node.input(0);
    const [starts, ends] = [node.values(1), node.values(2)];
    const axes = axesOf(node, x.shape.length, starts.length);
    const steps = node.integers(4) ?? axes.map(() => 1);
    const fits = [starts, ends, steps].every((list) => list.length === axes.length);
    node.demand(fits && !steps.includes(0), "has lists of different lengths, or a step of 0");
    const shape = [...x.shape];
    const cuts = x.shape.map(() => ({ start: 0, step: 1 }));
    axes.forEach((axis, i) => {
      const [length, step] = [x.shape[axis], steps[i]];
      const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
      const at = (/** @type {number} */ index) => (index < 0 ? index + length : index);
      const [start, end] = [clamp(at(starts[i]), 0, most), clamp(at(ends[i]), least, most)];
      shape[axis] = Math.max(Math.ceil((end - start) / step), 0);
      cuts[axis] = { start, step };
    });
    return pick(node, x, shape, (i, axis) => cuts[axis].start + i * cuts[axis].step);
  },

  Split(node) {
    const x = node.input(0);
    const axis = node.axis(node.number("axis", 0), x.shape.length);
    const whole = x.shape[axis];
    const part = Math.ceil(whole / node.number("num_outputs", node.outputCount));
    const parts =
      node.integers(1) ?? indices(node.outputCount).map((i) => clamp(whole - i * part, 0, part));
    const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, length) => sum + length));
    node.demand(ends.at(-1) === whole, `cannot split ${whole} into ${parts}`);
    return inTurn(
      parts.map((length, n) =>
        pick(node, x, x.shape.with(axis, length), (i, along) =>
          along === axis ? ends[n] - length + i : i,
        ),
      ),
    );
  },

  Tile(node) {
    const x = node.input(0);
    const repeats = node.values(1);
    node.demand(repeats.length === x.shape.length, "has a wrong number of repeats");
    const shape = x.shape.map((length, axis) => length * repeats[axis]);
    return pick(node, x, shape, (i, axis) => i % x.shape[axis]);
  },

  Transpose(node) {
    const x = node.input(0);
    const order = node.numbers("perm") ?? indices(x.shape.length).reverse();
    const isOrder = String([...order].sort()) === String(indices(x.shape.length));
    node.demand(isOrder, `cannot reorder (${x.shape}) by ${order}`);
    const shape = order.map((axis) => x.shape[axis]);
    const long = order.filter((axis) => x.shape[axis] > 1);
    if (long.every((axis, i) => i === 0 || axis > long[i - 1])) return node.view(x, shape);
    return reorder(x, x.shape, order, node.output(shape, x.kind));
  },
};

/** The index along an axis that fills a place outside of it, by the mode of padding.
 * @type {Record<string, (i: number, length: number) => number>} */
const PADDING = {
  constant: (i) => i,
  edge: (i, length) => clamp(i, 0, length - 1),
  reflect(i, length) {
    const period = Math.max(2 * (length - 1), 1);
    const inPeriod = ((i % period) + period) % period;
    return Math.min(inPeriod, period - inPeriod) % length;
  },
  wrap: (i, length) => ((i % length) + length) % length,
};

/** The axes that input 3 lists, of `rank` axes; by default the first `count`.
 * @param {Node} node @param {number} rank */
function axesOf(node, rank, count = rank) {
  return (node.integers(3) ?? indices(count)).map((axis) => node.axis(axis, rank));
}

/** Copies x, viewed in a shape, with its axes in another order.
 * @type {(x: Tensor, shape: number[], order: number[], y: Tensor) => Run} */
function reorder(x, shape, order, y) {
  const tables = progressions(shape);
  const copy = arrange(order.map((axis) => tables[axis]));
  return () => copy(x.data, y.data);
}

/** Adds an output: the numbers of x at chosen indices along each axis, and `fill` where an index is
 * out of range. Axes that x lacks come first.
 * @type {(node: Node, x: Tensor, shape: number[], choose: (i: number, axis: number) => number,
 *   fill?: Tensor) => Run} */
export function pick(node, x, shape, choose, fill) {
  const y = node.output(shape, x.kind);
  const lengths = [...shape.slice(x.shape.length).fill(1), ...x.shape];
  const strides = stridesOf(lengths);
  const tables = shape.map((length, axis) =>
    choices(length, lengths[axis], strides[axis], (i) => choose(i, axis)),
  );
  const copy = arrange(tables);
  return () => copy(x.data, y.data, fill ? fill.data[0] : 0);
}
