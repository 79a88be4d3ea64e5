import assert from "node:assert/strict";
import { test } from "node:test";
import { Cells } from "../../static/live/shared/cells.js";
import { kindsOf, makeMap } from "../../static/live/shared/maps.js";
import { Model } from "../../static/live/shared/model.js";
import { payload, product } from "./models.js";

/** A generator of pseudorandom numbers, the same each time. @param {number} seed */
function random(seed) {
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
}

/** Random dots, few enough to search them all. @param {number} count */
function scattered(count) {
  const next = random(count);
  return Float32Array.from({ length: 2 * count }, () => Math.round(40 * next()) / 4);
}

/** @param {Float32Array} places @param {number} x @param {number} y */
function byHand(places, x, y) {
  return Array.from({ length: places.length / 2 }, (_, row) => ({
    row,
    squared: (places[2 * row] - x) ** 2 + (places[2 * row + 1] - y) ** 2,
  })).sort((a, b) => a.squared - b.squared || a.row - b.row);
}

for (const count of [1, 2, 7, 100, 3000]) {
  test(`the nearest of ${count} dots are those that are nearest`, () => {
    const places = scattered(count);
    const cells = new Cells(places);
    const next = random(1 + count);
    for (let trial = 0; trial < 200; trial++) {
      const [x, y] = [30 * next() - 10, 30 * next() - 10];
      assert.deepEqual(cells.nearest(x, y, 5), byHand(places, x, y).slice(0, 5));
    }
  });
}

test("dots in one place, in a line, or far from the rest are found", () => {
  for (const places of [[1, 1, 1, 1, 1, 1], [0, 5, 1, 5, 2, 5, 3, 5], [0, 0, 0, 1, 1e6, 1e6]]) {
    const cells = new Cells(Float32Array.from(places));
    for (const [x, y] of [[0, 0], [1, 1], [2, 5], [-1e7, 1e7], [1e6, 1e6]]) {
      assert.deepEqual(cells.nearest(x, y, 2), byHand(Float32Array.from(places), x, y).slice(0, 2));
    }
  }
}); // prettier-ignore

test("only dots within reach that are accepted count", () => {
  const cells = new Cells(Float32Array.of(0, 0, 3, 0, 4, 0));
  assert.deepEqual(cells.nearest(3.2, 0, 1, 0.1), []);
  assert.equal(cells.nearest(3.2, 0, 1, 0.5)[0].row, 1);
  assert.equal(cells.nearest(3.2, 0, 1, Infinity, (row) => row !== 1)[0].row, 2);
});

/** A model of four dimensions with test images at given latents and places. */
const FOUR = new Model(
  payload(
    {
      latentDim: 4,
      emptyDistance: 3,
      maps: { neighbourhoods: "A", principal: "B", dimensions: "C", directions: "D" },
      principal: {
        origin: [1, 0, 0, 0],
        directions: [[0, 0, 1, 0], [0, 0, 0, 1]],
        labels: ["first", "second"],
      },
      mainDimensions: [1, 3],
    },
    {
      zMean: Float32Array.of(0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 10),
      labels: Uint16Array.of(0, 1, 0),
      places: Float32Array.of(0, 0, 4, 0, 100, 0),
      decoder: product([[1, 0], [0, 1], [0, 0], [0, 0]]),
    },
  ),
); // prettier-ignore

test("the kinds of map are those of the model; of directions it takes two", () => {
  assert.deepEqual(kindsOf(FOUR), ["neighbourhoods", "principal", "dimensions"]);
  assert.deepEqual(kindsOf(new Model(payload())), ["dimensions"]);
});

test("between the dots of a neighbourhood map lies the weighted mean of their latents", () => {
  const map = makeMap(FOUR, "neighbourhoods", { z: [0, 0, 0, 0] });
  assert.deepEqual([...map.lift(4, 0)], [1, 2, 3, 4]); // at a dot, its own
  const [, y] = map.lift(2, 0); // equally far from two dots, and very far from the third
  assert.ok(Math.abs(y - 1) < 1e-3);
  assert.equal(map.isEmpty(2, 0), false);
  assert.equal(map.isEmpty(50, 0), true);
  assert.equal(map.nearest(90, 0), 2);
});

test("a latent lies among its nearest images that lie together", () => {
  const map = makeMap(FOUR, "neighbourhoods", { z: [0, 0, 0, 0] });
  assert.deepEqual(map.place([1, 2, 3, 4]), [4, 0]);
  const [x, y] = map.place([0.5, 1, 1.5, 2]);
  assert.ok(Math.abs(x - 2) < 1e-6 && y === 0, `${x}`); // not pulled towards the one far away
});

test("a plane of dimensions passes through the point and tells what is off it", () => {
  const map = makeMap(FOUR, "dimensions", { z: [0, 5, 3, 4] });
  assert.deepEqual(map.labels, ["z₂", "z₄"]);
  assert.deepEqual([...map.lift(7, 8)], [0, 7, 3, 8]);
  assert.deepEqual(map.place([9, 1, 9, 2]), [1, 2]);
  assert.deepEqual([...map.places], [0, 0, 2, 4, 0, 10]);
  assert.deepEqual([...(map.off ?? [])], [3, 1, 3]);
  const other = makeMap(FOUR, "dimensions", { axes: [0, 1], z: [0, 0, 0, 0] });
  assert.deepEqual([...other.places], [0, 0, 1, 2, 0, 0]);
});

test("the principal plane stays where it is", () => {
  const map = makeMap(FOUR, "principal", { z: [7, 7, 7, 7] });
  assert.deepEqual(map.labels, ["first", "second"]);
  assert.deepEqual([...map.lift(1, 2)], [1, 0, 1, 2]);
  assert.deepEqual([...(map.off ?? [])], [1, 2, 1]);
});

test("two directions span a plane through the point, the second by its part across the first", () => {
  FOUR.directions = [{ name: "A", unit: [0, 1, 0, 0] }];
  assert.ok(!kindsOf(FOUR).includes("directions")); // one is too few
  FOUR.directions.push({ name: "B", unit: [0, 0.6, 0, 0.8] }, { name: "C", unit: [0, -1, 0, 0] });
  assert.equal(kindsOf(FOUR).at(-1), "directions");
  const map = makeMap(FOUR, "directions", { axes: [0, 1], z: [0, 5, 3, 4] });
  assert.deepEqual(map.labels, ["A", "B"]);
  assert.deepEqual([...map.lift(7, 8)], [0, 7, 3, 8]);
  assert.deepEqual([...map.places], [0, 0, 2, 4, 0, 10]);
  assert.equal(map.isMoving, true);
  const parallel = makeMap(FOUR, "directions", { axes: [0, 2], z: [0, 5, 3, 4] });
  assert.deepEqual(parallel.labels, ["z₂", "z₄"]);
  FOUR.directions = [];
});

test("one dimension runs to the right, and nothing is off two", () => {
  const line = new Model(
    payload({ latentDim: 1, mainDimensions: [0] }, { zMean: Float32Array.of(-1, 3) }),
  );
  const map = makeMap(line, "dimensions", { z: [0] });
  assert.deepEqual([...map.places], [-1, 0, 3, 0]);
  assert.deepEqual(map.labels, ["z₁", ""]);
  assert.deepEqual([...map.lift(2, 5)], [2]);
  assert.equal(makeMap(new Model(payload()), "dimensions", { z: [0, 0] }).off, null);
});
