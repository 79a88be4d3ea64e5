/** Matrix products. */

import { pack, padColumns, PANEL } from "../plain.js";
import {
  arrange,
  broadcast,
  broadcastStrides,
  progression,
  progressions,
  sizeOf,
  sums,
} from "../tensor.js";

/** @import {Node, Operator} from "../node.js" @import {Kernels} from "../plain.js" */
/** @import {Numbers} from "../tensor.js" */

/** @type {Record<string, Operator>} */
export const MATRIX = {
  MatMul(node) {
    const [a, b] = [node.input(0), node.input(1)];
    node.demand(a.shape.length > 0 && b.shape.length > 0, "takes no single numbers");
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    const [m, k] = left.slice(-2);
    const [depth, n] = right.slice(-2);
    node.demand(k === depth, `cannot multiply (${a.shape}) by (${b.shape})`);
    const batch = broadcast([left.slice(0, -2), right.slice(0, -2)], node.where);
    const ends = [...(a.shape.length > 1 ? [m] : []), ...(b.shape.length > 1 ? [n] : [])];
    const y = node.output([...batch, ...ends]);
    node.multiplyAdds = y.size * k;

    if (b.constant && sizeOf(right) === k * n) {
      const multiply = productWith(node, pack(node.values(1), k, n, n, 1), k, n);
      const rows = k > 0 ? a.size / k : 0;
      return (kernels) => {
        y.data.fill(0);
        multiply(kernels, a.data, rows, y.data);
      };
    }
    const [aStarts, bStarts] = [left, right].map((shape) => {
      const strides = broadcastStrides(shape.slice(0, -2), batch);
      const size = sizeOf(shape.slice(-2));
      const steps = strides.map((stride) => stride * size);
      return sums(progressions(batch, steps));
    });
    const multiply = gatheredProduct(node, m, progression(k, n), progression(n, 1));
    return (kernels) => {
      y.data.fill(0);
      for (let i = 0; i < aStarts.length; i++) {
        multiply(kernels, a.data, aStarts[i], b.data, bStarts[i], y.data, i * m * n);
      }
    };
  },

  Gemm(node) {
    const [a, b, c] = [node.input(0), node.input(1), node.optional(2)];
    const isMatrix = a.shape.length === 2 && b.shape.length === 2;
    node.demand(isMatrix, `needs two matrices, not (${a.shape}) and (${b.shape})`);
    const [alpha, beta] = [node.number("alpha", 1), node.number("beta", 1)];
    const [turnsA, turnsB] = ["transA", "transB"].map((name) => node.number(name, 0) !== 0);
    const [m, k] = turnsA ? a.shape.toReversed() : a.shape;
    const [depth, n] = turnsB ? b.shape.toReversed() : b.shape;
    node.demand(k === depth, `cannot multiply (${a.shape}) by (${b.shape})`);
    const y = node.output([m, n]);
    node.multiplyAdds = m * k * n;
    const [down, right] = turnsB ? [1, k] : [n, 1];

    const copies = turnsA || alpha !== 1;
    const rows = copies ? node.scratch(a.size) : a;
    const copy = arrange(progressions([m, k], turnsA ? [1, m] : [k, 1]));
    const shape = c ? broadcast([c.shape, y.shape], node.where) : y.shape;
    node.demand(String(shape) === String(y.shape), `cannot add (${c?.shape}) to (${y.shape})`);
    const place = arrange(progressions(y.shape, broadcastStrides(c ? c.shape : [], y.shape)));

    const begin = () => {
      if (copies) copy(a.data, rows.data);
      if (alpha !== 1) scale(rows.data, alpha);
      if (c) place(c.data, y.data);
      else y.data.fill(0);
      if (c && beta !== 1) scale(y.data, beta);
      return rows.data;
    };
    if (b.constant) {
      const multiply = productWith(node, pack(node.values(1), k, n, down, right), k, n);
      return (kernels) => multiply(kernels, begin(), m, y.data);
    }
    const multiply = gatheredProduct(node, m, progression(k, down), progression(n, right));
    return (kernels) => multiply(kernels, begin(), 0, b.data, 0, y.data, 0);
  },
};

function scale(/** @type {Numbers} */ y, /** @type {number} */ factor) {
  for (let i = 0; i < y.length; i++) y[i] *= factor;
}

/** y += x · W for a constant W of `k` rows and `n` columns, packed in panels, and `m` rows of x.
 * @param {Node} node @param {Float32Array} packed @param {number} k @param {number} n
 * @returns {(kernels: Kernels, x: Numbers, m: number, y: Numbers) => void} */
export function productWith(node, packed, k, n) {
  const panels = node.prepared(packed);
  const list = node.scratch(2 * k + PANEL);
  return (kernels, x, m, y) => kernels.product(x, m, k, panels.data, n, y, list.data);
}

/** y += w · X with `m` rows of w, and X[i, j] = x[from + rows[i] + columns[j]].
 * @param {Node} node @param {number} m @param {Int32Array} rows @param {Int32Array} columns
 * @returns {(kernels: Kernels, w: Numbers, wAt: number, x: Numbers, from: number, y: Numbers,
 *   yAt: number) => void} */
export function gatheredProduct(node, m, rows, columns) {
  const [k, n] = [rows.length, columns.length];
  const down = node.prepared(rows);
  const across = node.prepared(padColumns(columns));
  const panel = node.scratch(PANEL * k);
  return (kernels, w, wAt, x, from, y, yAt) =>
    kernels.gatherProduct(w, wAt, m, k, x, from, down.data, across.data, n, y, yAt, panel.data);
}
