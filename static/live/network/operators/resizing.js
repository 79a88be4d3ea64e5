/** Resize: nearest pixel or linear interpolation. */

import { clamp, indices, sizeOf } from "../tensor.js";
import { inTurn } from "./elementwise.js";
import { pick } from "./selection.js";

/** @import {Run, Node, Operator} from "../node.js" @import {Tensor} from "../tensor.js" */
/** @typedef {{from: number, to: number, scale: number}} Stretch old and new length of an axis
 * @typedef {(i: number, stretch: Stretch) => number} Coordinate */

const { fround } = Math; // coordinates are rounded to single precision, as onnxruntime does

/** Where a new pixel lies between the old ones. @type {Record<string, Coordinate>} */
const COORDINATES = {
  half_pixel: (i, { scale }) => fround(fround((i + 0.5) / scale) - 0.5),
  pytorch_half_pixel: (i, { scale, to }) => (to > 1 ? fround(fround((i + 0.5) / scale) - 0.5) : 0),
  asymmetric: (i, { scale }) => fround(i / scale),
  align_corners: (i, { from, to }) => (to > 1 ? fround((i * (from - 1)) / (to - 1)) : 0),
};

/** @type {Record<string, (x: number) => number>} */
const ROUNDING = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** @type {Record<string, Operator>} */
export const RESIZING = {
  Resize(node) {
    const x = node.input(0);
    const stretches = stretchesOf(node, x.shape);
    const coordinate = node.choice("coordinate_transformation_mode", COORDINATES, "half_pixel");
    const rounding = node.choice("nearest_mode", ROUNDING, "round_prefer_floor");
    const isLinear = node.choice("mode", { nearest: false, linear: true }, "nearest");
    if (stretches.every(({ from, to }) => from === to)) return node.view(x, x.shape); // any scales
    if (isLinear) return linear(node, x, stretches, coordinate);
    const shape = stretches.map(({ to }) => to);
    return pick(node, x, shape, (i, axis) =>
      clamp(rounding(coordinate(i, stretches[axis])), 0, x.shape[axis] - 1),
    );
  },
};

/** @returns {Stretch[]} */
function stretchesOf(/** @type {Node} */ node, /** @type {number[]} */ shape) {
  const rank = shape.length;
  const axes = (node.numbers("axes") ?? indices(rank)).map((axis) => node.axis(axis, rank));
  const scales = node.optional(2)?.size ? node.values(2) : undefined;
  const given = scales ?? node.values(3);
  node.demand(given.length === axes.length, "has a wrong number of scales or sizes");
  node.choice("keep_aspect_ratio_policy", { stretch: true }, "stretch");
  const stretches = shape.map((from) => ({ from, to: from, scale: 1 }));
  axes.forEach((axis, i) => {
    const from = shape[axis];
    const scale = fround(scales ? given[i] : given[i] / from);
    node.demand(from > 0 && scale > 0 && scale < 2 ** 26, "scales by a number that makes no sense");
    stretches[axis] = { from, to: scales ? Math.floor(fround(from * scale)) : given[i], scale };
  });
  const antialias = node.number("antialias", 0) !== 0 && stretches.some(({ scale }) => scale < 1);
  node.demand(!antialias, "shrinks with antialias, which this page cannot do");
  return stretches;
}

/** Interpolates along one axis after the other.
 * @type {(node: Node, x: Tensor, stretches: Stretch[], coordinate: Coordinate) => Run} */
function linear(node, x, stretches, coordinate) {
  const changing = stretches.flatMap(({ scale }, axis) => (scale === 1 ? [] : axis));
  const shape = [...x.shape];
  let last = x;
  const passes = changing.map((axis, i) => {
    const stretch = stretches[axis];
    shape[axis] = stretch.to;
    const isEnd = i === changing.length - 1;
    const y = isEnd ? node.output([...shape]) : node.scratch(sizeOf(shape));
    const places = Float64Array.from({ length: stretch.to }, (_, place) => {
      return clamp(coordinate(place, stretch), 0, stretch.from - 1);
    });
    const pass = blend(last, y, stretch.from, sizeOf(shape.slice(axis + 1)), places);
    last = y;
    return pass;
  });
  return inTurn(passes);
}

/** Resamples an axis of `length` pixels, each of `inner` numbers, at the positions `places`.
 * @type {(x: Tensor, y: Tensor, length: number, inner: number, places: Float64Array) => Run} */
function blend(x, y, length, inner, places) {
  return () => {
    const [from, to] = [x.data, y.data];
    for (let block = 0, at = 0; at < to.length; block += length * inner) {
      for (let i = 0; i < places.length; i++) {
        const left = Math.floor(places[i]);
        const share = places[i] - left;
        const start = block + left * inner;
        const step = left + 1 < length ? inner : 0;
        for (let j = start; j < start + inner; j++) {
          to[at++] = (1 - share) * from[j] + share * from[j + step];
        }
      }
    }
  };
}
