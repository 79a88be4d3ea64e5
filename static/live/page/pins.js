/**
 * Pins: places in a model that the user keeps, as a strip along the bottom of the page.
 *
 * @typedef {{name: string, z: number[], label: number}} Pin
 */

import { button, framedButton } from "../shared/controls.js";
import { build } from "../shared/elements.js";
import { URGENCY } from "../shared/engine.js";
import { Painter, tilesOf } from "../shared/paint.js";
import { directionBetween } from "./directions.js";
import { readList, writeList } from "../shared/lists.js";

/** Writes pins as in the app's addresses: `name~0.5 1;other~2 0`. @param {Pin[]} pins */
export function writePins(pins) {
  return writeList(pins.map(({ name, z, label }) => [name, z.join(" "), label]));
}

/**
 * Reads the pins of a link, leaving out those that do not fit this model.
 *
 * @param {string} text
 * @param {(place: string) => number[]} placeOf gives [] for a text that is no place of the model
 * @param {number} classes number of classes
 * @returns {Pin[]}
 */
export function readPins(text, placeOf, classes) {
  const pins = readList(text).map(([name, place = "", label = "0"]) => {
    return { name, z: placeOf(place.replace(/ /g, ",")), label: Number(label) };
  });
  return pins.filter(
    ({ z, label }) => z.length && Number.isInteger(label) && label >= 0 && label < classes,
  );
}

export class Pins {
  #box;
  #page;
  #line;

  /** @param {HTMLElement} box @param {import("./page.js").Page} page */
  constructor(box, page) {
    this.#box = box;
    this.#page = page;
    this.#line = page.hub.engine.line(URGENCY.tiles);
    box.append(framedButton("Pin the point", () => this.add()));
  }

  /** Shows the model's pins, each a button that goes back there. */
  show() {
    const { entry, state } = this.#page;
    const [add, ...former] = this.#box.children;
    /** @type {HTMLCanvasElement[]} */
    const canvases = [];
    const items = state.pins.map(({ name, z, label }, i) => {
      const item = build("pin");
      const back = button("", () => this.#page.moveTo(z, label), `Back to ${name}`);
      const canvas = document.createElement("canvas");
      canvases.push(canvas);
      back.append(canvas, name);
      const remove = button("×", () => {
        state.pins.splice(i, 1);
        this.#page.refresh();
        /** @type {HTMLElement} */ (add).focus();
      }, `Remove ${name}`); // prettier-ignore
      item.append(back, remove);
      return item;
    });
    for (const one of former) one.remove();
    this.#box.append(...items, ...this.#uses()); // after a button that keeps the keyboard focus
    this.#page.hub.withModel(entry.content, (model) => {
      if (!model.canDecode || !items[0]?.isConnected) return;
      const { content } = entry;
      const latents = Float32Array.from(state.pins.flatMap(({ z }) => z));
      const labels = state.pins.map(({ label }) => label);
      const request = /** @type {const} */ ({ kind: "tiles", content, latents, labels });
      this.#line.ask(request, ({ pixels }) => {
        tilesOf(pixels, items.length).forEach((tile, i) => {
          new Painter(canvases[i], model.header.imageShape).paint(tile);
        });
      });
    });
  }

  /** Buttons for what can be done with the last two pins. */
  #uses() {
    const [from, to] = this.#page.state.pins.slice(-2);
    if (!to) return [];
    const names = `${from.name} → ${to.name}`;
    return [
      framedButton("Interpolate", () => this.#page.join(from.z, to.z), `Interpolate ${names}`),
      framedButton(
        "Direction",
        () => this.#page.direct(names, directionBetween(from.z, to.z)),
        `The direction ${names}`,
      ),
    ];
  }

  /** Keeps the point as a pin. */
  add() {
    const { state } = this.#page;
    const { z, label, pins } = state;
    let n = 1;
    while (pins.some(({ name }) => name === `Pin ${n}`)) n++;
    pins.push({ name: `Pin ${n}`, z, label });
    this.#page.refresh();
  }
}
