/** Which input pixels each output pixel reads: worked out once, while a network is built. */

/**
 * Along one axis, for each output index the input indices that it reads, each with its
 * position in the kernel or its weight.
 *
 * @typedef {[index: number, key: number][][]} Axis
 */

/**
 * For each output place its taps, from `starts[place]` up to `starts[place + 1]`: the input
 * pixel, counted along the rows, and what the step has to know about this tap.
 *
 * @typedef {{starts: number[], pixels: number[], keys: number[]}} Taps
 */

/**
 * The taps of an image operation, from those of its rows and of its columns.
 *
 * @param {Axis} rows
 * @param {Axis} columns
 * @param {number[]} shape of the input
 * @param {(rowKey: number, columnKey: number) => number} key
 * @returns {Taps}
 */
export function connect(rows, columns, [, width], key) {
  const starts = [0];
  const pixels = [];
  const keys = [];
  for (const row of rows) {
    for (const column of columns) {
      for (const [y, ky] of row) {
        for (const [x, kx] of column) {
          pixels.push(y * width + x);
          keys.push(key(ky, kx));
        }
      }
      starts.push(pixels.length);
    }
  }
  return { starts, pixels, keys };
}

/**
 * Rows and columns of an operation with a window.
 *
 * @param {typeof slide} axis `slide` or `spread`
 * @param {number[]} shape
 * @param {number[]} window
 * @param {number[]} strides
 * @param {"same" | "valid"} padding
 */
export function axes(axis, shape, window, strides, padding) {
  return [0, 1].map((i) => axis(shape[i], window[i], strides[i], padding));
}

/**
 * A window that slides over the input: convolution and pooling.
 *
 * @param {number} size
 * @param {number} window
 * @param {number} stride
 * @param {"same" | "valid"} padding
 * @returns {Axis}
 */
export function slide(size, window, stride, padding) {
  const same = padding === "same";
  const length = Math.ceil((same ? size : size - window + 1) / stride);
  const missing = Math.max((length - 1) * stride + window - size, 0);
  const before = same ? Math.floor(missing / 2) : 0;
  return indices(length).map((o) =>
    indices(window)
      .map((k) => pair(o * stride + k - before, k))
      .filter(([i]) => i >= 0 && i < size),
  );
}

/**
 * The same window seen from the other side: transposed convolution.
 *
 * @type {typeof slide}
 */
export function spread(size, window, stride, padding) {
  const same = padding === "same";
  const surplus = Math.max(window - stride, 0);
  const length = size * stride + (same ? 0 : surplus);
  const before = same ? Math.floor(surplus / 2) : 0;
  return indices(length).map((o) =>
    indices(window)
      .map((k) => pair((o + before - k) / stride, k))
      .filter(([i]) => Number.isInteger(i) && i >= 0 && i < size),
  );
}

/**
 * Every index several times: upsampling by the nearest pixel.
 *
 * @param {number} size
 * @param {number} factor
 * @returns {Axis}
 */
export function repeat(size, factor) {
  return indices(size * factor).map((o) => [pair(Math.floor(o / factor), 1)]);
}

/**
 * Linear interpolation between pixel centres: bilinear upsampling.
 *
 * @type {typeof repeat}
 */
export function interpolate(size, factor) {
  const inside = (/** @type {number} */ i) => Math.min(Math.max(i, 0), size - 1);
  return indices(size * factor).map((o) => {
    const centre = (o + 0.5) / factor - 0.5;
    const i = Math.floor(centre);
    return [pair(inside(i), i + 1 - centre), pair(inside(i + 1), centre - i)];
  });
}

/**
 * The same taps with equal weights, whose sum is 1: average pooling.
 *
 * @param {Axis} axis
 * @returns {Axis}
 */
export function evenly(axis) {
  return axis.map((taps) => taps.map(([i]) => pair(i, 1 / taps.length)));
}

/** @returns {[number, number]} */
function pair(/** @type {number} */ index, /** @type {number} */ key) {
  return [index, key];
}

export function indices(/** @type {number} */ length) {
  return Array.from({ length }, (_, i) => i);
}
