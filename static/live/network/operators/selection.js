/** Operators that pick, repeat, or rearrange numbers along the axes of a tensor. */

import { inTurn } from "./elementwise.js";
import {
  arrange,
  broadcast,
  broadcastStrides,
  indices,
  NOWHERE,
  progression,
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
    const whole = [...shape];
    whole[axis] = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
    const others = (/** @type {number[]} */ lengths) =>
      String(lengths.filter((_, i) => i !== axis));
    node.demand(
      parts.every((part) => others(part.shape) === others(shape)),
      `cannot join ${parts.map((part) => `(${part.shape})`).join(" and ")}`,
    );
    const y = node.output(whole, kind);
    const blocks = sizeOf(shape.slice(0, axis));
    return () => {
      let to = 0;
      for (let block = 0; block < blocks; block++) {
        for (let part = 0; part < parts.length; part++) {
          const { data } = parts[part];
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
    const isByDepth = node.text("mode", "DCR") === "DCR";
    const shape = isByDepth ? [batch, size, size, depth] : [batch, depth, size, size];
    const order = isByDepth ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
    const tables = tablesOf([...shape, height, width]);
    const y = node.output([batch, depth, height * size, width * size], x.kind);
    return pick(
      x,
      y,
      order.map((axis) => tables[axis]),
    );
  },

  Expand(node) {
    const x = node.input(0);
    const shape = broadcast([x.shape, Array.from(node.values(1))], node.where);
    const strides = broadcastStrides(x.shape, shape);
    const y = node.output(shape, x.kind);
    return pick(
      x,
      y,
      shape.map((length, axis) => progression(length, strides[axis])),
    );
  },

  Gather(node) {
    const [x, chosen] = [node.input(0), node.input(1)];
    const axis = node.axis(node.number("axis", 0), x.shape.length);
    const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
    const length = x.shape[axis];
    const y = node.output([...before, ...chosen.shape, ...after], x.kind);
    const [blocks, size] = [sizeOf(before), sizeOf(after)];
    return () => {
      let to = 0;
      for (let block = 0; block < blocks; block++) {
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
    const rank = x.shape.length;
    const mode = node.text("mode", "constant");
    const find = PADDING[mode];
    node.demand(find, `pads in the mode ${mode}, which this page cannot do`);
    const axes = node.optional(3)
      ? Array.from(node.values(3), (axis) => node.axis(axis, rank))
      : indices(rank);
    const pads = Array.from(node.values(1));
    node.demand(pads.length === 2 * axes.length, "has a wrong number of pads");
    const tables = tablesOf(x.shape);
    const shape = [...x.shape];
    axes.forEach((axis, i) => {
      const [before, after] = [pads[i], pads[axes.length + i]];
      shape[axis] += before + after;
      node.demand(shape[axis] >= 0 && shape[axis] <= 2 ** 26, "has pads that are out of bounds");
      const old = tables[axis];
      node.demand(mode === "constant" || old.length > 0, "pads what is empty");
      tables[axis] = Int32Array.from({ length: shape[axis] }, (_, j) => {
        return old[find(j - before, old.length)] ?? NOWHERE;
      });
    });
    const fill = node.optional(2);
    return pick(x, node.output(shape, x.kind), tables, fill);
  },

  Slice(node) {
    const x = node.input(0);
    const rank = x.shape.length;
    const starts = node.values(1);
    const ends = node.values(2);
    const axes = node.optional(3)
      ? Array.from(node.values(3), (axis) => node.axis(axis, rank))
      : indices(starts.length);
    const steps = node.optional(4) ? node.values(4) : axes.map(() => 1);
    node.demand(
      [ends, axes, steps].every((list) => list.length === starts.length) && starts.length <= rank,
      "has lists of different lengths",
    );
    const tables = tablesOf(x.shape);
    axes.forEach((axis, i) => {
      const length = x.shape[axis];
      const step = steps[i];
      node.demand(step !== 0, "has a step of 0");
      const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
      const [start, end] = [starts[i], ends[i]].map((index) =>
        Math.min(Math.max(index < 0 ? index + length : index, least), most),
      );
      const count = Math.max(Math.ceil((end - start) / step), 0);
      tables[axis] = Int32Array.from({ length: count }, (_, j) => tables[axis][start + j * step]);
    });
    const shape = tables.map((table) => table.length);
    return pick(x, node.output(shape, x.kind), tables);
  },

  Split(node) {
    const x = node.input(0);
    const axis = node.axis(node.number("axis", 0), x.shape.length);
    const length = x.shape[axis];
    const count = node.number("num_outputs", node.outputCount);
    const part = Math.ceil(length / count);
    const parts =
      node.list("split", 1, 13) ??
      indices(node.outputCount).map((i) => Math.min(part, Math.max(length - i * part, 0)));
    const isWhole = parts.reduce((sum, size) => sum + size, 0) === length;
    node.demand(
      isWhole && parts.every((size) => size >= 0),
      `cannot split ${length} into ${parts}`,
    );
    let start = 0;
    const steps = parts.map((size) => {
      const tables = tablesOf(x.shape);
      tables[axis] = tables[axis].slice(start, (start += size));
      const shape = tables.map((table) => table.length);
      return pick(x, node.output(shape, x.kind), tables);
    });
    return inTurn(steps);
  },

  Tile(node) {
    const x = node.input(0);
    const repeats = node.values(1);
    node.demand(repeats.length === x.shape.length, "has a wrong number of repeats");
    const tables = tablesOf(x.shape);
    const shape = x.shape.map((length, axis) => length * repeats[axis]);
    const y = node.output(shape, x.kind);
    return pick(
      x,
      y,
      tables.map((table, axis) =>
        Int32Array.from({ length: shape[axis] }, (_, i) => table[i % table.length]),
      ),
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
    const tables = tablesOf(x.shape);
    return pick(
      x,
      node.output(shape, x.kind),
      order.map((axis) => tables[axis]),
    );
  },
};

/**
 * Which index of an axis stands at a place beside it, by the mode of padding.
 *
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

/** Where the elements along each axis stand. */
function tablesOf(/** @type {number[]} */ shape) {
  const strides = stridesOf(shape);
  return shape.map((length, axis) => progression(length, strides[axis]));
}

/**
 * Copies what the tables pick.
 *
 * @param {Tensor} x
 * @param {Tensor} y
 * @param {Int32Array[]} tables
 * @param {Tensor} [fill] what stands where the tables pick nothing
 * @returns {Run}
 */
function pick(x, y, tables, fill) {
  const copy = arrange(tables);
  return () => copy(x.data, y.data, fill ? fill.data[0] : 0);
}
