/**
 * Pins: places that a person keeps of a model, as a strip along the bottom of the page.
 *
 * @typedef {{name: string, z: number[], label: number}} Pin
 */

import { button } from "../shared/controls.js";
import { build } from "../shared/elements.js";
import { Painter } from "../shared/paint.js";
import { TileDecoder } from "../shared/tiles.js";

/** As the app's address writes them: `name~0.5 1;other~2 0`. @param {Pin[]} pins */
export function writePins(pins) {
  const escape = (/** @type {string} */ text) => text.replace(/[%~;]/g, encodeURIComponent).replace(/~/g, "%7E"); // prettier-ignore
  return pins.map(({ name, z, label }) => [escape(name), z.join(" "), label].join("~")).join(";");
}

/**
 * Those of a link that this model can have.
 *
 * @param {string} text
 * @param {(place: string) => number[]} placeOf reads a place
 * @returns {Pin[]}
 */
export function readPins(text, placeOf) {
  const pins = text.split(";").map((entry) => {
    const [name, place = "", label = "0"] = entry.split("~").map(decodeURIComponent);
    return { name, z: placeOf(place.replace(/ /g, ",")), label: Number(label) };
  });
  return pins.filter(({ z }) => z.length && z.every(Number.isFinite));
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
    this.#box.replaceChildren(add, ...items);
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

  /** Keeps the point. */
  add() {
    const { state } = this.#page;
    const { z, label, pins } = state;
    pins.push({ name: `Pin ${pins.length + 1}`, z, label });
    this.#page.refresh();
  }
}
