/**
 * A tour of five steps along the lower edge: it ends when the user goes to another view, and is
 * shown again on this machine only on request.
 */

import { find, setText } from "../shared/elements.js";

/** A view, a title, and what to try there; on a touch screen a finger is the pointer. */
const STEPS = [
  ["Map", "Look", "Move the pointer over the map. The large picture is decoded at that very place."],
  ["Map", "In between", "Go slowly from one colour to another: between the dots the decoder draws what no image of the data set shows."],
  ["Map", "Emptiness", "Go to a place far from all dots. The decoder answers there too; the words below the picture say how far to trust it."],
  ["Sliders", "One number", "Drag a slider: one coordinate of the point changes, and with it one trait of the picture."],
  ["Reconstruct", "Your own image", "Open a picture of your own, or choose Drawing and draw something, and see what the model keeps of it."],
]; // prettier-ignore

const SEEN = "latent-space-tour";

export class Tour {
  #box;
  #open;
  #step = 0;

  /**
   * @param {HTMLElement} box @param {(view: string) => void} open goes to a view
   * @param {AbortSignal} signal ends the listening for a key
   */
  constructor(box, open, signal) {
    this.#box = box;
    this.#open = open;
    find(box, ".next").addEventListener("click", () => this.#show(this.#step + 1));
    find(box, ".end").addEventListener("click", () => this.end());
    const useKey = (/** @type {KeyboardEvent} */ { key }) =>
      key === "Escape" && this.#isOpen && this.end();
    window.addEventListener("keydown", useKey, { signal });
    const { style } = document.documentElement;
    const leaveRoom = () => style.setProperty("--tour", `${box.offsetHeight}px`);
    new ResizeObserver(leaveRoom).observe(box);
  }

  /** Whether the tour was shown on this machine, or this cannot be stored. */
  static get isSeen() {
    try {
      return localStorage.getItem(SEEN) !== null;
    } catch {
      return true; // storage is blocked: else the tour would start at every visit
    }
  }

  get #isOpen() {
    return this.#box.matches(":popover-open");
  }

  start() {
    this.#box.showPopover();
    this.#show(0);
  }

  /** Ends the tour if a view was opened that the step does not speak of. @param {string} view */
  follow(view) {
    if (this.#isOpen && view !== STEPS[this.#step][0]) this.end();
  }

  end() {
    this.#box.hidePopover();
    try {
      localStorage.setItem(SEEN, "seen");
    } catch {
      // storage is blocked: the tour does not start by itself anyway
    }
  }

  /** @param {number} step */
  #show(step) {
    if (step === STEPS.length) return this.end();
    this.#step = step;
    const [view, title, text] = STEPS[step];
    this.#open(view);
    setText(this.#box, "h2", `${step + 1} of ${STEPS.length}: ${title}`);
    const isTouch = matchMedia("(hover: none)").matches;
    setText(this.#box, "p", isTouch ? text.replace("the pointer", "a finger") : text);
    setText(this.#box, ".next", step + 1 < STEPS.length ? "Next" : "Done");
  }
}
