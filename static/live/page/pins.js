/**
 * Pins: places that a person keeps of a model, as a strip along the bottom of the page.
 *
 * @typedef {{name: string, z: number[], label: number}} Pin
 */

import { button } from "../shared/controls.js";
import { build } from "../shared/elements.js";
import { Painter } from "../shared/paint.js";
import { TileDecoder } from "../shared/tiles.js";
import { directionBetween } from "./directions.js";
import { readList, writeList } from "./lists.js";

/** As the app's address writes them: `name~0.5 1;other~2 0`. @param {Pin[]} pins */
export function writePins(pins) {
  return writeList(pins.map(({ name, z, label }) => [name, z.join(" "), label]));
}

/**
 * Those of a link that this model can have.
 *
 * @param {string} text
 * @param {(place: string) => number[]} placeOf gives none for what is not a place of the model
 * @param {number} classes how many there are
 * @returns {Pin[]}
 */
export function readPins(text, placeOf, classes) {
  const pins = readList(text).map(([name, place = "", label = "0"]) => {
    return { name, z: placeOf(place.replace(/ /g, ",")), label: Number(label) };
  });
  return pins.filter(({ z, label }) => z.length && label in Array(classes).fill(0));
}

export class Pins {
  #box;
  #page;
  /** @type {TileDecoder | null} */
  #decoder = null;

  /** @param {HTMLElement} box @param {import("./page.js").Page} page */
  constructor(box, page) {
    this.#box = box;
    this.#page = page;
  }

  /** Shows the model's pins, each a button that goes back there. */
  show() {
    const { entry, state } = this.#page;
    this.#decoder?.close();
    const add = button("Pin the point", () => this.add());
    add.className = "plain";
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
      }, `Remove ${name}`); // prettier-ignore
      item.append(back, remove);
      return item;
    });
    this.#box.replaceChildren(add, ...items, ...this.#uses());
    this.#page.hub.withModel(entry.content, (model) => {
      if (!model.canDecode || !items.length || entry !== this.#page.entry) return;
      const painters = canvases.map((canvas) => new Painter(canvas, model.header.imageShape));
      this.#decoder = new TileDecoder(this.#page.hub.engine, model);
      this.#decoder.start(
        items.length,
        (tile, z) => z.set(state.pins[tile].z),
        (pixels, tile) => painters[tile].paint(pixels),
      );
    });
  }

  /** Buttons for what two pins are good for. */
  #uses() {
    const [from, to] = this.#page.state.pins.slice(-2);
    if (!to) return [];
    const names = `${from.name} → ${to.name}`;
    const uses = [
      button("Interpolate", () => this.#page.join(from.z, to.z), `Interpolate ${names}`),
      button(
        "Direction",
        () => this.#page.direct(names, directionBetween(from.z, to.z)),
        `The direction ${names}`,
      ),
    ];
    for (const use of uses) use.className = "plain";
    return uses;
  }

  /** Keeps the point. */
  add() {
    const { state } = this.#page;
    const { z, label, pins } = state;
    pins.push({ name: `Pin ${pins.length + 1}`, z, label });
    this.#page.refresh();
  }
}
