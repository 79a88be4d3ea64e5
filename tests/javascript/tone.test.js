import assert from "node:assert/strict";
import { test } from "node:test";
import { drawLight } from "../../static/live/shared/light.js";
import { applyTone, suggestTone } from "../../static/live/shared/tone.js";

/** A picture of 20 × 20 with a bar in the middle. @param {number[]} ground @param {number[]} ink grey and alpha of each */
function barOn(ground, ink) {
  const pixels = new Uint8ClampedArray(4 * 400);
  for (let i = 0; i < 400; i++) {
    const isInk = Math.abs((i % 20) - 9.5) < 2 && Math.abs(Math.floor(i / 20) - 9.5) < 7;
    const [grey, alpha] = isInk ? ink : ground;
    pixels.set([grey, grey, grey, alpha], 4 * i);
  }
  return pixels;
}

const LIMITS = { plain: 0.15, hardlyVisible: 0.25 };
const [BLACK, WHITE, PAPER, DIM, CLEAR] = [[0, 255], [255, 255], [200, 255], [110, 255], [0, 0]]; // prettier-ignore

test("ink on paper is inverted for a model of light on dark, and stretched", () => {
  const onBlack = (/** @type {Uint8ClampedArray} */ pixels) => suggestTone(pixels, 20, 0, LIMITS);
  const plain = { even: false, isPlain: true };
  assert.deepEqual(onBlack(barOn(WHITE, BLACK)), { ...plain, invert: true, stretch: false });
  assert.deepEqual(onBlack(barOn(PAPER, BLACK)), { ...plain, invert: true, stretch: true });
  assert.deepEqual(onBlack(barOn(DIM, BLACK)), { ...plain, invert: true, stretch: true });
  assert.deepEqual(onBlack(barOn(DIM, WHITE)), { ...plain, invert: false, stretch: true });
  assert.deepEqual(onBlack(barOn(BLACK, WHITE)), { ...plain, invert: false, stretch: false });
  assert.deepEqual(onBlack(barOn(CLEAR, BLACK)), { ...plain, invert: true, stretch: false });
  assert.deepEqual(onBlack(barOn(CLEAR, WHITE)), { ...plain, invert: false, stretch: false });
  const onWhite = suggestTone(barOn(WHITE, BLACK), 20, 255, LIMITS);
  assert.deepEqual(onWhite, { ...plain, invert: false, stretch: false });
});

test("ink on paper in uneven light is inverted too, a scene is not", () => {
  for (const light of [
    (/** @type {number} */ x) => 0.6 + 0.4 * x,
    (/** @type {number} */ x) => 0.5 + 0.5 * Math.sin(Math.PI * x),
  ]) {
    const shaded = barOn(WHITE, BLACK).map((value, at) =>
      at % 4 === 3 ? 255 : value * light(((at >> 2) % 20) / 19),
    );
    const suggested = { invert: true, stretch: true, even: true, isPlain: false };
    assert.deepEqual(suggestTone(shaded, 20, 0, LIMITS), suggested);
  }
  const scene = barOn(WHITE, BLACK).map((value, at) => (at % 4 === 3 ? 255 : at < 800 ? 20 : 230));
  assert.deepEqual(suggestTone(scene, 20, 0, LIMITS), {
    invert: false,
    stretch: false,
    even: false,
    isPlain: false,
  });
});

test("what is transparent stays background, whatever the tone", () => {
  const pixels = Uint8ClampedArray.of(50, 50, 50, 255, 150, 150, 150, 255, 9, 9, 9, 0);
  applyTone(pixels, { invert: true, stretch: true, even: false }, [7]);
  assert.deepEqual([...pixels], [255, 255, 255, 255, 0, 0, 0, 255, 7, 7, 7, 255]);
});

test("the channels of a colour are kept", () => {
  const pixels = Uint8ClampedArray.of(10, 20, 30, 255, 0, 0, 0, 0);
  applyTone(pixels, { invert: true, stretch: false, even: false }, [1, 2, 3]);
  assert.deepEqual([...pixels], [245, 235, 225, 255, 1, 2, 3, 255]);
});

test("paper beside a shadow becomes white and keeps its ink", () => {
  const data = barOn(WHITE, [60, 255]);
  for (let at = 0; at < data.length; at++) if (at % 4 < 3 && at < 800) data[at] /= 2;
  const light = { data: Uint8ClampedArray.from(data), width: 20 };
  drawLight(/** @type {any} */ (light));
  applyTone(data, { invert: false, stretch: false, even: true }, [0], light.data);
  const expected = barOn(WHITE, [60, 255]);
  assert.ok(data.every((value, at) => Math.abs(value - expected[at]) <= 1));
});
