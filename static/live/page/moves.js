/** The ways to move the point: buttons, and a field of coordinates. */

import { framedButton } from "../shared/controls.js";
import { normal } from "../shared/noise.js";

export class Moves {
  #page;
  #coordinates = document.createElement("input");
  #undo;
  #redo;

  /** @param {HTMLElement} box @param {import("./page.js").Page} page */
  constructor(box, page) {
    this.#page = page;
    const make = (/** @type {string} */ name, /** @type {string} */ text) =>
      framedButton(text, () => this.move(name));
    this.#undo = make("undo", "Undo");
    this.#redo = make("redo", "Redo");
    this.#coordinates.setAttribute("aria-label", "Coordinates of the point");
    this.#coordinates.addEventListener("change", () => this.#take(this.#coordinates.value));
    box.append(
      make("random", "Random"),
      make("image", "Random test image"),
      make("centre", "Centre"),
      this.#undo,
      this.#redo,
      this.#coordinates,
    );
  }

  /** @param {string} name of a button; others do nothing */
  move(name) {
    const page = this.#page;
    const { z } = page.state;
    if (name === "random") page.moveTo(z.map(() => normal()));
    else if (name === "centre") page.moveTo(z.map(() => 0));
    else if (name === "image") page.moveTo(page.placeOf(`test-${page.randomRow()}`));
    else if (name === "undo") page.go("past");
    else if (name === "redo") page.go("future");
  }

  /** Shows the point, and whether there is another to go back to. */
  show() {
    const { z, past, future } = this.#page.state;
    this.#coordinates.value = z.map((value) => String(value)).join(", ");
    this.#coordinates.setCustomValidity("");
    this.#undo.disabled = !past.length;
    this.#redo.disabled = !future.length;
  }

  /** @param {string} text coordinates; refused if they do not fit the model */
  #take(text) {
    const { limit, state } = this.#page;
    const numbers = text
      .replace(/−/g, "-")
      .split(/[\s,;()[\]]+/)
      .filter(Boolean);
    const z = this.#page.latentOf(numbers.join());
    const field = this.#coordinates;
    const expected = `The point is ${state.z.length} numbers from −${limit} to ${limit}.`;
    field.setCustomValidity(z.length ? "" : expected);
    if (z.length) this.#page.moveTo(z);
    else field.reportValidity();
  }
}
