/** Which map a person chose, and the controls that choose it, wherever a map is shown. */

import { segments, select } from "./controls.js";
import { build } from "./elements.js";
import { axisLabel, kindsOf, makeMap } from "./maps.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./settings.js").Settings} Settings
 */

const KINDS = {
  neighbourhoods: "Neighbourhoods",
  principal: "Principal plane",
  dimensions: "Two dimensions",
};

/** @param {Model} model @param {Settings} settings */
export function chosenKind(model, settings) {
  const kinds = kindsOf(model);
  return kinds.find((kind) => kind === settings.get("map")) ?? kinds[0];
}

/** The two dimensions that span a plane, from 0. @param {Model} model @param {Settings} settings */
export function chosenAxes({ header }, settings) {
  const asked = settings.get("axes").split(",");
  const axes = asked.map((text) => Number(text) - 1);
  const isIt = (/** @type {number} */ axis) =>
    Number.isInteger(axis) && axis >= 0 && axis < header.latentDim;
  const areAxes = axes.length === 2 && axes[0] !== axes[1] && axes.every(isIt);
  return areAxes && header.latentDim > 2 ? axes : header.mainDimensions;
}

/**
 * The map that was chosen; if it is a plane of dimensions, through a latent.
 *
 * @param {Model} model
 * @param {Settings} settings
 * @param {ArrayLike<number>} z
 */
export function chosenMap(model, settings, z) {
  return makeMap(model, chosenKind(model, settings), { axes: chosenAxes(model, settings), z });
}

/**
 * The controls for kind and axes, if a model has several kinds; returns how to end them.
 *
 * @param {HTMLElement} box where they are put
 * @param {Model} model
 * @param {Settings} settings
 */
export function makeChoice(box, model, settings) {
  const kinds = kindsOf(model);
  if (kinds.length === 1) return () => {};
  const names = kinds.map((kind) => /** @type {const} */ ([kind, KINDS[kind]]));
  const kind = segments("Kind of map", names, (value) => {
    settings.set("map", value === kinds[0] ? "" : value);
  });
  const axes = build("axes");
  const choices = Array.from(
    { length: model.header.latentDim },
    (_, axis) => /** @type {const} */ ([String(axis + 1), axisLabel(axis)]),
  );
  const lists = [0, 1].map((i) => {
    const label = `${i ? "Vertical" : "Horizontal"} axis`;
    const choose = (/** @type {string} */ value) => {
      const now = chosenAxes(model, settings).map((axis) => String(axis + 1));
      if (now[1 - i] === value) now[1 - i] = now[i]; // the other axis' one: both change places
      now[i] = value;
      settings.set("axes", now.join());
    };
    const list = select(label, choices, choose, false);
    list.element.prepend("→↑"[i]);
    return list;
  });
  axes.append(...lists.map(({ element }) => element));
  const show = () => {
    const shown = chosenKind(model, settings);
    kind.show(shown);
    axes.hidden = shown !== "dimensions";
    chosenAxes(model, settings).forEach((axis, i) => lists[i].show(String(axis + 1)));
  };
  show();
  box.append(kind.element, axes);
  return settings.onChange(show);
}
