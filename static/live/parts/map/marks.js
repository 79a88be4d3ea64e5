/**
 * Marks on the map, which move without redrawing the picture: where the point lies, and where
 * something is looked at.
 *
 * @typedef {[number, number]} Place on the map
 * @typedef {{z: ArrayLike<number>, at: Place, row: number | null}} Spot a latent on the map
 */

import { changeText, find } from "../../shared/elements.js";

export class Marks {
  #point;
  #looked;
  #tip;
  #view;
  #model;

  /**
   * @param {HTMLElement} plot @param {import("./view.js").View} view
   * @param {import("../../shared/model.js").Model} model
   */
  constructor(plot, view, model) {
    this.#point = find(plot, ".mark.point");
    this.#looked = find(plot, ".mark.looked");
    this.#tip = find(plot, ".tip");
    this.#view = view;
    this.#model = model;
  }

  /** @param {Place} point @param {Spot | null} looked */
  draw(point, looked) {
    this.#place(this.#point, point);
    this.#place(this.#looked, looked?.at ?? null);
    this.#tip.hidden = looked === null || looked.row === null;
    if (!looked || looked.row === null) return;
    changeText(this.#tip, `#${looked.row} · ${this.#model.classOf(looked.row)}`);
    const [x, y] = this.#view.pixelOf(...looked.at);
    const side = x > this.#view.width / 2 ? "calc(-100% - 10px)" : "10px";
    this.#tip.style.transform = `translate(${x}px, ${y}px) translate(${side}, -130%)`;
  }

  /** @param {HTMLElement} mark @param {Place | null} at */
  #place(mark, at) {
    mark.hidden = at === null;
    if (!at) return;
    const { width, height } = this.#view;
    const [across, down] = this.#view.pixelOf(...at);
    const [x, y] = [Math.min(Math.max(across, 0), width), Math.min(Math.max(down, 0), height)];
    mark.classList.toggle("outside", x !== across || y !== down);
    mark.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
  }
}
