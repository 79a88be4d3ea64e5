/** The kernels of `plain.js` in WebAssembly with 128-bit SIMD, where a browser supports it. */

import { BYTES } from "./kernels.js";
import { BINARY, plain, UNARY } from "./plain.js";

/** @import {Memory} from "./memory.js" @import {Kernels} from "./plain.js" */

const bytes = Uint8Array.from(atob(BYTES), (letter) => letter.charCodeAt(0));
const isPossible = typeof WebAssembly === "object" && WebAssembly.validate(bytes);
const compiled = isPossible && new WebAssembly.Module(bytes);

/** The byte address of a number in the memory of WebAssembly. */
function at(/** @type {Float32Array | Float64Array | Int32Array} */ data, index = 0) {
  return data.byteOffset + 4 * index;
}

/** Kernels for numbers that lie in one memory.
 * @param {Memory} memory
 * @returns {Kernels | null} null where there is no WebAssembly with SIMD */
export function simdKernels(memory) {
  if (!compiled || !(memory instanceof WebAssembly.Memory)) return null;
  const { exports } = new WebAssembly.Instance(compiled, { network: { memory } });
  const wasm = /** @type {Record<string, (...numbers: number[]) => void>} */ (
    /** @type {unknown} */ (exports)
  );

  return {
    product(x, m, k, panels, n, y, list) {
      wasm.product(at(x), m, k, at(panels), n, at(y), at(list));
    },

    gatherProduct(w, wAt, m, k, x, from, rows, columns, n, y, yAt, panel) {
      const start = at(x, from);
      wasm.gatherProduct(at(w, wAt), m, k, start, at(rows), at(columns), n, at(y, yAt), at(panel));
    },

    scatterAdd(x, m, n, rows, columns, y, to) {
      wasm.scatterAdd(at(x), m, n, at(rows), at(columns), at(y, to));
    },

    unary(f, x, y, slope) {
      const index = UNARY.indexOf(f);
      if (index < 0) plain.unary(f, x, y, slope);
      else wasm.unary(index, at(x), at(y), x.length, slope);
    },

    binary(f, a, aAt, b, bAt, y, yAt, rows, columns) {
      const index = BINARY.indexOf(f);
      if (index < 0) return plain.binary(f, a, aAt, b, bAt, y, yAt, rows, columns);
      const left = at(a.tensor.data, aAt);
      const right = at(b.tensor.data, bAt);
      const to = at(y, yAt);
      wasm.binary(index, left, 4 * a.row, a.column, right, 4 * b.row, b.column, to, rows, columns);
    },
  };
}
