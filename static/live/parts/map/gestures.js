/**
 * Gestures of mouse, fingers and pen on a map.
 *
 * Mouse: moving looks, a click chooses, dragging pans or draws a region, the wheel zooms, a
 * double click shows the whole map. Fingers: a tap chooses; a press that then moves, or a move to
 * the side, looks; two fingers pan and zoom; a swipe that begins upwards or downwards scrolls the
 * page.
 *
 * @typedef {{
 *   look: (across: number, down: number) => void,
 *   leave: () => void,
 *   choose: (across: number, down: number) => void,
 *   pan: (across: number, down: number) => void,
 *   zoom: (factor: number, across: number, down: number) => void,
 *   reset: () => void,
 *   draw: (outline: number[], event: PointerEvent | null, isDone: boolean) => void,
 *   drag: () => "move" | "box" | "lasso",
 * }} Meanings what the gestures do; places are in pixels from the left and the top; `draw` gets a
 *   region's corners while it is drawn, and no event if it was cancelled
 */

import { Bounds } from "../../shared/elements.js";

/** Pixels within which a pointer counts as still; a finger is less steady. */
const STILL = { mouse: 4, touch: 10 };
/** Milliseconds after which a resting finger looks. */
const PRESS = 180;
/** Exponent of the zoom factor for each pixel of the wheel. */
const WHEEL = 0.0016;
/** Pixels for the wheel's unit: a pixel, a line or a page. */
const STEPS = [1, 16, 400];

export class Gestures {
  #element;
  #means;
  #bounds;
  /** Places of the pointers that are down. @type {Map<number, [number, number]>} */
  #down = new Map();
  /** @type {[number, number]} */
  #start = [0, 0];
  /** When it came down, in the clock of events. */
  #since = 0;
  /**
   * What the pointer that is down does; "press" until a move after the pause tells that it looks.
   *
   * @type {"" | "pan" | "press" | "look" | "draw" | "pinch" | "scroll" | "cancelled"}
   */
  #doing = "";
  /** @type {number[]} */
  #outline = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {HTMLElement} element @param {Meanings} means */
  constructor(element, means) {
    this.#element = element;
    this.#means = means;
    this.#bounds = new Bounds(element);
    element.addEventListener("pointerdown", (event) => this.#onDown(event));
    element.addEventListener("pointermove", (event) => this.#onMove(event));
    element.addEventListener("pointerup", (event) => this.#onUp(event));
    element.addEventListener("pointercancel", (event) => this.#onCancel(event));
    element.addEventListener("pointerleave", () => this.#down.size || means.leave());
    element.addEventListener("dblclick", () => means.reset());
    element.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    const hold = (/** @type {TouchEvent} */ event) => {
      const isOurs = event.touches.length > 1 || (this.#doing && this.#doing !== "scroll");
      if (isOurs) event.preventDefault(); // else the page scrolls
    };
    element.addEventListener("touchstart", hold, { passive: false });
    element.addEventListener("touchmove", hold, { passive: false });
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** @param {MouseEvent} event @returns {[number, number]} */
  #at({ clientX, clientY }) {
    const { left, top } = this.#bounds.rect;
    return [clientX - left, clientY - top];
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (event.button !== 0) return;
    const at = this.#at(event);
    this.#down.set(event.pointerId, at);
    this.#element.setPointerCapture(event.pointerId);
    clearTimeout(this.#timer);
    if (this.#down.size > 1) {
      this.#giveUp();
      this.#doing = "pinch";
      return;
    }
    this.#start = at;
    this.#since = event.timeStamp;
    this.#doing = "";
    if (event.pointerType === "touch" && this.#means.drag() === "move") {
      this.#timer = setTimeout(() => {
        this.#doing = "press";
        this.#means.look(...at);
      }, PRESS);
    }
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const at = this.#at(event);
    const before = this.#down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") this.#means.look(...at);
      return;
    }
    if (this.#doing === "pinch") this.#pinch(event.pointerId, before, at);
    this.#down.set(event.pointerId, at);
    if (this.#doing === "press") this.#doing = this.#isLate(event) ? "look" : "";
    if (this.#doing === "" && this.#hasMoved(event, at)) {
      clearTimeout(this.#timer);
      const isUpright = Math.abs(at[1] - this.#start[1]) > Math.abs(at[0] - this.#start[0]);
      const move = event.pointerType !== "touch" ? "pan" : isUpright ? "scroll" : "look";
      this.#doing = this.#means.drag() === "move" ? move : "draw";
      this.#outline = [...this.#start];
      this.#means.leave();
      if (this.#doing === "pan") this.#means.pan(at[0] - this.#start[0], at[1] - this.#start[1]);
    } else if (this.#doing === "pan") this.#means.pan(at[0] - before[0], at[1] - before[1]);
    if (this.#doing === "look") this.#means.look(...at);
    if (this.#doing === "draw") this.#draw(at, event, false);
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    if (!this.#down.delete(event.pointerId)) return;
    clearTimeout(this.#timer);
    const at = this.#at(event);
    if (this.#doing === "draw") this.#draw(at, event, true);
    else if (["", "press", "look"].includes(this.#doing)) this.#means.choose(...at);
    if (!this.#down.size) this.#doing = "";
  }

  /** The browser scrolls the page instead. @param {PointerEvent} event */
  #onCancel(event) {
    this.#down.delete(event.pointerId);
    this.#giveUp();
    this.#doing = "";
  }

  /** Gives up the region that is being drawn, if there is one. */
  cancel() {
    if (this.#doing !== "draw") return;
    this.#giveUp();
    this.#doing = "cancelled";
  }

  #giveUp() {
    clearTimeout(this.#timer);
    if (this.#doing === "draw") this.#means.draw([], null, true);
    else this.#means.leave();
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * STEPS[event.deltaMode] * (event.ctrlKey ? 5 : 1);
    this.#means.zoom(Math.exp(-WHEEL * pixels), ...this.#at(event));
  }

  /** @param {number} id @param {[number, number]} before @param {[number, number]} at */
  #pinch(id, before, at) {
    const other = [...this.#down].find(([one]) => one !== id)?.[1];
    if (!other) return;
    const apart = (/** @type {[number, number]} */ [x, y]) =>
      Math.hypot(x - other[0], y - other[1]);
    this.#means.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    const middle = /** @type {const} */ ([(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
    this.#means.zoom(apart(at) / Math.max(apart(before), 1), ...middle);
  }

  /** @param {[number, number]} at @param {PointerEvent} event @param {boolean} isDone */
  #draw(at, event, isDone) {
    const [[x, y], [left, top]] = [at, this.#start];
    if (this.#means.drag() === "box") this.#outline = [left, top, x, top, x, y, left, y];
    else this.#outline.push(x, y);
    this.#means.draw(this.#outline, event, isDone);
  }

  /**
   * Whether the finger had rested before this move; a busy page may get the move after the pause
   * though it was made before.
   *
   * @param {PointerEvent} event
   */
  #isLate(event) {
    const { timeStamp } = event.getCoalescedEvents?.()[0] ?? event;
    return timeStamp - this.#since >= PRESS;
  }

  /** @param {PointerEvent} event @param {[number, number]} at */
  #hasMoved({ pointerType }, [x, y]) {
    const still = pointerType === "touch" ? STILL.touch : STILL.mouse;
    return Math.hypot(x - this.#start[0], y - this.#start[1]) > still;
  }
}
