import "../browser.js"; // before what needs a browser
import assert from "node:assert/strict";
import { test } from "node:test";
import { Palette, rgbOf } from "../../../static/live/parts/map/colours.js";

const PAGES = { light: "#ffffff", dark: "#14121c" };

/** Colour vision without one type of cone: Machado, Oliveira & Fernandes 2009, severity 1. */
const EYES = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanope: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranope: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}; // prettier-ignore

/** @param {string} hex */
const linear = (hex) =>
  rgbOf(hex).map((value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  );
/** @param {number[][]} matrix @param {number[]} vector */
const times = (matrix, vector) =>
  matrix.map((row) => row.reduce((sum, m, i) => sum + m * vector[i], 0));
/** @param {string} hex */
const luminance = (hex) => times([[0.2126, 0.7152, 0.0722]], linear(hex))[0];

/** Contrast ratio as in WCAG 2. @param {string} one @param {string} other */
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** Coordinates in OKLab (Ottosson 2020), which is perceptually uniform. @param {number[]} rgb */
function oklab(rgb) {
  const cones = times(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]],
    rgb.map((value) => Math.min(Math.max(value, 0), 1)),
  ); // prettier-ignore
  return times(
    [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]],
    cones.map(Math.cbrt),
  ); // prettier-ignore
}

for (const [theme, page] of Object.entries(PAGES)) {
  const palette = new Palette(60, theme === "dark");
  const ten = Array.from({ length: 10 }, (_, label) => palette.colourOf(label));

  test(`every colour of the ${theme} theme stands out from the page`, () => {
    for (const colour of [
      ...ten,
      ...palette.scale,
      new Palette(61, theme === "dark").colourOf(7),
    ]) {
      assert.ok(contrast(colour, page) >= 3, `${colour}: ${contrast(colour, page).toFixed(2)}`);
    }
  });

  test(`ten classes of the ${theme} theme are ten colours for everyone`, () => {
    for (const [eye, matrix] of Object.entries(EYES)) {
      const seen = ten.map((colour) => oklab(times(matrix, linear(colour))));
      seen.forEach((a, i) =>
        seen.slice(0, i).forEach((b, j) => {
          const apart = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
          assert.ok(apart > 0.09, `${eye}: ${ten[i]} and ${ten[j]} are ${apart.toFixed(3)} apart`);
        }),
      );
    }
  });
}

test("up to 60 classes differ by colour or symbol, more share one hue", () => {
  const palette = new Palette(60, false);
  const looks = Array.from(
    { length: 60 },
    (_, n) => `${palette.colourOf(n)}${palette.symbolOf(n)}`,
  );
  assert.equal(new Set(looks).size, 60);
  const many = new Palette(61, false);
  assert.equal(new Set(Array.from({ length: 61 }, (_, n) => many.colourOf(n))).size, 1);
});
