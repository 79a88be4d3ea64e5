/** Windows of convolution and pooling: their strides, dilations, padding, and how many fit. */

/**
 * @import {Node} from "../node.js"
 *
 * @typedef {object} Axis a window along one axis of an image
 * @property {number} size of the image
 * @property {number} window
 * @property {number} stride
 * @property {number} dilation
 * @property {number} before padding
 * @property {number} after padding
 * @property {number} out how many windows fit, or how long the result is
 */

/** The longest axis of an image. */
const MOST_PIXELS = 2 ** 20;

/**
 * Windows that slide over an image.
 *
 * @param {Node} node
 * @param {number[]} sizes of the image
 * @param {number[]} windows
 * @returns {Axis[]}
 */
export function slidingAxes(node, sizes, windows) {
  const roundUp = node.number("ceil_mode", 0) !== 0;
  return commonAxes(node, sizes, windows).map((axis) => {
    const { size, stride } = axis;
    const span = spanOf(axis);
    if (isSame(node)) {
      pad(node, axis, (Math.ceil(size / stride) - 1) * stride + span - size);
    }
    const room = (size + axis.before + axis.after - span) / stride;
    node.demand(room >= 0, `has a window of ${span} over an image of ${size}`);
    let out = (roundUp ? Math.ceil(room) : Math.floor(room)) + 1;
    if (roundUp && (out - 1) * stride >= size + axis.before) out--; // it would begin behind the end
    return { ...axis, out };
  });
}

/**
 * Windows that are spread out from every pixel, as in a transposed convolution.
 *
 * @param {Node} node
 * @param {number[]} sizes of the image
 * @param {number[]} windows
 * @returns {Axis[]}
 */
export function spreadAxes(node, sizes, windows) {
  const extra = node.numbers("output_padding") ?? sizes.map(() => 0);
  const wanted = node.numbers("output_shape")?.slice(-sizes.length);
  checkLists(node, sizes.length, [extra, wanted ?? sizes]);
  return commonAxes(node, sizes, windows).map((axis, i) => {
    const all = (axis.size - 1) * axis.stride + spanOf(axis) + extra[i];
    const out = wanted ? wanted[i] : isSame(node) ? axis.size * axis.stride : undefined;
    if (out !== undefined) pad(node, axis, all - out);
    const length = all - axis.before - axis.after;
    node.demand(length >= 0, `would make an image of ${length} pixels`);
    return { ...axis, out: length };
  });
}

/**
 * @param {Node} node
 * @param {number[]} sizes
 * @param {number[]} windows
 */
function commonAxes(node, sizes, windows) {
  const rank = sizes.length;
  node.demand(rank > 0 && Math.max(...sizes) <= MOST_PIXELS, "needs an image, not too large");
  const strides = node.numbers("strides") ?? sizes.map(() => 1);
  const dilations = node.numbers("dilations") ?? sizes.map(() => 1);
  const pads = isExplicit(node) ? node.numbers("pads") : undefined;
  const [before, after] = [pads?.slice(0, rank), pads?.slice(rank)];
  checkLists(node, rank, [windows, strides, dilations, before ?? sizes, after ?? sizes]);
  node.demand(
    [...windows, ...strides, ...dilations].every((n) => n >= 1) &&
      (pads ?? []).every((n) => n >= 0 && n <= MOST_PIXELS),
    "has a window, stride, dilation or padding that makes no sense",
  );
  return sizes.map((size, i) => ({
    size,
    window: windows[i],
    stride: strides[i],
    dilation: dilations[i],
    before: before?.[i] ?? 0,
    after: after?.[i] ?? 0,
  }));
}

/**
 * @param {Node} node
 * @param {number} rank
 * @param {number[][]} lists
 */
function checkLists(node, rank, lists) {
  const fits = lists.every((list) => list.length === rank && list.every(Number.isInteger));
  node.demand(fits, `has attributes that do not fit an image of ${rank} axes`);
}

function spanOf(/** @type {{window: number, dilation: number}} */ { window, dilation }) {
  return (window - 1) * dilation + 1;
}

function isExplicit(/** @type {Node} */ node) {
  return node.text("auto_pad", "NOTSET") === "NOTSET";
}

function isSame(/** @type {Node} */ node) {
  return node.text("auto_pad", "NOTSET").startsWith("SAME");
}

/**
 * Shares padding out over both ends of an axis; the odd one goes behind for `SAME_UPPER`.
 *
 * @param {Node} node
 * @param {{before: number, after: number}} axis
 * @param {number} total
 */
function pad(node, axis, total) {
  const most = Math.max(total, 0);
  const isUpper = node.text("auto_pad", "NOTSET") === "SAME_UPPER";
  axis.before = isUpper ? Math.floor(most / 2) : Math.ceil(most / 2);
  axis.after = most - axis.before;
}
