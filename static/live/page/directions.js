/** Directions that the user makes, written as in the app's addresses: `ends:test-3:0.5,1`. */

import { dot, rounded } from "../shared/plane.js";

/** @typedef {import("../parts/sliders.js").RowSpec} RowSpec */

/** @param {ArrayLike<number>} from @param {ArrayLike<number>} to two latents */
export function directionBetween(from, to) {
  return `ends:${rounded(from)}:${rounded(to)}`;
}

/**
 * Reads a direction and scales it to the test images, as `explorer/core/directions.py` does.
 *
 * @param {import("../shared/model.js").Model} model @param {string} text @param {string} label
 * @param {(place: string) => number[]} placeOf gives [] for a text that is no place of the model
 * @returns {RowSpec | null} null if the text names no direction
 */
export function readDirection(model, text, label, placeOf) {
  const [kind, ...ends] = text.split(":");
  const [from, to] = ends.map(placeOf);
  if (kind !== "ends" || !from?.length || !to?.length) return null;
  const length = Math.hypot(...to.map((value, i) => value - from[i]));
  if (length < 1e-9) return null;
  const unit = to.map((value, i) => (value - from[i]) / length);
  const along = Float64Array.from(model.labels, (_, row) => dot(unit, model.meanOf(row)));
  const middle = along.reduce((sum, value) => sum + value, 0) / along.length;
  const square = along.reduce((sum, value) => sum + (value - middle) ** 2, 0) / along.length;
  const deviation = Math.sqrt(square) || 1;
  return {
    dimension: -1,
    label,
    note: "",
    along: unit.map((value) => value / deviation),
    step: unit.map((value) => value * deviation),
    middle: middle / deviation,
  };
}

/** The vector of length 1 along a direction. @param {RowSpec} row */
export function unitOf({ step = [] }) {
  const length = Math.hypot(...step);
  return step.map((value) => value / length);
}
