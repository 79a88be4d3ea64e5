/**
 * Tiles in columns and rows that can be pointed at and chosen, with the pointer or with arrow keys
 * and Enter.
 */

import { Bounds, find } from "../shared/elements.js";
import { ARROWS } from "./keys.js";

export class TileBox {
  columns = 1;
  rows = 1;
  /** Tiles in all; the last row may be shorter. */
  count = 0;
  /** The tile from which arrow keys start. */
  start = 0;
  /**
   * Called when a tile is dragged onto another.
   *
   * @type {((from: number, to: number) => void) | null}
   */
  move = null;
  /** Gives a tile's name to screen readers, in a list box. @type {((tile: number) => string) | null} */
  nameOf = null;
  /** @type {number | null} */
  #pointed = null;
  /** The tile on which a pointer went down, unless that became a click. @type {number | null} */
  #held = null;
  #element;
  #bounds;
  #cursor;
  #point;
  #choose;

  /**
   * @param {HTMLElement} element has a `.cursor`, which is laid over the tile that is pointed at; in
   *   a list box it is the active option and has an id
   * @param {(tile: number | null) => void} point is called when another tile is pointed at
   * @param {(tile: number) => void} choose
   */
  constructor(element, point, choose) {
    this.#element = element;
    this.#bounds = new Bounds(element);
    this.#cursor = find(element, ".cursor");
    this.#point = point;
    this.#choose = choose;
    element.tabIndex = 0;
    element.addEventListener("pointermove", (event) => this.#to(this.#tileAt(event)));
    element.addEventListener("pointerleave", () => this.#to(null));
    element.addEventListener("blur", () => this.#to(null));
    element.addEventListener("pointerdown", (event) => (this.#held = this.#tileAt(event)));
    element.addEventListener("pointerup", (event) => {
      const [from, to] = [this.#held, this.#tileAt(event)];
      if (this.move && from !== null && to !== null && from !== to) this.move(from, to);
      else this.#held = null;
    });
    element.addEventListener("click", (event) => {
      const tile = this.#tileAt(event);
      if (tile !== null && this.#held === null) choose(tile);
      this.#held = null;
    });
    element.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Lays a mark over a tile, or hides it. @param {HTMLElement} mark @param {number | null} tile */
  frame(mark, tile) {
    mark.hidden = tile === null;
    if (tile === null) return;
    if (this.nameOf) mark.setAttribute("aria-label", this.nameOf(tile));
    Object.assign(mark.style, {
      width: `${100 / this.columns}%`,
      height: `${100 / this.rows}%`,
      left: `${(100 * (tile % this.columns)) / this.columns}%`,
      top: `${(100 * Math.floor(tile / this.columns)) / this.rows}%`,
    });
  }

  /** @param {number | null} tile */
  #to(tile) {
    if (tile === this.#pointed) return;
    this.#pointed = tile;
    this.frame(this.#cursor, tile);
    if (this.nameOf) {
      this.#element.setAttribute("aria-activedescendant", tile === null ? "" : this.#cursor.id);
    }
    this.#point(tile);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const current = this.#pointed ?? this.start;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const next = current + arrow[0] + arrow[1] * this.columns;
      this.#to(next >= 0 && next < this.count ? next : current);
    } else if (event.key === "Enter" || event.key === " ") {
      if (current < this.count) this.#choose(current);
    } else return;
    event.preventDefault();
  }

  /** @param {MouseEvent} event */
  #tileAt({ clientX, clientY }) {
    const { left, top, width, height } = this.#bounds.rect;
    const column = Math.floor(((clientX - left) / width) * this.columns);
    const row = Math.floor(((clientY - top) / height) * this.rows);
    const tile = row * this.columns + column;
    const isInside = column >= 0 && column < this.columns && row >= 0 && tile < this.count;
    return isInside ? tile : null;
  }
}
