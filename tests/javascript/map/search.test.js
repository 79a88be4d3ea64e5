import assert from "node:assert/strict";
import { test } from "node:test";
import { findRow } from "../../../static/live/parts/map/search.js";

const CLASSES = ["1", "Shirt", "Shoe", "Shirt, long"];
const LABELS = Uint16Array.of(1, 2, 1, 3);
const find = (/** @type {string} */ text, after = -1) => findRow(text, CLASSES, LABELS, after);

test("an image is found by its number, unless that is the name of a class", () => {
  assert.deepEqual(["0", " #3 ", "4", "#-1", "1.5", "", "1"].map((text) => find(text)), [0, 3, -1, -1, -1, -1, -1]); // prettier-ignore
});

test("the images of a class are found in turn, by its name or an unambiguous beginning", () => {
  assert.deepEqual([find("shirt"), find("shirt", 0), find("shirt", 2)], [0, 2, 0]);
  assert.deepEqual([find("sho"), find("sh"), find("SHIRT, L")], [1, -1, 3]);
});
