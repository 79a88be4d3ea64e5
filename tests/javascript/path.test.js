import "./browser.js"; // before what needs a browser
import assert from "node:assert/strict";
import { test } from "node:test";
import { placesAlong, scoresOf } from "../../static/live/parts/path.js";

test("a path's scores are those of its points", () => {
  const measured = {
    changes: Float64Array.of(0, 1, 3, 4),
    shares: Float32Array.of(5, 50, 10, 9),
    back: 0.25,
  };
  assert.deepEqual(scoresOf(measured, 10), { length: 4, thin: 0.5, back: 0.25, jump: 1.5 });
});

test("a path whose picture never changes has even steps", () => {
  const still = { changes: new Float64Array(3), shares: new Float32Array(3), back: null };
  assert.deepEqual(scoresOf(still, 10), { length: 0, thin: 1, back: null, jump: 1 });
});

test("points lie as far along a path as the picture changes, or as far as it leads", () => {
  const path = [[0, 0], [3, 4], [3, 5]]; // prettier-ignore
  const changes = Float64Array.of(0, 2, 3);
  assert.equal(placesAlong(path, changes, true), changes);
  assert.deepEqual([...placesAlong(path, changes, false)], [0, 5, 6]);
  assert.deepEqual([...placesAlong(path, new Float64Array(3), true)], [0, 5, 6]);
  assert.deepEqual([...placesAlong([[1], [1]], new Float64Array(2), true)], [0, 1]);
});
