/** Every operator against onnxruntime, whose results `make_cases.py` has written to cases.json. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Network } from "../../../static/live/network/network.js";
import { OPERATORS } from "../../../static/live/network/operators/index.js";
import { assertClose, bytesOf, fixture, floatsOf } from "./helpers.js";

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} model
 * @property {string} folded the same with all inputs as constants
 * @property {string[]} inputs
 * @property {{shape: number[], data: string}[]} outputs
 */

/** @type {Case[]} */
const cases = JSON.parse(fixture("cases.json").toString());

for (const { name, model, folded, inputs, outputs } of cases) {
  test(name, () => {
    const values = inputs.map(floatsOf);
    for (const options of [{}, { plain: true }]) {
      for (const network of [
        new Network(bytesOf(model), options),
        new Network(bytesOf(folded), options),
      ]) {
        assert.deepEqual(
          network.outputs.map(({ shape }) => shape),
          outputs.map(({ shape }) => shape),
        );
        for (let time = 0; time < 2; time++) {
          const results = network.run(...(network.inputs.length > 0 ? values : []));
          results.forEach((result, i) => assertClose(result, floatsOf(outputs[i].data)));
        }
      }
    }
  });
}

test("every operator has a case", () => {
  const text = cases.map(({ model }) => Buffer.from(model, "base64").toString("latin1")).join();
  const missing = Object.keys(OPERATORS).filter((name) => !text.includes(name));
  assert.deepEqual(missing, []);
});
