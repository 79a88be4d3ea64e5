/** The map's controls: above it what is shown, upon it what dragging and the buttons do. */

import { button, follow, segments, select } from "../../shared/controls.js";
import { build } from "../../shared/elements.js";
import { axisLabel } from "../../shared/maps.js";
import { ICONS } from "./icons.js";
import { quantitiesOf } from "./shade.js";

/** @typedef {import("../../shared/settings.js").Settings} Settings */

const KINDS = {
  neighbourhoods: "Neighbourhoods",
  principal: "Principal plane",
  dimensions: "Two dimensions",
};
const DRAGS = /** @type {const} */ ([
  ["move", "Drag moves the map"],
  ["box", "Drag draws a box: the images in it become a group"],
  ["lasso", "Drag draws a lasso: the images in it become a group"],
]);

/**
 * Kind of map, axes, colours, background and the field that finds an image.
 *
 * @param {HTMLElement} box
 * @param {Settings} settings
 * @param {import("../../shared/model.js").Model} model
 * @param {import("../../shared/maps.js").Kind[]} kinds
 * @param {(text: string) => boolean} findImage whether there is one
 * @returns {(() => void)[]} what to call in the end
 */
export function makeBar(box, settings, model, kinds, findImage) {
  const ends = [];
  const { latentDim, mainDimensions, classes } = model.header;
  if (kinds.length > 1) {
    const kind = segments("Kind of map", kinds.map((one) => [one, KINDS[one]]), (value) => {
      settings.set("map", value === kinds[0] ? "" : value);
    }); // prettier-ignore
    const axes = build("axes");
    const lists = ["→", "↑"].map((arrow, i) => {
      const choices = Array.from({ length: latentDim }, (_, axis) => [String(axis + 1), axisLabel(axis)]);
      const label = `${i ? "Vertical" : "Horizontal"} axis`;
      const list = select(label, /** @type {[string, string][]} */ (choices), (value) => choose(i, value), false);
      list.element.prepend(arrow);
      return list;
    }); // prettier-ignore
    const chosen = () => {
      const asked = settings.get("axes");
      return asked ? asked.split(",") : mainDimensions.map((axis) => String(axis + 1));
    };
    const choose = (/** @type {number} */ i, /** @type {string} */ value) => {
      const now = chosen();
      if (now[1 - i] === value) now[1 - i] = now[i]; // the other axis' dimension: both change places
      now[i] = value;
      settings.set("axes", now.join());
    };
    axes.append(...lists.map(({ element }) => element));
    const show = () => {
      const shown = kinds.find((one) => one === settings.get("map")) ?? kinds[0];
      kind.show(shown);
      axes.hidden = shown !== "dimensions";
      lists.forEach((list, i) => list.show(chosen()[i]));
    };
    show();
    ends.push(settings.onChange(show));
    box.append(kind.element, axes);
  }
  const quantities = quantitiesOf(model).map(
    ({ name, title }) => /** @type {const} */ ([name, title]),
  );
  const colour = select("Colour", quantities, (value) => settings.set("colour", value));
  const background = select(
    "Background",
    [["none", "none"], ["density", "density"], ["manifold", "decoded"]],
    (value) => settings.set("background", /** @type {any} */ (value)),
  ); // prettier-ignore
  ends.push(follow(settings, "colour", colour), follow(settings, "background", background));
  box.append(colour.element, background.element, findField(classes, findImage));
  return ends;
}

/** @param {string[]} classes @param {(text: string) => boolean} findImage */
function findField(classes, findImage) {
  const form = document.createElement("form");
  form.className = "control";
  const field = document.createElement("input");
  Object.assign(field, { type: "search", placeholder: "Find # or class" });
  field.setAttribute("aria-label", "Find a test image by its number or class");
  field.setAttribute("list", "classes");
  const list = Object.assign(document.createElement("datalist"), { id: "classes" });
  list.append(...classes.map((name) => new Option(name)));
  form.append(field, list);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    field.setCustomValidity(findImage(field.value) ? "" : "There is no such image or class.");
    field.reportValidity();
  });
  field.addEventListener("input", () => field.setCustomValidity(""));
  return form;
}

/**
 * The buttons upon the map.
 *
 * @param {HTMLElement} box
 * @param {Settings} settings
 * @param {{zoom: (factor: number) => void, reset: () => void, full: () => void}} does
 * @returns {(() => void)[]} what to call in the end
 */
export function makeTools(box, settings, does) {
  const tool = (/** @type {keyof typeof ICONS} */ name, /** @type {string} */ label, /** @type {() => void} */ press) => {
    const element = button("", press, label);
    element.innerHTML = ICONS[name];
    return element;
  }; // prettier-ignore
  const drags = DRAGS.map(([value, label]) =>
    tool(value, label, () => settings.set("drag", value)),
  );
  const show = (/** @type {string} */ shown) =>
    DRAGS.forEach(([value], i) => drags[i].setAttribute("aria-pressed", String(value === shown)));
  box.append(
    ...drags,
    tool("closer", "Closer", () => does.zoom(1.5)),
    tool("farther", "Farther", () => does.zoom(1 / 1.5)),
    tool("whole", "The whole map", does.reset),
    tool("full", "Full screen", does.full),
  );
  for (const type of ["pointerdown", "pointerup", "pointermove", "dblclick", "wheel"]) {
    box.addEventListener(type, (event) => event.stopPropagation());
  }
  return [follow(settings, "drag", { show })];
}
