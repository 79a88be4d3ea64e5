/** What is told about groups of test images: their classes, and how their latents differ. */

import { find, setText, textElement } from "../../shared/elements.js";
import { axisLabel } from "../../shared/maps.js";
import { decimal } from "../../shared/plane.js";
import { differences, moments } from "./statistics.js";

/** @typedef {import("../../shared/model.js").Model} Model */

/** Number of classes and dimensions that are listed. */
const TOLD = 6;

/**
 * The most frequent classes of some images, as items of a list.
 *
 * @param {Model} model @param {Uint32Array} rows
 */
export function classBars({ header: { classes }, labels }, rows) {
  const counts = new Uint32Array(classes.length);
  for (const row of rows) counts[labels[row]] += 1;
  const order = classes.map((_, label) => label).filter((label) => counts[label]);
  order.sort((a, b) => counts[b] - counts[a]);
  const told = order.slice(0, TOLD).map((label) => {
    const count = counts[label];
    return bar(classes[label], count.toLocaleString("en"), count / rows.length);
  });
  if (order.length > TOLD) told.push(bar(`and ${order.length - TOLD} more`, "", 0));
  return told;
}

/**
 * Lists the dimensions along which two groups differ most.
 *
 * @param {HTMLElement} section has a `<small>` and an `<ol>` @param {Model} model
 * @param {Uint32Array} one @param {Uint32Array} other rows of the groups
 */
export function tellDifferences(section, { header: { latentDim }, zMean }, one, other) {
  const isMeasurable = one.length > 1 || other.length > 1; // one image has no deviation
  const momentsOf = (/** @type {Uint32Array} */ rows) => ({
    ...moments(zMean, latentDim, rows),
    count: rows.length,
  });
  const found =
    other.length && isMeasurable
      ? differences(momentsOf(one), momentsOf(other)).slice(0, TOLD)
      : [];
  const sizes = found.map(({ difference }) => Math.abs(difference)).filter(isFinite);
  const most = Math.max(0, ...sizes) || 1;
  setText(
    section,
    "small",
    isMeasurable
      ? "difference of latent means, in standard deviations"
      : "One of the groups needs two or more images: there is no standard deviation of one.",
  );
  find(section, "ol").append(
    ...found.map(({ dimension, difference }) => {
      const text = `${difference > 0 ? "+" : ""}${decimal(difference)}`.replace("Infinity", "∞");
      return bar(axisLabel(dimension), text, Math.min(Math.abs(difference) / most, 1));
    }),
  );
}

/** @param {string} name @param {string} text @param {number} share */
function bar(name, text, share) {
  const item = document.createElement("li");
  item.style.setProperty("--share", `${100 * share}%`);
  item.append(textElement("span", name), textElement("span", text));
  return item;
}
