/** The kernels of `plain.js` in WebAssembly, with its 128-bit SIMD, where a browser has that. */

import { BYTES } from "./kernels.js";
import { plain } from "./plain.js";

/** @import {Kernels} from "./plain.js" */

/** @type {WebAssembly.Module | null | undefined} undefined until it is first asked for */
let compiled;

/** @returns {WebAssembly.Module | null} */
function compile() {
  const bytes = Uint8Array.from(atob(BYTES), (letter) => letter.charCodeAt(0));
  const isPossible = typeof WebAssembly === "object" && WebAssembly.validate(bytes);
  return isPossible ? new WebAssembly.Module(bytes) : null;
}

/**
 * Kernels for numbers that lie in one memory.
 *
 * @param {WebAssembly.Memory | {buffer: ArrayBuffer}} memory
 * @returns {Kernels | null} null where there is no WebAssembly with SIMD
 */
export function simdKernels(memory) {
  compiled ??= compile();
  if (!compiled || !(memory instanceof WebAssembly.Memory)) return null;
  const { exports } = new WebAssembly.Instance(compiled, { network: { memory } });
  const { product, gatherProduct, scatterAdd, unary, binary } =
    /** @type {Record<string, (...numbers: number[]) => void>} */ (
      /** @type {unknown} */ (exports)
    );

  return {
    product(x, m, k, panels, n, y, list) {
      product(x.byteOffset, m, k, panels.byteOffset, n, y.byteOffset, list.byteOffset);
    },

    gatherProduct(w, wAt, m, k, x, from, rows, columns, n, y, yAt, panel) {
      gatherProduct(
        w.byteOffset + 4 * wAt,
        m,
        k,
        x.byteOffset + 4 * from,
        rows.byteOffset,
        columns.byteOffset,
        n,
        y.byteOffset + 4 * yAt,
        panel.byteOffset,
      );
    },

    scatterAdd(x, m, n, rows, columns, y, to) {
      const start = y.byteOffset + 4 * to;
      scatterAdd(x.byteOffset, m, n, rows.byteOffset, columns.byteOffset, start);
    },

    unary(f, x, y, slope) {
      if (typeof f !== "number") plain.unary(f, x, y, slope);
      else unary(f, x.byteOffset, y.byteOffset, x.length, slope);
    },

    binary(f, a, aAt, b, bAt, y, yAt, rows, columns) {
      if (typeof f !== "number") return plain.binary(f, a, aAt, b, bAt, y, yAt, rows, columns);
      binary(
        f,
        a.tensor.data.byteOffset + 4 * aAt,
        4 * a.row,
        a.column,
        b.tensor.data.byteOffset + 4 * bAt,
        4 * b.row,
        b.column,
        y.byteOffset + 4 * yAt,
        rows,
        columns,
      );
    },
  };
}
