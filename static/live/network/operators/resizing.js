/** Resize: by the nearest pixel, or linearly between pixels. */

import { arrange, sizeOf, stridesOf } from "../tensor.js";

/**
 * @typedef {import("../node.js").Node} Node
 * @typedef {import("../node.js").Bind} Bind
 * @typedef {import("../node.js").Operator} Operator
 * @typedef {import("../tensor.js").Tensor} Tensor
 *
 * @typedef {object} Stretch how one axis changes
 * @property {number} from its length
 * @property {number} to its new length
 * @property {number} scale
 */

const { fround } = Math; // coordinates are rounded to single precision, as onnxruntime does

/**
 * Where a new pixel lies between the old ones.
 *
 * @type {Record<string, (i: number, stretch: Stretch) => number>}
 */
const COORDINATES = {
  half_pixel: (i, { scale }) => fround(fround((i + 0.5) / scale) - 0.5),
  pytorch_half_pixel: (i, { scale, to }) => (to > 1 ? fround(fround((i + 0.5) / scale) - 0.5) : 0),
  half_pixel_symmetric(i, { scale, from, to }) {
    return (from / 2) * (1 - to / (scale * from)) + (i + 0.5) / scale - 0.5;
  },
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
    const coordinate = choose(node, COORDINATES, "coordinate_transformation_mode", "half_pixel");
    const rounding = choose(node, ROUNDING, "nearest_mode", "round_prefer_floor");
    const mode = node.text("mode", "nearest");
    if (mode === "nearest") {
      const strides = stridesOf(x.shape);
      const copy = arrange(
        stretches.map((stretch, axis) =>
          Int32Array.from({ length: stretch.to }, (_, i) => {
            return strides[axis] * inside(rounding(coordinate(i, stretch)), stretch.from);
          }),
        ),
      );
      const y = node.output(stretches.map(({ to }) => to));
      return () => () => copy(x.data, y.data);
    }
    node.demand(mode === "linear", `resizes in the mode ${mode}, which this page cannot do`);
    return linear(node, x, stretches, coordinate);
  },
};

/**
 * @param {Node} node
 * @param {number[]} shape
 * @returns {Stretch[]}
 */
function stretchesOf(node, shape) {
  const rank = shape.length;
  const axes = (node.numbers("axes") ?? shape.map((_, axis) => axis)).map((a) =>
    node.axis(a, rank),
  );
  const scales = node.optional(2)?.size ? node.values(2) : undefined;
  const sizes = scales ? undefined : Array.from(node.values(3));
  const given = scales ?? sizes;
  node.demand(given?.length === axes.length, "has a wrong number of scales or sizes");
  const stretches = shape.map((from) => ({ from, to: from, scale: 1 }));
  const policy = node.text("keep_aspect_ratio_policy", "stretch");
  const ratios = axes.map((axis, i) => scales?.[i] ?? (sizes?.[i] ?? 0) / shape[axis]);
  const common = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  const keepsRatio = sizes && policy !== "stretch";
  axes.forEach((axis, i) => {
    const from = shape[axis];
    const scale = keepsRatio ? common : ratios[i];
    node.demand(from > 0 && scale > 0 && scale < 2 ** 26, "scales by a number that makes no sense");
    const to = keepsRatio ? Math.round(from * common) : (sizes?.[i] ?? Math.floor(from * scale));
    stretches[axis] = { from, to, scale: fround(scale) };
  });
  return stretches;
}

/**
 * One axis after the other.
 *
 * @param {Node} node
 * @param {Tensor} x
 * @param {Stretch[]} stretches
 * @param {(i: number, stretch: Stretch) => number} coordinate
 * @returns {Bind | void}
 */
function linear(node, x, stretches, coordinate) {
  const antialias = node.number("antialias", 0) !== 0;
  const changing = stretches.flatMap(({ scale }, axis) => (scale === 1 ? [] : axis));
  if (changing.length === 0) return node.view(x, x.shape);
  const shape = [...x.shape];
  let last = x;
  const passes = changing.map((axis, i) => {
    const stretch = stretches[axis];
    shape[axis] = stretch.to;
    const isEnd = i === changing.length - 1;
    const y = isEnd ? node.output([...shape]) : node.scratch(sizeOf(shape));
    const pass = blend(
      last,
      y,
      stretch.from,
      sizeOf(shape.slice(axis + 1)),
      tapsOf(stretch, coordinate, antialias),
    );
    last = y;
    return pass;
  });
  return () => () => {
    for (let i = 0; i < passes.length; i++) passes[i]();
  };
}

/**
 * The old pixels that make each new one, with their weights. They fall off linearly with the
 * distance; when an axis shrinks, against aliasing, the more slowly.
 *
 * @param {Stretch} stretch
 * @param {(i: number, stretch: Stretch) => number} coordinate
 * @param {boolean} antialias
 */
function tapsOf(stretch, coordinate, antialias) {
  const { from, to, scale } = stretch;
  const slope = antialias ? Math.min(scale, 1) : 1;
  return Array.from({ length: to }, (_, i) => {
    const exact = coordinate(i, stretch);
    const centre = antialias ? exact : inside(exact, from);
    const first = Math.max(Math.ceil(centre - 1 / slope), 0);
    const end = Math.min(Math.floor(centre + 1 / slope) + 1, from);
    const weights = Array.from({ length: Math.max(end - first, 0) }, (_, j) => {
      return Math.max(1 - Math.abs(first + j - centre) * slope, 0);
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * @param {Tensor} x
 * @param {Tensor} y
 * @param {number} length of the axis in x
 * @param {number} inner how many numbers stand behind each place of the axis
 * @param {{first: number, weights: number[]}[]} taps
 */
function blend(x, y, length, inner, taps) {
  return () => {
    const [from, to] = [x.data, y.data];
    to.fill(0);
    for (let block = 0, at = 0; at < to.length; block += length * inner) {
      for (let i = 0; i < taps.length; i++, at += inner) {
        const { first, weights } = taps[i];
        for (let tap = 0; tap < weights.length; tap++) {
          const source = block + (first + tap) * inner;
          for (let j = 0; j < inner; j++) to[at + j] += weights[tap] * from[source + j];
        }
      }
    }
  };
}

/** The index of an axis that is nearest to a place. */
function inside(/** @type {number} */ place, /** @type {number} */ length) {
  return Math.min(Math.max(place, 0), length - 1);
}

/**
 * @template Choice
 * @param {Node} node
 * @param {Record<string, Choice>} choices
 * @param {string} attribute
 * @param {string} fallback
 */
function choose(node, choices, attribute, fallback) {
  const name = node.text(attribute, fallback);
  node.demand(
    Object.hasOwn(choices, name),
    `has ${attribute} = ${name}, which this page cannot do`,
  );
  return choices[name];
}
