/** Operators on shapes, and operators that view the same numbers in another shape. */

import { constant, indices, sizeOf } from "../tensor.js";

/** @import {Operator} from "../node.js" */

/** Attributes of Constant. @type {[string, import("../tensor.js").Kind][]} */
const CONSTANTS = [
  ["value_float", "float"],
  ["value_int", "integer"],
];

/** @type {Record<string, Operator>} */
export const SHAPES = {
  Constant(node) {
    const tensor = node.tensor("value");
    if (tensor) return node.known(tensor.shape, tensor.kind, tensor.data);
    for (const [name, kind] of CONSTANTS) {
      if (node.has(name)) return node.known([], kind, [node.number(name, 0)]);
      const list = node.numbers(`${name}s`);
      if (list) return node.known([list.length], kind, list);
    }
    node.demand(false, "holds something that this page cannot read");
  },

  ConstantOfShape(node) {
    const shape = Array.from(node.values(0));
    const value = node.tensor("value") ?? constant([1], "float", new Float32Array(1));
    const y = node.output(shape, value.kind);
    return () => y.data.fill(value.data[0]);
  },

  Dropout(node) {
    node.demand(!node.optional(2) || !node.values(2)[0], "is set to training");
    node.view(node.input(0), node.input(0).shape);
  },

  Flatten(node) {
    const x = node.input(0);
    const rank = x.shape.length;
    const given = node.number("axis", 1);
    const axis = given === rank ? rank : node.axis(given, rank);
    node.view(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
  },

  Identity(node) {
    node.view(node.input(0), node.input(0).shape);
  },

  Range(node) {
    const [start, limit, step] = [0, 1, 2].map((i) => node.values(i)[0]);
    const length = Math.max(Math.ceil((limit - start) / step), 0);
    const y = node.output([length], node.input(0).kind);
    return () => y.data.forEach((_, i) => (y.data[i] = start + i * step));
  },

  Reshape(node) {
    const x = node.input(0);
    const keepsZero = node.number("allowzero", 0) !== 0;
    const wanted = Array.from(node.values(1), (length, axis) => {
      return length === 0 && !keepsZero ? (x.shape[axis] ?? 0) : length;
    });
    const known = sizeOf(wanted.filter((length) => length !== -1));
    const rest = known > 0 ? x.size / known : 0;
    node.demand(Number.isInteger(rest), `cannot show (${x.shape}) in the shape (${wanted})`);
    const shape = wanted.map((length) => (length === -1 ? rest : length));
    node.view(x, shape);
  },

  Shape(node) {
    const { shape } = node.input(0);
    const end = node.number("end", shape.length);
    const part = shape.slice(node.number("start", 0), end);
    node.known([part.length], "integer", part);
  },

  Size(node) {
    node.known([], "integer", [node.input(0).size]);
  },

  Squeeze(node) {
    const x = node.input(0);
    const given = node.integers(1)?.map((axis) => node.axis(axis, x.shape.length));
    const axes = given?.length
      ? given
      : x.shape.flatMap((length, axis) => (length === 1 ? axis : []));
    const isOne = axes.every((axis) => x.shape[axis] === 1);
    node.demand(isOne, `cannot leave out axes ${axes} of (${x.shape})`);
    const rest = x.shape.filter((_, axis) => !axes.includes(axis));
    node.view(x, rest);
  },

  Unsqueeze(node) {
    const x = node.input(0);
    const given = node.integers(1) ?? [];
    const rank = x.shape.length + given.length;
    const axes = given.map((axis) => node.axis(axis, rank));
    node.demand(new Set(axes).size === axes.length, "adds an axis twice");
    const rest = [...x.shape];
    const shape = indices(rank).map((axis) => (axes.includes(axis) ? 1 : Number(rest.shift())));
    node.view(x, shape);
  },
};
