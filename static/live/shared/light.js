/** The light on paper in a picture, and whether the picture shows ink on paper. */

import { toGrey } from "./paint.js";

/** Ink is darker than this share of the light around it; light varies no more than to this share. */
const [INK, SHADED] = [0.7, 0.3];

/**
 * Whether a picture shows ink on paper.
 *
 * @param {Float32Array} luma @param {Float32Array} light @param {number} width @param {number} plain
 */
export function isInkOnPaper(luma, light, width, plain) {
  const darkest = filtered(light, width, 3, Math.min);
  const lines = (Math.min(width, luma.length / width) >> 5) | 1; // of ruled paper: narrower than this
  const relative = closed(luma, width, lines).map((value, i) => value / light[i]);
  const [least, most] = [Math.min(...light), Math.max(...light)];
  const share = (
    /** @type {ArrayLike<number>} */ values,
    /** @type {(v: number) => boolean} */ holds,
  ) => Array.from(values).filter(holds).length / values.length;
  const isPaper = (/** @type {number} */ value) => value > 1 - plain;
  const inked = share(luma.map((value, i) => value / darkest[i]), (value) => value < INK); // prettier-ignore
  const edge = borderOf(luma.length, width).map((i) => relative[i]);
  const isLit = least > SHADED * most && most > 0.5;
  return isLit && share(relative, isPaper) > 0.7 && share(edge, isPaper) > 0.9 && inked > 0.002 && inked < 0.3; // prettier-ignore
}

/**
 * Estimates the light on paper, above 0, from the luma of what is on it. A morphological closing
 * removes everything dark and narrow; at the edges the light goes on as it rises or falls before
 * them. What is still darker than all around it is wide ink, not a shadow: it is filled, by a
 * morphological reconstruction from the edges.
 *
 * @param {Float32Array} luma @param {number} width
 */
export function lightOn(luma, width) {
  const side = (Math.min(width, luma.length / width) >> 2) | 1;
  const around = extended(luma, width, side);
  const wide = closed(around, width + 2 * side, side);
  const light = luma.map((_, i) => Math.max(wide[(Math.floor(i / width) + side) * (width + 2 * side) + (i % width) + side], 1 / 255)); // prettier-ignore
  let filled = luma.map(() => 1);
  let lower = filled.slice();
  for (const i of borderOf(light.length, width)) lower[i] = light[i];
  while (lower.some((value, i) => value < filled[i])) {
    filled = lower;
    lower = filtered(filled, width, 3, Math.min).map((value, i) => Math.max(value, light[i]));
  }
  return filled;
}

/**
 * The light on the paper of a picture, as pixels of the same size.
 *
 * @param {ImageData} pixels of a small copy
 */
export function drawLight({ data, width }) {
  const luma = lumaOf(data).map((value, i) => {
    const alpha = data[4 * i + 3] / 255;
    return value * alpha + 1 - alpha;
  });
  lightOn(luma, width).forEach((value, i) => {
    data.fill(Math.round(255 * value), 4 * i, 4 * i + 3);
    data[4 * i + 3] = 255;
  });
}

/** Luma in [0, 1]. @param {Uint8ClampedArray} pixels four values for each */
export function lumaOf(pixels) {
  const grey = Uint8ClampedArray.from(pixels);
  toGrey(grey);
  return Float32Array.from({ length: grey.length / 4 }, (_, i) => grey[4 * i] / 255);
}

/**
 * A picture with a margin in which each row and column goes on beyond the edge as before it.
 *
 * @param {Float32Array} values @param {number} width @param {number} margin below both sides
 */
function extended(values, width, margin) {
  const height = values.length / width;
  const [wide, high] = [width + 2 * margin, height + 2 * margin];
  const inside = (/** @type {number} */ at, /** @type {number} */ length) =>
    Math.min(Math.max(at, 0), length - 1);
  return Float32Array.from({ length: wide * high }, (_, i) => {
    const [x, y] = [(i % wide) - margin, Math.floor(i / wide) - margin];
    const [column, row] = [inside(x, width), inside(y, height)];
    const mirrored = inside(2 * row - y, height) * width + inside(2 * column - x, width);
    const edge = values[row * width + column];
    return Math.min(Math.max(2 * edge - values[mirrored], 0), 1);
  });
}

/**
 * Values without what is dark and narrower than a square, by a morphological closing.
 *
 * @param {Float32Array} values @param {number} width @param {number} side
 */
function closed(values, width, side) {
  return filtered(filtered(values, width, side, Math.max), width, side, Math.min);
}

/**
 * The least or the largest value of the square around each pixel.
 *
 * @param {Float32Array} values @param {number} width @param {number} side
 * @param {(one: number, other: number) => number} pick
 */
function filtered(values, width, side, pick) {
  const height = values.length / width;
  const across = pickedAlong(values, 1, width, side >> 1, pick);
  return pickedAlong(across, width, height, side >> 1, pick);
}

/**
 * The least or the largest of each value and its neighbours in a row or a column.
 *
 * @param {Float32Array} values @param {number} stride from a value to the next
 * @param {number} length of a row or a column
 * @param {number} half number of neighbours on either side
 * @param {(one: number, other: number) => number} pick
 */
function pickedAlong(values, stride, length, half, pick) {
  return values.map((value, i) => {
    const at = Math.floor(i / stride) % length;
    const [before, after] = [Math.min(half, at), Math.min(half, length - 1 - at)];
    let picked = value;
    for (let step = -before; step <= after; step++) {
      picked = pick(picked, values[i + step * stride]);
    }
    return picked;
  });
}

/** The pixels along the four edges. @param {number} count @param {number} width @returns {number[]} */
export function borderOf(count, width) {
  const isEdge = (/** @type {number} */ i) =>
    i < width || i >= count - width || i % width === 0 || i % width === width - 1;
  return Array.from({ length: count }, (_, i) => i).filter(isEdge);
}
