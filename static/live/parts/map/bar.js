/** The map's controls: above it what the map shows, beside it the buttons. */

import { makeChoice } from "../../shared/choice.js";
import { button, follow, select } from "../../shared/controls.js";
import { build } from "../../shared/elements.js";
import { ICONS } from "./icons.js";
import { quantitiesOf } from "./shade.js";

/** @typedef {import("../../shared/settings.js").Settings} Settings */

const DRAGS = /** @type {const} */ ([
  ["move", "Drag moves the map"],
  ["box", "Drag draws a box: the images in it become a group"],
  ["lasso", "Drag draws a lasso: the images in it become a group"],
]);

/**
 * Makes the controls for kind of map, axes, colours and background, and the search field.
 *
 * @param {HTMLElement} box @param {Settings} settings
 * @param {import("../../shared/model.js").Model} model
 * @param {(text: string) => boolean} findImage goes to an image; false if there is none
 * @returns {(() => void)[]} functions to call at the end
 */
export function makeBar(box, settings, model, findImage) {
  const ends = [makeChoice(box, model, settings)];
  const { classes } = model.header;
  const quantities = quantitiesOf(model).map(
    ({ name, title }) => /** @type {const} */ ([name, title]),
  );
  const colour = select("Colour", quantities, (value) => settings.set("colour", value));
  const backgrounds = /** @type {const} */ ([["none", "none"], ["density", "density"], ["manifold", "decoded"]]); // prettier-ignore
  const background = select(
    "Background",
    model.canDecode ? backgrounds : backgrounds.slice(0, 2),
    (value) => settings.set("background", /** @type {any} */ (value)),
  );
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
 * A button that opens the list of file types for saving the map; Esc or a click elsewhere closes it.
 *
 * @param {(type: "PNG" | "SVG", times: number) => void} save
 */
function saver(save) {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.innerHTML = ICONS.save;
  summary.setAttribute("aria-label", "Save the map as a file");
  summary.title = "Save the map as a file";
  const list = build("files");
  const files = /** @type {const} */ ([["PNG", 2], ["PNG", 4], ["SVG", 1]]); // prettier-ignore
  list.append(
    ...files.map(([type, times]) =>
      button(type === "PNG" ? `PNG ×${times}` : type, () => {
        details.open = false;
        save(type, times);
      }),
    ),
  );
  list.tabIndex = -1; // a press on a button of it keeps the focus inside, in Safari too
  const isInside = (/** @type {any} */ target) => details.contains(target);
  details.addEventListener("focusout", (event) => (details.open &&= isInside(event.relatedTarget)));
  details.addEventListener("keydown", ({ key }) => (details.open &&= key !== "Escape"));
  details.append(summary, list);
  return details;
}

/**
 * Makes the buttons beside the map.
 *
 * @param {HTMLElement} box @param {Settings} settings
 * @param {{zoom: (factor: number) => void, reset: () => void, full: () => void,
 *   save: (type: "PNG" | "SVG", times: number) => void}} does
 * @returns {(() => void)[]} functions to call at the end
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
    saver(does.save),
  );
  return [follow(settings, "drag", { show })];
}
