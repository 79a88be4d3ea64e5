/** The map that the user chose, and the controls to choose it, wherever a map is shown. */

import { segments, select } from "./controls.js";
import { build } from "./elements.js";
import { axisLabel, kindsOf, makeMap } from "./maps.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./settings.js").Settings} Settings
 */

/** @param {Model} model @param {Settings} settings */
function chosenKind(model, settings) {
  const kinds = kindsOf(model);
  return kinds.find((kind) => kind === settings.get("map")) ?? kinds[0];
}

/**
 * The two dimensions or directions that span a plane, counted from 0.
 *
 * @param {Model} model @param {Settings} settings
 */
export function chosenAxes(model, settings) {
  const { latentDim, mainDimensions } = model.header;
  const areOwn = chosenKind(model, settings) === "directions";
  const count = areOwn ? model.directions.length : latentDim;
  const asked = settings.get("axes").split(",");
  const axes = asked.map((text) => Number(text) - 1);
  const isIt = (/** @type {number} */ axis) => Number.isInteger(axis) && axis >= 0 && axis < count;
  const areAxes = axes.length === 2 && axes[0] !== axes[1] && axes.every(isIt);
  if (areAxes && latentDim > 2) return axes;
  return areOwn ? [0, 1] : mainDimensions;
}

/**
 * The map that was chosen; a plane of dimensions or directions passes through a latent.
 *
 * @param {Model} model @param {Settings} settings @param {ArrayLike<number>} z
 */
export function chosenMap(model, settings, z) {
  return makeMap(model, chosenKind(model, settings), { axes: chosenAxes(model, settings), z });
}

/**
 * Makes the controls for kind and axes, if a model has several kinds; returns a function that ends
 * them.
 *
 * @param {HTMLElement} box where they are put
 * @param {Model} model @param {Settings} settings
 */
export function makeChoice(box, model, settings) {
  if (kindsOf(model).length === 1) return () => {};
  let kinds = /** @type {ReturnType<typeof kindsOf>} */ ([]);
  const makeKind = () => {
    const names = kinds.map(
      (kind) => /** @type {const} */ ([kind, model.header.maps[kind] ?? kind]),
    );
    return segments("Kind of map", names, (value) => {
      settings.set("map", value === kinds[0] ? "" : value);
    });
  };
  let kind = makeKind();
  const axes = build("axes");
  const lists = [0, 1].map((i) => {
    const label = `${i ? "Vertical" : "Horizontal"} axis`;
    const choose = (/** @type {string} */ value) => {
      const now = chosenAxes(model, settings).map((axis) => String(axis + 1));
      if (now[1 - i] === value) now[1 - i] = now[i]; // on the other axis: swaps both
      now[i] = value;
      settings.set("axes", now.join());
    };
    const list = select(label, [], choose, false);
    list.element.prepend("→↑"[i]);
    return list;
  });
  axes.append(...lists.map(({ element }) => element));
  const show = () => {
    if (kindsOf(model).length !== kinds.length) {
      kinds = kindsOf(model);
      const former = kind.element;
      kind = makeKind();
      former.replaceWith(kind.element);
    }
    const shown = chosenKind(model, settings);
    kind.show(shown);
    axes.hidden = shown !== "dimensions" && shown !== "directions";
    const names =
      shown === "directions"
        ? model.directions.map(({ name }) => name)
        : Array.from({ length: model.header.latentDim }, (_, axis) => axisLabel(axis));
    for (const { offer } of lists) offer(names.map((name, i) => [String(i + 1), name]));
    chosenAxes(model, settings).forEach((axis, i) => lists[i].show(String(axis + 1)));
  };
  box.append(kind.element, axes);
  show();
  return settings.onChange(show);
}
