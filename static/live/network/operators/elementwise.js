/** Elementwise operators, with ONNX's broadcasting. */

import { HALF, typeOf } from "../file.js";
import * as kernel from "../plain.js";
import { broadcast, broadcastStrides, progressions, sums } from "../tensor.js";

/** @import {Node, Operator, Run} from "../node.js" @import {Binary, Unary} from "../plain.js" */
/** @import {Kind, Tensor} from "../tensor.js" */

/** Source: Klambauer et al. 2017, "Self-Normalizing Neural Networks"; ONNX gives these digits. */
const SELU = { alpha: 1.67326319217681884765625, gamma: 1.05070102214813232421875 };

/** @type {Record<string, Operator>} */
export const ELEMENTWISE = {
  Abs: unary(Math.abs),
  Ceil: unary(Math.ceil),
  Celu: (node) => apply(node, celu(node.number("alpha", 1))),
  Elu: (node) => apply(node, elu(node.number("alpha", 1), 1)),
  Erf: unary(erf),
  Exp: unary(kernel.EXP),
  Floor: unary(Math.floor),
  Gelu: (node) => apply(node, node.choice("approximate", GELU, "none")),
  HardSigmoid: (node) =>
    apply(node, hardSigmoid(node.number("alpha", 0.2), node.number("beta", 0.5))),
  HardSwish: unary((x) => x * hardSigmoid(1 / 6, 0.5)(x)),
  LeakyRelu: (node) => apply(node, kernel.LEAKY_RELU, node.number("alpha", 0.01)),
  Log: unary(Math.log),
  Mish: unary((x) => x * Math.tanh(softplus(x))),
  Neg: unary((x) => -x),
  Not: unary((x) => Number(!x)),
  Reciprocal: unary((x) => 1 / x),
  Relu: unary(kernel.LEAKY_RELU),
  Round: unary((x) => (Math.abs(x) < 2 ** 51 ? x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52 : x)), // to even
  Selu: (node) =>
    apply(node, elu(node.number("alpha", SELU.alpha), node.number("gamma", SELU.gamma))),
  Sigmoid: unary(kernel.SIGMOID),
  Sign: unary(Math.sign),
  Softplus: unary(softplus),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Sqrt: unary(Math.sqrt),
  Tanh: unary(kernel.TANH),

  Add: variadic(kernel.ADD),
  Sum: variadic(kernel.ADD),
  Sub: variadic(kernel.SUBTRACT),
  Mul: variadic(kernel.MULTIPLY),
  Max: variadic(kernel.MAXIMUM),
  Min: variadic(kernel.MINIMUM),
  Div: (node) => binary(ofKind(node, kernel.DIVIDE))(node),
  Mod(node) {
    const isLikeC = node.number("fmod", 0) !== 0;
    return binary((a, b) => (isLikeC ? a % b : a - b * Math.floor(a / b)))(node);
  },
  Pow: (node) => binary(ofKind(node, (a, b) => a ** b))(node),
  PRelu: binary((x, slope) => (x < 0 ? slope * x : x)),
  And: binary((a, b) => a && b, "boolean"),
  Or: binary((a, b) => a || b, "boolean"),
  Equal: binary((a, b) => Number(a === b), "boolean"),
  Greater: binary((a, b) => Number(a > b), "boolean"),
  GreaterOrEqual: binary((a, b) => Number(a >= b), "boolean"),
  Less: binary((a, b) => Number(a < b), "boolean"),
  LessOrEqual: binary((a, b) => Number(a <= b), "boolean"),

  Cast(node) {
    const type = node.number("to", 0);
    const { kind } = typeOf(type, node.where);
    return type === HALF ? apply(node, toHalf, 0, kind) : cast(node, kind);
  },
  CastLike: (node) => cast(node, node.input(1).kind),

  Clip(node) {
    const [x, low, high] = [node.input(0), node.optional(1), node.optional(2)];
    const y = node.output(x.shape, x.kind);
    return () => {
      const [from, to] = [x.data, y.data];
      const least = low ? low.data[0] : -Infinity;
      const most = high ? high.data[0] : Infinity;
      for (let i = 0; i < to.length; i++) to[i] = Math.min(Math.max(from[i], least), most);
    };
  },

  Where(node) {
    const operands = [0, 1, 2].map((i) => node.input(i));
    const shapes = operands.map((operand) => operand.shape);
    const shape = broadcast(shapes, node.where);
    const y = node.output(shape, operands[1].kind);
    const [asks, yes, no] = shapes.map((given) =>
      node.prepared(sums(progressions(shape, broadcastStrides(given, shape)))),
    );
    return () => {
      const [condition, a, b, to] = [...operands, y].map(({ data }) => data);
      for (let i = 0; i < to.length; i++) {
        to[i] = condition[asks.data[i]] ? a[yes.data[i]] : b[no.data[i]];
      }
    };
  },
};

/** y = f(x) for each number of the only input.
 * @type {(node: Node, f: Unary, slope?: number, kind?: Kind) => Run} */
function apply(node, f, slope = 0, kind = node.input(0).kind) {
  const x = node.input(0);
  const y = node.output(x.shape, kind);
  return (kernels) => kernels.unary(f, x.data, y.data, slope);
}

/** The numbers of the first input as another kind. @type {(node: Node, kind: Kind) => Run | void} */
function cast(node, kind) {
  const x = node.input(0);
  if (kind === "integer" && x.kind === "float") return apply(node, Math.trunc, 0, kind);
  if (kind === "boolean" && x.kind !== kind) return apply(node, (n) => Number(n !== 0), 0, kind);
  return node.view(x, x.shape, kind);
}

/** @returns {Operator} without attributes */
function unary(/** @type {Unary} */ f) {
  return (node) => apply(node, f);
}

/** An operator on two tensors; `kind` is the result's, by default that of the first operand.
 * @type {(f: Binary, kind?: Kind) => Operator} */
function binary(f, kind) {
  return (node) => accumulate(node, [node.input(0), node.input(1)], f, kind);
}

/** `f`, truncated to whole numbers if the first operand has integers. @returns {Binary} */
function ofKind(/** @type {Node} */ node, /** @type {Binary} */ f) {
  return node.input(0).kind === "integer" ? (a, b) => Math.trunc(f(a, b)) : f;
}

/** @returns {Operator} on one tensor or more */
function variadic(/** @type {Binary} */ f) {
  return (node) => accumulate(node, node.all(), f);
}

/** y = f(f(a, b), c) and so on, broadcast.
 * @type {(node: Node, operands: Tensor[], f: Binary, kind?: Kind) => Run | void} */
function accumulate(node, operands, f, kind = operands[0].kind) {
  const [first, ...others] = operands;
  if (others.length === 0) return node.view(first, first.shape);
  const shapes = operands.map((operand) => operand.shape);
  const y = node.output(broadcast(shapes, node.where), kind);
  return inTurn(others.map((other, i) => combine(f, i === 0 ? first : y, other, y)));
}

/** Joins several steps into one. @returns {Run} */
export function inTurn(/** @type {Run[]} */ steps) {
  return (kernels) => {
    for (let i = 0; i < steps.length; i++) steps[i](kernels);
  };
}

/** y = f(a, b), broadcast. @type {(f: Binary, a: Tensor, b: Tensor, y: Tensor) => Run} */
export function combine(f, a, b, y) {
  const strides = [a, b].map((operand) => broadcastStrides(operand.shape, y.shape));
  const axes = mergeAxes(y.shape, strides);
  const [rows, columns] = axes.splice(-2);
  const outer = axes.map(({ length }) => length);
  const [left, right] = [a, b].map((tensor, i) => {
    const [row, column] = [rows.strides[i], columns.strides[i]];
    const steps = axes.map(({ strides }) => strides[i]);
    return { tensor, row, column, starts: sums(progressions(outer, steps)) };
  });
  const [m, n] = [rows.length, columns.length];
  return (kernels) => {
    for (let i = 0; i < left.starts.length; i++) {
      kernels.binary(f, left, left.starts[i], right, right.starts[i], y.data, i * m * n, m, n);
    }
  };
}

/** Merges axes of a shape into the fewest, but at least two, over which all operands can be read.
 * @param {number[]} shape @param {number[][]} strides of each operand */
function mergeAxes(shape, strides) {
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
  while (axes.length < 2) axes.unshift({ length: 1, strides: strides.map(() => 0) });
  return axes;
}

// ---- Functions of one number ----

/** The half-precision float nearest to a number; of two that are equally near, the even one. */
function toHalf(/** @type {number} */ x) {
  const size = Math.abs(x);
  if (size >= 65520) return x < 0 ? -Infinity : Infinity;
  const big = size < 2 ** -14 ? 1.5 * 2 ** 28 : 1.5 * 2 ** (42 + Math.floor(Math.log2(size)));
  return x + big - big; // a double as large as `big` has no finer digits than the half
}

/** @returns {(x: number) => number} */
function elu(/** @type {number} */ alpha, /** @type {number} */ gamma) {
  return (x) => gamma * (x < 0 ? alpha * Math.expm1(x) : x);
}

/** @returns {(x: number) => number} */
function celu(/** @type {number} */ alpha) {
  return (x) => Math.max(x, 0) + Math.min(alpha * Math.expm1(x / alpha), 0);
}

/** @returns {(x: number) => number} */
function hardSigmoid(/** @type {number} */ alpha, /** @type {number} */ beta) {
  return (x) => Math.min(Math.max(alpha * x + beta, 0), 1);
}

function softplus(/** @type {number} */ x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** @type {Record<string, Unary>} */
const GELU = {
  none: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** The error function to within 1.5e-7: Abramowitz & Stegun 1964, formula 7.1.26. */
function erf(/** @type {number} */ x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const c = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];
  const sum = t * (c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * c[4]))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}
