import assert from "node:assert/strict";
import { test } from "node:test";
import { hiddenClasses, spellHidden } from "../../../static/live/parts/map/hidden.js";

const CLASSES = ["Coat", "T-shirt/top; ~new", "Bag", "100 %"];

test("hidden classes are spelt by name, in the shorter way, and read again", () => {
  const spelt = (/** @type {number[]} */ ...hidden) => spellHidden(new Set(hidden), CLASSES);
  assert.equal(spelt(), "");
  assert.equal(spelt(2), "!Bag");
  assert.equal(spelt(1, 2, 3), "Coat");
  for (const hidden of [[], [0], [1, 3], [0, 2, 3], [1, 2, 3], [0, 1, 2, 3]]) {
    assert.deepEqual(hiddenClasses(spelt(...hidden), CLASSES), new Set(hidden));
  }
});

test("names may begin as the setting does", () => {
  const classes = ["!a", "a", "b", "!"];
  for (const hidden of [[], [0], [1], [2], [3], [1, 2, 3], [0, 1, 2], [0, 1, 3], [0, 2, 3]]) {
    assert.deepEqual(
      hiddenClasses(spellHidden(new Set(hidden), classes), classes),
      new Set(hidden),
    );
  }
});

test("names of another set hide nothing, and those known are taken without the others", () => {
  for (const text of ["", "!", "Frog", "!Frog", "%"]) {
    assert.deepEqual(hiddenClasses(text, CLASSES), new Set(), text);
  }
  assert.deepEqual(hiddenClasses("Frog;Bag", CLASSES), new Set([0, 1, 3]));
});
