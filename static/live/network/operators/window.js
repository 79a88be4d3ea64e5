/** Windows of convolution and pooling: their strides, dilations, padding, and how many fit. */

import { arrange, choices, progression, sizeOf, stridesOf, sums } from "../tensor.js";

/** @import {Node} from "../node.js" @import {Tensor} from "../tensor.js" */
/** @typedef {ReturnType<typeof commonAxes>[number] & {out: number}} Axis a window along one axis of
 *   an image; `out`: how many windows fit, or how long the result is */

/** Greatest length of an axis of an image. */
const MOST_PIXELS = 2 ** 20;

/** The modes of padding, and how each rounds the half that goes before an image. */
const AUTO_PAD = {
  NOTSET: { isExplicit: true, isSame: false, half: Math.ceil },
  VALID: { isExplicit: false, isSame: false, half: Math.ceil },
  SAME_UPPER: { isExplicit: false, isSame: true, half: Math.floor },
  SAME_LOWER: { isExplicit: false, isSame: true, half: Math.ceil },
};

/** Windows that slide over an image.
 * @type {(node: Node, sizes: number[], windows: number[]) => Axis[]} */
export function slidingAxes(node, sizes, windows) {
  const roundUp = node.number("ceil_mode", 0) !== 0;
  const { isSame, half } = autoPad(node);
  return commonAxes(node, sizes, windows).map((axis) => {
    const { size, stride, span } = axis;
    if (isSame) pad(axis, (Math.ceil(size / stride) - 1) * stride + span - size, half);
    const room = (size + axis.before + axis.after - span) / stride;
    let out = (roundUp ? Math.ceil(room) : Math.floor(room)) + 1;
    node.demand(out >= 1, `has a window of ${span} over an image of ${size}`);
    if (roundUp && (out - 1) * stride >= size + axis.before) out--; // it would begin past the end
    return { ...axis, out };
  });
}

/** Windows that are spread out from every pixel, as in a transposed convolution.
 * @type {(node: Node, sizes: number[], windows: number[]) => Axis[]} */
export function spreadAxes(node, sizes, windows) {
  const extra = node.numbers("output_padding") ?? sizes.map(() => 0);
  const wanted = node.numbers("output_shape")?.slice(-sizes.length);
  checkLists(node, sizes.length, [extra, wanted ?? sizes]);
  const { isSame, half } = autoPad(node);
  return commonAxes(node, sizes, windows).map((axis, i) => {
    const all = (axis.size - 1) * axis.stride + axis.span + extra[i];
    if (wanted) pad(axis, all - wanted[i], half);
    else if (isSame) pad(axis, all - axis.size * axis.stride, half);
    const out = wanted ? wanted[i] : all - axis.before - axis.after;
    node.demand(out >= 0, `would make an image of ${out} pixels`);
    return { ...axis, out };
  });
}

/** Pads images with `fill`, so that the windows of sliding axes lie inside; gives the offsets of a
 * window's pixels along each axis, and the start of each window.
 * @param {Node} node @param {Tensor} x images, `(batch, channels, …)`
 * @param {Axis[]} axes */
export function padded(node, x, axes, fill = 0) {
  const [batch, channels, ...sizes] = x.shape;
  const shape = axes.map(({ size, before, after, out, stride, span }) =>
    Math.max(before + size + after, (out - 1) * stride + span),
  );
  const isPadded = shape.some((length, i) => length !== sizes[i]);
  const images = isPadded ? node.scratch(batch * channels * sizeOf(shape)) : x;
  const strides = stridesOf(sizes);
  const inside = axes.map(({ size, before }, i) =>
    choices(shape[i], size, strides[i], (n) => n - before),
  );
  const copy = isPadded && arrange([progression(batch * channels, sizeOf(sizes)), ...inside]);
  const steps = stridesOf(shape);
  return {
    images,
    size: sizeOf(shape),
    pixels: pixelsOf(axes, shape),
    starts: sums(axes.map(({ out, stride }, i) => progression(out, stride * steps[i]))),
    pad: () => copy && copy(x.data, images.data, fill),
  };
}

/** Offsets of a window's pixels along each axis of an image. */
export function pixelsOf(/** @type {Axis[]} */ axes, /** @type {number[]} */ shape) {
  const strides = stridesOf(shape);
  return axes.map(({ window, dilation }, i) => progression(window, dilation * strides[i]));
}

/** @param {Node} node @param {number[]} sizes @param {number[]} windows */
function commonAxes(node, sizes, windows) {
  const rank = sizes.length;
  node.demand(rank > 0 && Math.max(...sizes) <= MOST_PIXELS, "needs an image, not too large");
  const strides = node.numbers("strides") ?? sizes.map(() => 1);
  const dilations = node.numbers("dilations") ?? sizes.map(() => 1);
  const given = autoPad(node).isExplicit ? node.numbers("pads") : undefined;
  const pads = given ?? [...sizes, ...sizes].map(() => 0);
  const [before, after] = [pads.slice(0, rank), pads.slice(rank)];
  checkLists(node, rank, [windows, strides, dilations, before, after]);
  node.demand(
    [...windows, ...strides, ...dilations].every((n) => n >= 1) &&
      pads.every((n) => n >= 0 && n <= MOST_PIXELS),
    "has a window, stride, dilation or padding that makes no sense",
  );
  return sizes.map((size, i) => ({
    size,
    window: windows[i],
    stride: strides[i],
    dilation: dilations[i],
    span: (windows[i] - 1) * dilations[i] + 1, // of a window, from its first pixel to its last
    before: before[i], // padding
    after: after[i],
  }));
}

/** @param {Node} node @param {number} rank @param {number[][]} lists */
function checkLists(node, rank, lists) {
  const fits = lists.every((list) => list.length === rank && list.every(Number.isInteger));
  node.demand(fits, `has attributes that do not fit an image of ${rank} axes`);
}

function autoPad(/** @type {Node} */ node) {
  return node.choice("auto_pad", AUTO_PAD, "NOTSET");
}

/** Divides padding between both ends of an axis.
 * @type {(axis: Omit<Axis, "out">, total: number, half: (n: number) => number) => void} */
function pad(axis, total, half) {
  axis.before = half(Math.max(total, 0) / 2);
  axis.after = Math.max(total, 0) - axis.before;
}
