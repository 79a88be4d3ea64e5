/** The kernels: the bytes match the text, and they compute what plain JavaScript computes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as kernel from "../../../static/live/network/plain.js";
import { simdKernels } from "../../../static/live/network/simd.js";
import { assertClose, fixture } from "./helpers.js";
import { kernelsModule } from "./make_kernels.js";

const memory = new WebAssembly.Memory({ initial: 16 });
const simd = simdKernels(memory) ?? assert.fail("there is no SIMD here");
let used = 256;

/** Floats in the memory of the kernels, the same in every run, about half of them 0. */
function floats(/** @type {number} */ length) {
  const data = new Float32Array(memory.buffer, used, length);
  used += 16 * Math.ceil(length / 4);
  data.forEach((_, i) => (data[i] = Math.max(Math.sin(i * i + length), 0)));
  return data;
}

/** A table in the memory of the kernels. */
function table(/** @type {number[]} */ entries) {
  const data = new Int32Array(memory.buffer, used, entries.length);
  used += 16 * Math.ceil(entries.length / 4);
  data.set(entries);
  return data;
}

/**
 * Runs the same with both kinds of kernels, on y, and compares the results.
 *
 * @param {Float32Array} y
 * @param {(kernels: kernel.Kernels) => void} run
 */
function compare(y, run) {
  const before = y.slice();
  run(kernel.plain);
  const expected = y.slice();
  y.set(before);
  run(simd);
  assertClose(y, expected);
}

/** Copies floats into the memory of the kernels. */
function placed(/** @type {Float32Array} */ values) {
  const data = floats(values.length);
  data.set(values);
  return data;
}

test("kernels.js holds what kernels.wat says", async () => {
  const file = "../../../static/live/network/kernels.js";
  assert.equal(fixture(file).toString(), await kernelsModule());
});

test("products of all sizes up to two panels, and one row more than a tile", () => {
  for (const m of [1, 2, 4, 5]) {
    for (const k of [1, 3, 4, 9]) {
      for (const n of [1, 3, 7, 8, 9, 16]) {
        used = 256;
        const x = floats(m * k);
        const panels = placed(kernel.pack(floats(k * n), k, n, n, 1));
        const list = floats(2 * k + 8);
        const y = floats(m * n + 4);
        compare(y, (kernels) => kernels.product(x, m, k, panels, n, y, list));

        const rows = table(Array.from({ length: k }, (_, i) => i * n));
        const even = table([...kernel.padColumns(Int32Array.from({ length: n }, (_, j) => j))]);
        const wide = table([...kernel.padColumns(Int32Array.from({ length: n }, (_, j) => 2 * j))]);
        const from = floats(2 * k * n + 3);
        const panel = floats(8 * k);
        for (const columns of [even, wide]) {
          compare(y, (kernels) =>
            kernels.gatherProduct(x, 0, m, k, from, 3, rows, columns, n, y, 2, panel),
          );
        }
        const target = floats(k * n + 2 * n + 1);
        const spread = floats(k * n);
        compare(target, (kernels) => kernels.scatterAdd(spread, k, n, rows, wide, target, 1));
      }
    }
  }
});

test("functions of one number and of two", () => {
  for (const n of [1, 4, 7, 32]) {
    used = 256;
    const input = placed(Float32Array.from({ length: n }, (_, i) => 7 * Math.sin(3 * i)));
    const y = floats(n);
    for (const f of kernel.UNARY) {
      compare(y, (kernels) => kernels.unary(f, input, y, 0.2));
    }
    const rows = 3;
    const right = placed(floats(rows * n).map((value) => value + 1));
    const result = floats(rows * n);
    for (const f of kernel.BINARY) {
      for (const [row, column] of [
        [n, 1],
        [0, 1],
        [1, 0],
        [0, 0],
      ]) {
        const a = { tensor: { data: right }, row: n, column: 1 };
        const b = { tensor: { data: right }, row, column };
        compare(result, (kernels) => kernels.binary(f, a, 0, b, 0, result, 0, rows, n));
        compare(result, (kernels) => kernels.binary(f, b, 0, a, 0, result, 0, rows, n));
      }
    }
  }
});
