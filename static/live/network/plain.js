/**
 * The kernels, loops that take nearly all of a network's time, in plain JavaScript: `simd.js` has
 * them in WebAssembly; these run where a browser lacks it, and are the reference for the tests.
 */

/** @import {Numbers} from "./tensor.js" */

/**
 * @typedef {(x: number, slope: number) => number} Unary
 * @typedef {(a: number, b: number) => number} Binary
 *
 * @typedef {object} Operand how one operand of an elementwise function is read
 * @property {{data: Numbers}} tensor
 * @property {number} row stride from row to row; 0 to repeat one row
 * @property {number} column 0 or 1: the same for its columns
 *
 * @typedef {object} Kernels
 * @property {(x: Numbers, m: number, k: number, panels: Numbers, n: number, y: Numbers,
 *   list: Numbers) => void} product
 *   y += x · W, with x of `m` rows and `k` columns, and W of `n` columns in panels, as `pack` lays
 *   them out; `list` is room for 2 k + 8 numbers
 * @property {(w: Numbers, wAt: number, m: number, k: number, x: Numbers, from: number,
 *   rows: Int32Array, columns: Int32Array, n: number, y: Numbers, yAt: number,
 *   panel: Numbers) => void} gatherProduct
 *   y += w · X, with w of `m` rows and `k` columns from `wAt` on, y from `yAt` on, and X gathered
 *   from x: X[i, j] = x[from + rows[i] + columns[j]]; `columns` is padded by `padColumns`; `panel`
 *   is room for `PANEL` · k numbers
 * @property {(x: Numbers, m: number, n: number, rows: Int32Array, columns: Int32Array, y: Numbers,
 *   to: number) => void} scatterAdd
 *   y[to + rows[i] + columns[j]] += x[i, j], with x of `m` rows and `n` columns
 * @property {(f: Unary, x: Numbers, y: Numbers, slope: number) => void} unary
 *   y = f(x) for each number
 * @property {(f: Binary, a: Operand, aAt: number, b: Operand, bAt: number, y: Numbers,
 *   yAt: number, rows: number, columns: number) => void} binary
 *   y = f(a, b) for `rows` rows of `columns` numbers; a, b and y begin at `aAt`, `bAt` and `yAt`
 */

/** Number of columns of a matrix that the kernels process at a time; they form a panel. */
export const PANEL = 8;

/** Functions of one number that WebAssembly has too, in its order. @type {Unary[]} */
export const UNARY = [
  (x, slope) => (x < 0 ? slope * x : x),
  (x) => Math.exp(x),
  (x) => 1 / (1 + Math.exp(-x)),
  (x) => Math.tanh(x),
];
export const [LEAKY_RELU, EXP, SIGMOID, TANH] = UNARY;

/** Functions of two numbers that WebAssembly has too, in its order. @type {Binary[]} */
export const BINARY = [
  (a, b) => a + b,
  (a, b) => a - b,
  (a, b) => a * b,
  (a, b) => a / b,
  (a, b) => Math.max(a, b),
  (a, b) => Math.min(a, b),
];
export const [ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM] = BINARY;

/** @type {Kernels} */
export const plain = {
  product(x, m, k, panels, n, y) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j += PANEL) {
        block(x, i * k, k, panels, j * k, y, i * n + j, Math.min(PANEL, n - j));
      }
    }
  },

  gatherProduct(w, wAt, m, k, x, from, rows, columns, n, y, yAt, panel) {
    for (let j = 0; j < n; j += PANEL) {
      for (let i = 0, to = 0; i < k; i++) {
        for (let c = j; c < j + PANEL; c++) panel[to++] = x[from + rows[i] + columns[c]];
      }
      for (let i = 0; i < m; i++) {
        block(w, wAt + i * k, k, panel, 0, y, yAt + i * n + j, Math.min(PANEL, n - j));
      }
    }
  },

  scatterAdd(x, m, n, rows, columns, y, to) {
    for (let i = 0, from = 0; i < m; i++) {
      const base = to + rows[i];
      for (let j = 0; j < n; j++) y[base + columns[j]] += x[from++];
    }
  },

  unary(f, x, y, slope) {
    for (let i = 0; i < x.length; i++) y[i] = f(x[i], slope);
  },

  binary(f, a, aAt, b, bAt, y, yAt, rows, columns) {
    const [left, right] = [a.tensor.data, b.tensor.data];
    for (let row = 0; row < rows; row++) {
      const [i, j] = [aAt + row * a.row, bAt + row * b.row];
      for (let n = 0; n < columns; n++) {
        y[yAt++] = f(left[i + n * a.column], right[j + n * b.column]);
      }
    }
  },
};

/** y[at + j] += Σᵢ x[from + i] · panel[start + i · PANEL + j] for `width` columns j.
 * @type {(x: Numbers, from: number, k: number, panel: Numbers, start: number, y: Numbers,
 *   at: number, width: number) => void} */
function block(x, from, k, panel, start, y, at, width) {
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0, p = start; i < k; i++, p += PANEL) {
    const factor = x[from + i];
    a += factor * panel[p];
    b += factor * panel[p + 1];
    c += factor * panel[p + 2];
    d += factor * panel[p + 3];
    e += factor * panel[p + 4];
    f += factor * panel[p + 5];
    g += factor * panel[p + 6];
    h += factor * panel[p + 7];
  }
  y[at] += a;
  if (width > 1) y[at + 1] += b;
  if (width > 2) y[at + 2] += c;
  if (width > 3) y[at + 3] += d;
  if (width > 4) y[at + 4] += e;
  if (width > 5) y[at + 5] += f;
  if (width > 6) y[at + 6] += g;
  if (width > 7) y[at + 7] += h;
}

/**
 * Lays a matrix of `k` rows and `n` columns out in panels of `PANEL` columns, each with its rows one
 * after the other; the last is padded with zeros.
 *
 * @param {Numbers} w @param {number} k @param {number} n
 * @param {number} down stride from one row of w to the next
 * @param {number} right stride from one column of w to the next
 */
export function pack(w, k, n, down, right) {
  const panels = new Float32Array(k * PANEL * Math.ceil(n / PANEL));
  for (let i = 0; i < k; i++) {
    let from = i * down;
    for (let first = 0, to = i * PANEL; first < n; first += PANEL, to += k * PANEL) {
      const width = Math.min(PANEL, n - first);
      for (let j = 0; j < width; j++, from += right) panels[to + j] = w[from];
    }
  }
  return panels;
}

/** Pads a table of columns for `gatherProduct` to a multiple of `PANEL`. */
export function padColumns(/** @type {Int32Array} */ columns) {
  const padded = new Int32Array(PANEL * Math.ceil(columns.length / PANEL));
  padded.fill(columns[columns.length - 1]);
  padded.set(columns);
  return padded;
}
