/**
 * A picture of tiles that can be chosen.
 *
 * @typedef {{image: string, columns: number, rows: number, aspect: number, labels: string[],
 *   title: string, selected: number | null, tileSize: number | null, canMove: boolean}} PickerData
 */

import { find, setText } from "../shared/elements.js";
import { TileBox } from "./tilebox.js";

const HTML = `
  <div class="picker" role="listbox">
    <img alt="" draggable="false">
    <div class="tile selected" role="option" aria-selected="true" hidden></div>
    <div class="tile cursor" role="option" aria-selected="false" id="cursor" hidden></div>
  </div>
  <div class="caption"></div>`;

export class Picker {
  #root;
  #box;
  #tell;
  #tiles;
  /** @type {number | null} */
  #pointed = null;
  /** @type {PickerData | null} */
  #data = null;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { tell }) {
    root.innerHTML = HTML;
    this.#root = root;
    this.#box = find(root, ".picker");
    const point = (/** @type {number | null} */ tile) => {
      this.#pointed = tile;
      this.#mark();
    };
    this.#tell = tell;
    this.#tiles = new TileBox(this.#box, point, (tile) => tell("picked", tile));
  }

  /** @param {PickerData} data */
  update(data) {
    this.#data = data;
    const { columns, rows, labels, selected, tileSize } = data;
    this.#tiles.move = data.canMove ? (from, to) => this.#tell("moved", [from, to]) : null;
    Object.assign(this.#tiles, { columns, rows, count: labels.length, start: selected ?? 0 });
    this.#tiles.nameOf = (tile) => labels[tile];
    const image = find(this.#root, "img", HTMLImageElement);
    if (image.src !== data.image) image.src = data.image;
    this.#box.style.aspectRatio = String((columns * data.aspect) / rows);
    this.#box.style.maxWidth = tileSize ? `${columns * tileSize}px` : "";
    this.#box.setAttribute("aria-label", data.title);
    this.#box.classList.toggle("movable", data.canMove);
    this.#mark();
  }

  close() {}

  #mark() {
    const { selected = null, labels = [] } = this.#data ?? {};
    const pointed = this.#pointed;
    this.#tiles.frame(find(this.#root, ".selected"), selected);
    const shown = pointed ?? selected;
    setText(this.#root, ".caption", shown === null ? "" : (labels[shown] ?? ""));
  }
}
