/** Operators that work number by number, with ONNX's broadcasting. */

import { HALF, kindOf } from "../file.js";
import * as kernel from "../plain.js";
import { broadcast, broadcastStrides, progression, sums } from "../tensor.js";

/**
 * @import {Node, Operator, Run} from "../node.js"
 * @import {Binary, Unary} from "../plain.js"
 * @import {Kind, Tensor} from "../tensor.js"
 */

/** Source: Klambauer et al. 2017, "Self-Normalizing Neural Networks"; ONNX gives these digits. */
const SELU = { alpha: 1.67326319217681884765625, gamma: 1.05070102214813232421875 };

/** @type {Record<string, Operator>} */
export const ELEMENTWISE = {
  Abs: unary(() => Math.abs),
  Ceil: unary(() => Math.ceil),
  Elu: unary((node) => elu(node.number("alpha", 1), 1)),
  Erf: unary(() => erf),
  Exp: unary(() => kernel.EXP),
  Floor: unary(() => Math.floor),
  Gelu: unary((node) => node.choice("approximate", { none: gelu, tanh: geluOfTanh }, "none")),
  HardSigmoid: unary((node) => hardSigmoid(node.number("alpha", 0.2), node.number("beta", 0.5))),
  HardSwish: unary(() => (x) => x * hardSigmoid(1 / 6, 0.5)(x)),
  LeakyRelu: unary(
    () => kernel.LEAKY_RELU,
    (node) => node.number("alpha", 0.01),
  ),
  Log: unary(() => Math.log),
  Mish: unary(() => (x) => x * Math.tanh(softplus(x))),
  Neg: unary(() => (x) => -x),
  Not: unary(() => (x) => Number(!x)),
  Reciprocal: unary(() => (x) => 1 / x),
  Relu: unary(() => kernel.LEAKY_RELU),
  Round: unary(() => roundToEven),
  Selu: unary((node) => elu(node.number("alpha", SELU.alpha), node.number("gamma", SELU.gamma))),
  Sigmoid: unary(() => kernel.SIGMOID),
  Sign: unary(() => Math.sign),
  Softplus: unary(() => softplus),
  Softsign: unary(() => (x) => x / (1 + Math.abs(x))),
  Sqrt: unary(() => Math.sqrt),
  Tanh: unary(() => kernel.TANH),

  Add: variadic(kernel.ADD),
  Sum: variadic(kernel.ADD),
  Sub: variadic(kernel.SUBTRACT),
  Mul: variadic(kernel.MULTIPLY),
  Max: variadic(kernel.MAXIMUM),
  Min: variadic(kernel.MINIMUM),
  Div(node) {
    const isWhole = node.input(0).kind === "integer";
    return isWhole ? binary((a, b) => Math.trunc(a / b))(node) : variadic(kernel.DIVIDE)(node);
  },
  Mod(node) {
    const isLikeC = node.number("fmod", 0) !== 0;
    return binary((a, b) => (isLikeC ? a % b : a - b * Math.floor(a / b)))(node);
  },
  Pow: binary((a, b) => a ** b),
  PRelu: binary((x, slope) => (x < 0 ? slope * x : x)),
  And: binary((a, b) => a && b, "boolean"),
  Or: binary((a, b) => a || b, "boolean"),
  Equal: binary((a, b) => Number(a === b), "boolean"),
  Greater: binary((a, b) => Number(a > b), "boolean"),
  GreaterOrEqual: binary((a, b) => Number(a >= b), "boolean"),
  Less: binary((a, b) => Number(a < b), "boolean"),
  LessOrEqual: binary((a, b) => Number(a <= b), "boolean"),

  Cast: (node) => cast(node, node.number("to", 0)),

  Clip(node) {
    const x = node.input(0);
    const y = node.output(x.shape, x.kind);
    const low = node.optional(1);
    const high = node.optional(2);
    return () => {
      const [from, to] = [x.data, y.data];
      const least = low ? low.data[0] : -Infinity;
      const most = high ? high.data[0] : Infinity;
      for (let i = 0; i < to.length; i++) to[i] = Math.min(Math.max(from[i], least), most);
    };
  },

  Where(node) {
    const operands = [node.input(0), node.input(1), node.input(2)];
    const shapes = operands.map((operand) => operand.shape);
    const shape = broadcast(shapes, node.where);
    const y = node.output(shape, operands[1].kind);
    const [asks, yes, no] = operands.map((operand) => node.prepared(offsets(operand.shape, shape)));
    return () => {
      const [condition, a, b, to] = [...operands, y].map(({ data }) => data);
      for (let i = 0; i < to.length; i++) {
        to[i] = condition[asks.data[i]] ? a[yes.data[i]] : b[no.data[i]];
      }
    };
  },
};

/**
 * An operator that applies a function to each number.
 *
 * @param {(node: Node) => Unary | number} choose a function, or the index of one of the kernels
 * @param {(node: Node) => number} [slope]
 * @param {Kind} [kind] of the result; else that of the operand
 * @returns {Operator}
 */
function unary(choose, slope = () => 0, kind) {
  return (node) => {
    const x = node.input(0);
    const [f, factor] = [choose(node), slope(node)];
    const y = node.output(x.shape, kind ?? x.kind);
    return (kernels) => kernels.unary(f, x.data, y.data, factor);
  };
}

/**
 * An operator on two tensors, with a function of its own.
 *
 * @param {Binary} f
 * @param {Kind} [kind] of the result; else that of the first operand
 * @returns {Operator}
 */
function binary(f, kind) {
  return (node) => {
    const [a, b] = [node.input(0), node.input(1)];
    const y = node.output(broadcast([a.shape, b.shape], node.where), kind ?? a.kind);
    return combine(f, a, b, y);
  };
}

/**
 * An operator on one tensor or more, with a function of the kernels.
 *
 * @param {number} f
 * @returns {Operator}
 */
function variadic(f) {
  return (node) => {
    const [first, ...others] = node.all();
    if (others.length === 0) return node.view(first, first.shape);
    const shapes = [first, ...others].map((tensor) => tensor.shape);
    const y = node.output(broadcast(shapes, node.where), first.kind);
    const steps = others.map((other, i) => combine(f, i === 0 ? first : y, other, y));
    return inTurn(steps);
  };
}

/** One step that consists of several. @returns {Run} */
export function inTurn(/** @type {Run[]} */ steps) {
  return (kernels) => {
    for (let i = 0; i < steps.length; i++) steps[i](kernels);
  };
}

/**
 * y = f(a, b), broadcast.
 *
 * @param {Binary | number} f a function, or the index of one of the kernels
 * @param {Tensor} a
 * @param {Tensor} b
 * @param {Tensor} y
 * @returns {Run}
 */
export function combine(f, a, b, y) {
  const axes = mergeAxes(
    y.shape,
    [a, b].map((x) => broadcastStrides(x.shape, y.shape)),
  );
  const [rows, columns] = axes.slice(-2);
  const outer = axes.slice(0, -2);
  const [aStarts, bStarts] = [0, 1].map((operand) =>
    sums(outer.map(({ length, strides }) => progression(length, strides[operand]))),
  );
  const [left, right] = [a, b].map((tensor, operand) => {
    return { tensor, row: rows.strides[operand], column: columns.strides[operand] };
  });
  const [m, n] = [rows.length, columns.length];
  return (kernels) => {
    for (let i = 0; i < aStarts.length; i++) {
      kernels.binary(f, left, aStarts[i], right, bStarts[i], y.data, i * m * n, m, n);
    }
  };
}

/**
 * The fewest axes, but at least two, over which operands can be read in the order of a shape.
 *
 * @param {number[]} shape
 * @param {number[][]} strides of each operand
 */
function mergeAxes(shape, strides) {
  const none = strides.map(() => 0);
  /** @type {{length: number, strides: number[]}[]} */
  const axes = [];
  shape.forEach((length, axis) => {
    const steps = strides.map((ofOperand) => ofOperand[axis]);
    const outer = axes.at(-1);
    if (outer?.strides.every((step, i) => step === length * steps[i])) {
      outer.length *= length;
      outer.strides = steps;
    } else if (length !== 1) {
      axes.push({ length, strides: steps });
    }
  });
  while (axes.length < 2) axes.unshift({ length: 1, strides: none });
  return axes;
}

/** For each element of a shape, where that of a tensor stands which is broadcast to it. */
function offsets(/** @type {number[]} */ shape, /** @type {number[]} */ wide) {
  const strides = broadcastStrides(shape, wide);
  return sums(wide.map((length, axis) => progression(length, strides[axis])));
}

/**
 * @param {Node} node
 * @param {number} type in ONNX's numbers
 */
function cast(node, type) {
  const x = node.input(0);
  const kind = kindOf(type, node.where);
  const into = (/** @type {Unary} */ f) => unary(() => f, undefined, kind)(node);
  if (kind === "integer" && x.kind === "float") return into(Math.trunc);
  if (kind === "boolean" && x.kind !== kind) return into((value) => Number(value !== 0));
  if (type === HALF && x.kind === "float") return into(toHalf);
  return node.view(x, x.shape, kind);
}

// ---- Functions of one number ----

/** The float of half precision that is nearest to a number; of two, the even one. */
function toHalf(/** @type {number} */ x) {
  const size = Math.abs(x);
  if (size >= 65520) return x < 0 ? -Infinity : Infinity;
  const big = size < 2 ** -14 ? 1.5 * 2 ** 28 : 1.5 * 2 ** (42 + Math.floor(Math.log2(size)));
  return x + big - big; // a double of the size of `big` has no smaller digits than the half
}

/**
 * @param {number} alpha
 * @param {number} gamma
 * @returns {(x: number) => number}
 */
function elu(alpha, gamma) {
  return (x) => gamma * (x < 0 ? alpha * Math.expm1(x) : x);
}

/**
 * @param {number} alpha
 * @param {number} beta
 * @returns {(x: number) => number}
 */
function hardSigmoid(alpha, beta) {
  return (x) => Math.min(Math.max(alpha * x + beta, 0), 1);
}

function softplus(/** @type {number} */ x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function roundToEven(/** @type {number} */ x) {
  return Math.abs(x) < 2 ** 51 ? x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52 : x;
}

function gelu(/** @type {number} */ x) {
  return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
}

function geluOfTanh(/** @type {number} */ x) {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** Steps of the table of `erf` in a unit, and where it ends: beyond, the function is 1. */
const ERF_STEPS = 64;
const ERF_END = 4;

/**
 * The error function at multiples of 1 / ERF_STEPS.
 *
 * Source: Abramowitz & Stegun 1964, formula 7.1.6.
 */
const ERF_TABLE = Float64Array.from({ length: ERF_STEPS * ERF_END + 1 }, (_, i) => {
  const x = i / ERF_STEPS;
  let sum = x;
  for (let n = 1, term = x; term > 1e-17 * sum; n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
});

/** The error function to within 1e-9: Taylor's series around the nearest number in the table. */
function erf(/** @type {number} */ x) {
  const size = Math.abs(x);
  if (!(size < ERF_END)) return Math.sign(x);
  const i = Math.round(size * ERF_STEPS);
  const a = i / ERF_STEPS;
  const h = size - a;
  const slope = (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a);
  return Math.sign(x) * (ERF_TABLE[i] + slope * h * (1 - h * (a - (h * (2 * a * a - 1)) / 3)));
}
