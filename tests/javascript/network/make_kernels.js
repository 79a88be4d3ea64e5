/**
 * Writes static/live/network/kernels.js from kernels.wat beside it.
 *
 *     node tests/javascript/network/make_kernels.js
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import wabt from "wabt";

const FOLDER = new URL("../../../static/live/network/", import.meta.url);

/** The text that kernels.js should hold. */
export async function kernelsModule() {
  const text = readFileSync(new URL("kernels.wat", FOLDER), "utf8");
  const { parseWat } = await wabt();
  const module = parseWat("kernels.wat", text, { simd: true });
  const { buffer } = module.toBinary({ write_debug_names: false });
  module.destroy();
  return [
    "/** kernels.wat, compiled. Do not edit: tests/javascript/network/make_kernels.js writes this. */",
    "",
    "export const BYTES =",
    `  "${Buffer.from(buffer).toString("base64")}";`,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("kernels.js", FOLDER), await kernelsModule());
}
