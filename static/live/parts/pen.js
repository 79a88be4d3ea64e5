/**
 * The pen of a drawing: its tool, size and colour, and the strokes that it makes on the paper.
 *
 * @typedef {import("../shared/sketch.js").Stroke} Stroke
 */

import { colour, segments, slider } from "../shared/controls.js";
import { Bounds } from "../shared/elements.js";
import { hex } from "../shared/paint.js";

const TOOLS = /** @type {const} */ ([["brush", "Brush"], ["eraser", "Eraser"]]); // prettier-ignore
/** Length of the line that a tap draws, in pixels of the image. */
const DOT = 0.01;

export class Pen {
  #paper;
  #bounds;
  #means;
  /** @type {(typeof TOOLS)[number][0]} */
  #tool = "brush";
  #width;
  #colour = "";
  #ground = "";
  /** The stroke that is being drawn. @type {Stroke | null} */
  #stroke = null;

  /**
   * @param {HTMLCanvasElement} paper has as many pixels as an image
   * @param {{begin: (stroke: Stroke) => void, extend: () => void, end: () => void}} means what to do
   *   with a new stroke, when it has become longer, and when it is finished
   */
  constructor(paper, means) {
    this.#paper = paper;
    this.#bounds = new Bounds(paper);
    this.#means = means;
    this.#width = Math.max(1, Math.round(paper.width / 5.6) / 2);
    this.#listen();
  }

  /** Whether a stroke is being drawn. */
  get isDown() {
    return this.#stroke !== null;
  }

  /**
   * Makes the controls; at first the colour is the opposite of the background.
   *
   * @param {number[]} background of each channel, 0 to 255
   */
  makeControls(background) {
    const opposite = background.map((value) => (value < 128 ? 255 : 0));
    [this.#colour, this.#ground] = [hex(opposite), hex(background)];
    const tool = segments("Tool", TOOLS, (value) => (this.#tool = value));
    tool.show(this.#tool);
    const sizes = { min: 0.5, max: Math.round(this.#paper.width / 3), step: 0.5 };
    const size = slider("Size", sizes, (value) => (this.#width = value));
    size.show(this.#width);
    return [tool.element, size.element, this.#makeInk(opposite)];
  }

  /** @param {number[]} first of each channel */
  #makeInk(first) {
    if (first.length > 1) {
      const ink = colour("Colour", (value) => (this.#colour = value));
      ink.show(this.#colour);
      return ink.element;
    }
    const greys = { min: 0, max: 255, step: 1 };
    const ink = slider("Grey", greys, (value) => (this.#colour = hex([value])));
    ink.show(first[0]);
    return ink.element;
  }

  #listen() {
    const paper = this.#paper;
    paper.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      paper.setPointerCapture(event.pointerId);
      const [x, y] = this.#placeOf(event);
      const path = new Path2D();
      path.moveTo(x - DOT, y); // or a tap would draw nothing
      const used = this.#tool === "eraser" ? this.#ground : this.#colour;
      this.#stroke = { path, width: this.#width, colour: used };
      this.#means.begin(this.#stroke);
      this.#extend(event);
    });
    paper.addEventListener("pointermove", (event) => {
      if (!this.#stroke || !event.isPrimary) return;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.#extend(each);
    });
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      paper.addEventListener(end, ({ isPrimary }) => {
        if (!this.#stroke || !isPrimary) return; // a palm on the screen does not end a stroke
        this.#stroke = null;
        this.#means.end();
      });
    }
  }

  /** @param {PointerEvent} event */
  #extend(event) {
    this.#stroke?.path.lineTo(...this.#placeOf(event));
    this.#means.extend();
  }

  /** @param {PointerEvent} event @returns {[number, number]} in pixels of the image */
  #placeOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#bounds.rect;
    const paper = this.#paper;
    return [((clientX - left) * paper.width) / width, ((clientY - top) * paper.height) / height];
  }
}
