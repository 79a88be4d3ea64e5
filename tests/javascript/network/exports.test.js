/** Exported networks against onnxruntime: `make_exports.py` has written exports.json. */

import { test } from "node:test";
import { Network } from "../../../static/live/network/network.js";
import { assertClose, bytesOf, casesOf, floatsOf } from "./helpers.js";

const cases = casesOf("exports.json");

/** The image or latent at `index` of several that are stored one after the other. */
function part(
  /** @type {Float32Array} */ all,
  /** @type {number} */ length,
  /** @type {number} */ index,
) {
  return all.subarray(index * length, (index + 1) * length);
}

for (const { name, model, inputs, outputs } of cases) {
  test(name, () => {
    const given = inputs.map(floatsOf);
    const expected = outputs.map(({ data }) => floatsOf(data));
    for (const options of [{}, { plain: true }]) {
      const network = new Network(bytesOf(model), options);
      const sizes = network.inputs.map(({ shape }) => shape.reduce((size, n) => size * n, 1));
      for (let index = 0; index < given[0].length / sizes[0]; index++) {
        const results = network.run(...given.map((all, i) => part(all, sizes[i], index)));
        results.forEach((result, i) => {
          assertClose(result, part(expected[i], result.length, index));
        });
      }
    }
  });
}
