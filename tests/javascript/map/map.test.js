import assert from "node:assert/strict";
import { test } from "node:test";
import { differences, moments } from "../../../static/live/parts/map/statistics.js";
import { middles, Room, thumbnails } from "../../../static/live/parts/map/labels.js";
import { isInside, ticks, View } from "../../../static/live/parts/map/view.js";
import { Cells } from "../../../static/live/shared/cells.js";
import { near } from "../models.js";

const EXTENT = [-2, 2, -1, 3];

function makeView() {
  const view = new View();
  view.resize(400, 200, EXTENT);
  view.fit(EXTENT);
  return view;
}

test("a view of the whole has one scale and the whole in its middle", () => {
  const view = makeView();
  assert.deepEqual(view.pixelOf(0, 1), [200, 100]);
  assert.deepEqual(view.pixelOf(1, 3), [250, 0]); // 200 pixels for a height of 4
  assert.deepEqual(view.placeAt(250, 0), [1, 3]);
});

test("zooming keeps the place under the pointer, panning takes it along", () => {
  const view = makeView();
  const place = view.placeAt(90, 30);
  view.zoom(3.5, 90, 30);
  near(view.pixelOf(...place), [90, 30]);
  assert.equal(view.zoomed, 3.5);
  view.pan(10, -7);
  near(view.pixelOf(...place), [100, 23]);
});

test("another size of the window keeps the middle and the share that is seen", () => {
  const view = makeView();
  view.zoom(2, 0, 0);
  const middle = view.placeAt(200, 100);
  view.resize(800, 400, EXTENT);
  near(view.placeAt(400, 200), middle);
  assert.equal(view.zoomed, 2);
});

test("ticks are round numbers, with as many digits as they need", () => {
  assert.deepEqual(
    ticks(-1.1, 1.2, 5).map(({ text }) => text),
    ["−1.0", "−0.5", "0.0", "0.5", "1.0"],
  );
  assert.deepEqual(
    ticks(0.0121, 0.0149, 4).map(({ text }) => text),
    ["0.013", "0.014"],
  );
});

test("a place is inside of a polygon or not, also of one with a notch", () => {
  const notched = [0, 0, 4, 0, 4, 4, 2, 1, 0, 4];
  assert.ok(isInside(notched, 0.5, 1));
  assert.ok(isInside(notched, 3.5, 1));
  assert.ok(!isInside(notched, 2, 2)); // in the notch
  assert.ok(!isInside(notched, 5, 1));
});

test("a class' middle is where most of its dots are, the largest class first", () => {
  const places = Float32Array.of(
    1,
    1,
    1.02,
    1.02,
    -1.9,
    -1,
    0,
    0,
    0.5,
    2,
    0.52,
    2,
    0.5,
    2.02,
    0.5,
    2,
  );
  const found = middles(places, [0, 0, 0, 1, 3, 3, 3, 3], 4, EXTENT);
  assert.deepEqual(found.map(({ label }) => label), [3, 0, 1]); // prettier-ignore
  near([found[1].x, found[1].y], [1.01, 1.01]);
});

test("rectangles take free room only", () => {
  const room = new Room();
  assert.ok(room.take(100, 100, 20, 10));
  assert.ok(!room.take(130, 100, 15, 10));
  assert.ok(room.take(141, 100, 15, 10));
  assert.ok(!room.take(100, 125, 20, 10, 10)); // closer than 10
  assert.ok(room.take(100, 131, 20, 10, 10));
});

test("dots with room become pictures, all of them if one is close enough", () => {
  const places = Float32Array.of(0.1, 0.1, 0.9, 0.9, 0.5, 0.5, 0.51, 0.5, 0.1, 0.9); // two are close
  const map = { places, cells: new Cells(places) };
  const view = new View();
  view.resize(800, 800, [0, 1, 0, 1]);
  view.fit([0, 1, 0, 1]);
  const shown = (/** @type {(row: number) => boolean} */ isVisible) =>
    thumbnails(view, map, isVisible, new Room()).rows.sort();
  assert.deepEqual(shown(() => true), [0, 1, 4]); // prettier-ignore
  assert.deepEqual(shown((row) => row !== 3), [0, 1, 2, 4]); // prettier-ignore
  view.zoom(10, ...view.pixelOf(0.505, 0.5));
  assert.deepEqual(shown(() => true), [2, 3]); // prettier-ignore
  const taken = new Room();
  taken.take(...view.pixelOf(0.5, 0.5), 30, 30); // a name is there
  assert.deepEqual(thumbnails(view, map, () => true, taken).rows, [3]);
});

test("groups differ by their means' difference over the pooled deviation", () => {
  const zMean = Float32Array.of(0, 5, 2, 5, 10, 6, 12, 6); // two dimensions, four images
  const one = { ...moments(zMean, 2, Uint32Array.of(0, 1)), count: 2 };
  const other = { ...moments(zMean, 2, Uint32Array.of(2, 3)), count: 2 };
  near(one.mean, [1, 5]);
  near(one.deviation, [Math.SQRT2, 0]);
  const [constant, varying] = differences(one, other);
  assert.deepEqual(constant, { dimension: 1, difference: -Infinity });
  assert.equal(varying.dimension, 0);
  near([varying.difference], [-10 / Math.SQRT2]);
});

test("groups that do not vary have no difference in standard deviations", () => {
  const of = (/** @type {number[]} */ z) => ({ ...moments(Float32Array.from(z), 2, Uint32Array.of(0)), count: 1 }); // prettier-ignore
  const found = differences(of([1, 5]), of([1, 6]));
  assert.deepEqual(found, [
    { dimension: 1, difference: -Infinity },
    { dimension: 0, difference: 0 },
  ]);
});
