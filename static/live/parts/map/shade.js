/** Colours the dots by class or by a value, and hides dots. */

import { axisLabel } from "../../shared/maps.js";
import { rgbOf } from "./colours.js";

/** Opacity of a dot; of a dot outside of all groups, if there are any; of a dot over a picture. */
const [FULL, OUTSIDE, OVER] = [0.8, 0.2, 0.3];
/** Share of the values at each end over which colours do not change. */
const TAIL = 0.01;

/**
 * A quantity by which dots can be coloured.
 *
 * @typedef {{name: string, title: string, unit: string}} Quantity
 */

/** @param {import("../../shared/model.js").Model} model @returns {Quantity[]} "" is the class */
export function quantitiesOf({ header }) {
  const dimensions = Array.from({ length: header.latentDim }, (_, i) => ({
    name: `z${i + 1}`,
    title: axisLabel(i),
    unit: "",
  }));
  return [{ name: "", title: "class", unit: "" }, ...header.columns, ...dimensions];
}

/** The values of a quantity for each test image, and their range. */
export class Values {
  /** @param {import("../../shared/model.js").Model} model @param {Quantity} quantity */
  constructor(model, quantity) {
    const { header, zMean, labels } = model;
    this.quantity = quantity;
    const axis = /^z\d+$/.test(quantity.name) ? Number(quantity.name.slice(1)) - 1 : -1;
    this.of =
      axis < 0
        ? model.floats(quantity.name)
        : Float32Array.from(labels, (_, row) => zMean[row * header.latentDim + axis]);
    const sorted = this.of.filter(Number.isFinite).sort();
    const at = (/** @type {number} */ share) =>
      sorted[Math.round(share * (sorted.length - 1))] ?? 0;
    /** The smallest and the largest value. */
    this.range = /** @type {[number, number]} */ ([at(0), at(1)]);
    /** The values between which colours change. */
    this.scale = /** @type {[number, number]} */ ([at(TAIL), at(1 - TAIL)]);
  }
}

/**
 * Colours of all dots; an alpha of 0 hides a dot.
 *
 * @param {object} shown
 * @param {ArrayLike<number>} shown.labels
 * @param {import("./colours.js").Palette} shown.palette
 * @param {Values | null} shown.values what colours show; null for the class
 * @param {[number, number] | null} shown.range values whose dots are shown; null for all
 * @param {Set<number>} shown.hidden classes
 * @param {Float32Array | null} shown.off distances from the plane
 * @param {(row: number) => boolean} [shown.isMarked] whether a dot stands out
 * @param {boolean} shown.isOver whether the dots lie over a picture
 * @returns {Uint8Array<ArrayBuffer>} red, green, blue and alpha of each
 */
export function shade({ labels, palette, values, range, hidden, off, isMarked, isOver }) {
  const count = labels.length;
  const colours = new Uint8Array(4 * count);
  const [low, high] = values?.scale ?? [0, 1];
  /** @type {number[][]} */
  const classes = [];
  const ramp = Array.from({ length: 256 }, (_, i) => palette.at(i / 255));
  const far = off ? Float32Array.from(off).sort()[count >> 2] || 1 : 1; // the lower quartile
  for (let row = 0; row < count; row++) {
    const label = labels[row];
    if (hidden.has(label)) continue;
    const value = values ? values.of[row] : 0;
    if (range && !(value >= range[0] && value <= range[1])) continue;
    let colour;
    if (values) {
      const share = Math.min(Math.max((value - low) / (high - low || 1), 0), 1);
      colour = Number.isNaN(share) ? [140, 140, 140] : ramp[Math.round(255 * share)];
    } else {
      colour = classes[label] ??= rgbOf(palette.colourOf(label));
    }
    let alpha = isOver ? OVER : FULL;
    if (isMarked && !isMarked(row)) alpha = OUTSIDE;
    if (off) alpha *= 0.15 + 0.85 * Math.exp(-0.7 * Math.max((off[row] / far) ** 2 - 0.5, 0));
    colours[4 * row] = colour[0];
    colours[4 * row + 1] = colour[1];
    colours[4 * row + 2] = colour[2];
    colours[4 * row + 3] = 255 * alpha;
  }
  return colours;
}
