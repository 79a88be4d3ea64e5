/** Brings a picture's light and dark to those of a model's images, as `explorer/data/framing.py` does. */

import { borderOf, isInkOnPaper, lightOn, lumaOf } from "./light.js";
import { toGrey } from "./paint.js";

/** How far a flat ground may vary, as a share of the picture's contrast. */
const FLAT = 0.15;
/** How far light that is even may vary. */
const EVEN = 0.08;
/** A contrast that a black picture may have. */
const NOISE = 4 / 255;

/**
 * @typedef {{plain: number, hardlyVisible: number}} Limits how far a plain ground may vary, and a
 *   difference from the background that is hardly visible
 * @typedef {{invert: boolean, stretch: boolean, even: boolean}} Tone whether dark becomes light,
 *   whether the darkest value becomes 0 and the brightest 255, and whether the picture is divided by
 *   the light on its paper, which becomes white
 */

/** The tone of a picture that is not changed. @type {Tone} */
export const AS_IT_IS = { invert: false, stretch: false, even: false };

/**
 * Suggests the tone that brings the ground of a grey picture nearest to the background.
 *
 * @param {Uint8ClampedArray} pixels of a small copy, four values for each
 * @param {number} width @param {number} background its grey, of 255 @param {Limits} limits
 * @param {boolean} isOwn whether the picture is as large as the model's images
 * @returns {Tone & {isPlain: boolean}} `isPlain`: whether an object stands on a flat ground
 */
export function suggestTone(pixels, width, background, { plain, hardlyVisible }, isOwn = false) {
  const level = background / 255;
  const count = pixels.length / 4;
  const alpha = Float32Array.from({ length: count }, (_, i) => pixels[4 * i + 3] / 255);
  const luma = lumaOf(pixels);
  const border = borderOf(count, width);
  const [low, high] = [Math.min(...luma), Math.max(...luma)];
  const isFaint = high < hardlyVisible && high - low > NOISE;
  if (median(border.map((i) => alpha[i])) < 0.5) {
    const inked = luma.filter((_, i) => alpha[i] > 0.5);
    const shade = inked.length ? inked.reduce((sum, v) => sum + v, 0) / inked.length : 1 - level;
    return { ...AS_IT_IS, invert: Math.abs(shade - level) < hardlyVisible, isPlain: true };
  }
  const ground = median(border.map((i) => luma[i]));
  const shareOf = (/** @type {(value: number) => boolean} */ holds) =>
    border.filter((i) => holds(luma[i])).length / border.length;
  const isEven = shareOf((value) => Math.abs(value - ground) < plain) >= 0.75;
  const light = lightOn(luma, width);
  const isPaper = isInkOnPaper(luma, light, width, plain);
  const isUneven = isPaper && Math.min(...light) < (1 - EVEN) * Math.max(...light);
  const isPlain =
    isEven && shareOf((value) => Math.abs(value - ground) < FLAT * (high - low)) > 0.9;
  if (!isEven && !isPaper) return { ...AS_IT_IS, isPlain: false };
  const paper = isEven && !isUneven ? ground : 1;
  const isNearer = Math.abs(1 - paper - level) < Math.abs(paper - level);
  const even = isUneven && (isNearer || !isOwn);
  const shown = isNearer ? 1 - paper : paper;
  const isFound = isPaper || Math.max(ground - low, high - ground) > plain;
  const stretch = isFaint || (isFound && (Math.abs(shown - level) > 0.05 || even));
  const isInk = paper - low > high - paper; // a dim one becomes white, a dark table black
  const invert = stretch && isEven && paper < 0.5 ? isInk === level < 0.5 : isNearer;
  return { invert, stretch, even, isPlain };
}

/**
 * Changes the tone of a picture, and lays it on a background.
 *
 * @param {Uint8ClampedArray} pixels four values for each
 * @param {Tone} tone @param {number[]} background of each channel, 0 to 255; of one for grey
 * @param {Uint8ClampedArray} [light] on the paper, like `pixels`; needed if the light becomes even
 */
export function applyTone(pixels, { invert, stretch, even }, background, light) {
  if (background.length === 1) toGrey(pixels);
  if (even && light) {
    for (let at = 0; at < pixels.length; at++) {
      if (at % 4 !== 3) pixels[at] = (255 * pixels[at]) / Math.max(light[at], 1);
    }
  }
  let [low, high] = [255, 0];
  for (let at = 0; at < pixels.length; at++) {
    if (at % 4 === 3 || pixels[at | 3] < 128) continue;
    [low, high] = [Math.min(low, pixels[at]), Math.max(high, pixels[at])];
  }
  if (!stretch || high - low <= 1) [low, high] = [0, 255];
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3] / 255;
    for (let c = 0; c < 3; c++) {
      const stretched = Math.min(Math.max((255 * (pixels[at + c] - low)) / (high - low), 0), 255);
      const value = invert ? 255 - stretched : stretched;
      pixels[at + c] = alpha * value + (1 - alpha) * background[c % background.length];
    }
    pixels[at + 3] = 255;
  }
}

/** @param {number[]} values */
function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
