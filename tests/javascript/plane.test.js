import assert from "node:assert/strict";
import { test } from "node:test";
import { toPixels } from "../../static/live/shared/paint.js";
import { decimal, describe, lift, project, through } from "../../static/live/shared/plane.js";

/** A plane in three dimensions with axes along the second and the first, through (0, 0, 7). */
const PLANE = { origin: [0, 0, 7], directions: [[0, 1, 0], [1, 0, 0]] }; // prettier-ignore

test("a place in a plane is lifted along its directions", () => {
  assert.deepEqual([...lift(PLANE, 2, 3)], [3, 2, 7]);
  const given = new Float32Array(3);
  assert.equal(lift(PLANE, 1, 0, given), given);
});

test("a latent is projected to the nearest place, whatever lies off the plane", () => {
  assert.deepEqual(project(PLANE, [3, 2, 7]), [2, 3]);
  assert.deepEqual(project(PLANE, [3, 2, -50]), [2, 3]);
});

test("a plane moved through a latent keeps the latent's own coordinates", () => {
  const moved = through(PLANE, [3, 2, 9]);
  assert.deepEqual(moved.origin, [0, 0, 9]);
  assert.deepEqual(project(moved, [3, 2, 9]), [2, 3]);
  assert.deepEqual(through(PLANE, [3, 2, 7]).origin, PLANE.origin);
});

test("numbers for people have a true minus sign and two decimals", () => {
  assert.equal(decimal(-0.125), "−0.13");
  assert.equal(describe([1, -2]), "z = (1.00, −2.00)");
  assert.equal(describe([0, 0, 0, 0, 5]), "z = (0.00, 0.00, 0.00, 0.00, …)");
});

test("grey and coloured images become pixels without transparency, rounded", () => {
  const grey = toPixels(Float32Array.of(0, 0.5019, 1), new Uint8ClampedArray(12));
  assert.deepEqual([...grey], [0, 0, 0, 255, 128, 128, 128, 255, 255, 255, 255, 255]);
  const colour = toPixels(Float32Array.of(0.2, 0.4, 0.6), new Uint8ClampedArray(4));
  assert.deepEqual([...colour], [51, 102, 153, 255]);
});
