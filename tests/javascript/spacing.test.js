import assert from "node:assert/strict";
import test from "node:test";

import { coordinates } from "../../static/live/shared/spacing.js";

/** @param {number[]} found @param {number[]} expected */
function near(found, expected) {
  assert.equal(found.length, expected.length);
  found.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-4, `${found}`));
}

test("linear places lie equally far apart", () => {
  near(coordinates(5, "linear", 3), [-3, -1.5, 0, 1.5, 3]);
});

test("normal places have the same share of the prior between them", () => {
  // 2.5 % lie below −1.959964; then 26.25 %, 50 %, 73.75 % and 97.5 %, as in tables
  near(coordinates(5, "normal", 1.959964), [-1.959964, -0.635657, 0, 0.635657, 1.959964]);
  near(coordinates(3, "normal", 6), [-6, 0, 6]);
});

test("one place alone lies at 0", () => {
  near(coordinates(1, "normal", 2.5), [0]);
  near(coordinates(1, "linear", 2.5), [0]);
});
