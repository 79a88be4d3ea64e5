/** Every operator against onnxruntime, whose results `make_cases.py` has written to cases.json. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Network } from "../../../static/live/network/network.js";
import { OPERATORS } from "../../../static/live/network/operators/index.js";
import { assertClose, bytesOf, casesOf, floatsOf, folded } from "./helpers.js";

const cases = casesOf("cases.json");

for (const { name, model, inputs, outputs } of cases) {
  test(name, () => {
    const ports = new Network(bytesOf(model)).inputs;
    const constant = folded(bytesOf(model), ports, inputs.map(bytesOf));
    for (const options of [{}, { plain: true }]) {
      for (const network of [
        new Network(bytesOf(model), options),
        new Network(constant, options),
      ]) {
        assert.deepEqual(
          network.outputs.map(({ shape }) => shape),
          outputs.map(({ shape }) => shape),
        );
        const values = network.inputs.length > 0 ? inputs.map(floatsOf) : [];
        for (let time = 0; time < 2; time++) {
          const results = network.run(...values);
          results.forEach((result, i) => assertClose(result, floatsOf(outputs[i].data)));
        }
      }
    }
  });
}

test("every operator has a case", () => {
  const text = cases.map(({ model }) => Buffer.from(model, "base64").toString("latin1")).join();
  const field = (/** @type {string} */ name) => `"${String.fromCharCode(name.length)}${name}`;
  const missing = Object.keys(OPERATORS).filter((name) => !text.includes(field(name)));
  assert.deepEqual(missing, []);
});
