/**
 * Measures the speed of the page's ONNX runtime in Node: of its kernels, and of the bundles'
 * decoders and encoders.
 *
 *     node benchmarks/network.js [folder with bundles, by default pretrained]
 *
 * Every figure is processor time, the best of many runs: other work on the machine hardly matters.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Network } from "../static/live/network/network.js";
import { pack, padColumns, plain } from "../static/live/network/plain.js";
import { simdKernels } from "../static/live/network/simd.js";

/** @typedef {import("../static/live/network/plain.js").Kernels} Kernels */

const LEAST_RATIO = 5;

const memory = new WebAssembly.Memory({ initial: 512 });
let used = 256;

/** @param {number} length */
function floats(length) {
  const data = new Float32Array(memory.buffer, used, length);
  used += 16 * Math.ceil(length / 4);
  data.forEach((_, i) => (data[i] = Math.sin(i + 1)));
  return data;
}

/** @param {Int32Array} entries */
function table(entries) {
  const data = new Int32Array(memory.buffer, used, entries.length);
  used += 16 * Math.ceil(entries.length / 4);
  data.set(entries);
  return data;
}

/** Milliseconds of processor time so far, which other work on the machine does not affect. */
function clock() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Milliseconds of the quickest run.
 *
 * @param {() => void} run
 * @param {number} [seconds] how long to try
 */
function best(run, seconds = 0.5) {
  let least = Infinity;
  const end = performance.now() + 1000 * seconds;
  for (let time = 0; time < 20 || performance.now() < end; time++) {
    const start = clock();
    run();
    least = Math.min(least, clock() - start);
  }
  return least;
}

/**
 * @param {string} name
 * @param {number} multiplyAdds
 * @param {Kernels} simd
 * @param {(kernels: Kernels) => void} run
 */
function compare(name, multiplyAdds, simd, run) {
  const [fast, slow] = [simd, plain].map((kernels) => best(() => run(kernels)));
  const rate = (/** @type {number} */ ms) => (multiplyAdds / ms / 1e6).toFixed(2).padStart(9);
  const ratio = slow / fast;
  const verdict = ratio < LEAST_RATIO ? `  missed: ≥ ${LEAST_RATIO}` : "";
  console.log(
    `${name.padEnd(36)}${rate(fast)}${rate(slow)}${ratio.toFixed(1).padStart(9)}×${verdict}`,
  );
}

function kernels() {
  const simd = simdKernels(memory);
  if (!simd) throw new Error("This Node has no WebAssembly with SIMD.");
  console.log(`${"kernel, GMAC/s".padEnd(36)}     SIMD    plain    ratio`);
  for (const [k, n] of [
    [256, 256],
    [384, 384],
    [256, 784],
    [512, 3136],
  ]) {
    used = 256;
    const [x, y, list] = [floats(k), floats(n), floats(2 * k + 8)];
    const panels = floats(k * n);
    panels.set(pack(floats(k * n), k, n, n, 1));
    compare(`${k} times ${k} × ${n}`, k * n, simd, (using) =>
      using.product(x, 1, k, panels, n, y, list),
    );
  }
  for (const [channels, filters, size] of [
    [32, 32, 32],
    [64, 64, 16],
    [128, 64, 8],
  ]) {
    used = 256;
    const side = size + 2;
    const [m, k, n] = [filters, channels * 9, size * size];
    const grid = (/** @type {number} */ length) => Array.from({ length }, (_, i) => i);
    const x = floats(channels * side * side);
    const w = floats(m * k);
    const rows = table(
      Int32Array.from(
        grid(channels).flatMap((c) =>
          grid(9).map((t) => c * side * side + Math.floor(t / 3) * side + (t % 3)),
        ),
      ),
    );
    const columns = table(
      padColumns(
        Int32Array.from(grid(size).flatMap((row) => grid(size).map((i) => row * side + i))),
      ),
    );
    const [y, panel] = [floats(m * n), floats(8 * k)];
    compare(
      `convolution 3 × 3, ${channels} to ${filters}, ${size} × ${size}`,
      m * k * n,
      simd,
      (using) => using.gatherProduct(w, 0, m, k, x, 0, rows, columns, n, y, 0, panel),
    );
  }
}

/** @param {string} folder */
function bundles(folder) {
  console.log(`\n${"milliseconds".padEnd(36)}     SIMD    plain    build   multiply-adds`);
  for (const name of readdirSync(folder).sort()) {
    for (const part of ["decoder.onnx", "encoder.onnx"]) {
      const file = join(folder, name, part);
      if (existsSync(file)) measure(`${name} ${part}`, new Uint8Array(readFileSync(file)));
    }
  }
}

/**
 * @param {string} name
 * @param {Uint8Array} bytes
 */
function measure(name, bytes) {
  const networks = [new Network(bytes), new Network(bytes, { plain: true })];
  const inputs = networks[0].inputs.map(({ shape }) => {
    const length = shape.reduce((size, n) => size * n, 1);
    return Float32Array.from({ length }, (_, i) => Math.sin(i + 1));
  });
  const [fast, slow] = networks.map((network) => best(() => network.run(...inputs)));
  const build = best(() => new Network(bytes), 0);
  const cells = [fast, slow, build].map((ms) => ms.toFixed(3).padStart(9)).join("");
  const heavy = networks[0].multiplyAdds.toLocaleString("en").padStart(16);
  console.log(`${name.padEnd(36)}${cells}${heavy}`);
}

kernels();
bundles(process.argv[2] ?? fileURLToPath(new URL("../pretrained", import.meta.url)));
