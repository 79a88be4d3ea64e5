/** Makes, finds and measures elements of a part. */

/** A new `<div>`. @param {string} className @param {string} [html] its content */
export function build(className, html = "") {
  const box = document.createElement("div");
  box.className = className;
  box.innerHTML = html;
  return box;
}

/**
 * A new element with a text.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {string} textContent
 */
export function textElement(tag, textContent, className = "") {
  return Object.assign(document.createElement(tag), { textContent, className });
}

/**
 * The 2-D context of a canvas.
 *
 * @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [options]
 */
export function contextOf(canvas, options) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", options));
}

/** The 2-D context of a new canvas. @param {number} width @param {number} height */
export function newContext(width, height) {
  return contextOf(Object.assign(document.createElement("canvas"), { width, height }));
}

/**
 * The first element that a selector finds.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {Element} box @param {string} selector @param {new () => T} [Type]
 * @returns {T}
 */
export function find(box, selector, Type = /** @type {any} */ (HTMLElement)) {
  const found = box.querySelector(selector);
  if (!(found instanceof Type)) throw new Error(`There is no ${selector}.`);
  return found;
}

/** A sentence that screen readers read out at once. @param {string} sentence */
export function alertOf(sentence) {
  const alert = build("problem");
  alert.setAttribute("role", "alert");
  alert.textContent = sentence;
  return alert;
}

/** Changes a text if it differs. @param {Element} element @param {string} text */
export function changeText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Changes the text of the first element that a selector finds.
 *
 * @param {Element} box @param {string} selector @param {string} text
 */
export function setText(box, selector, text) {
  changeText(find(box, selector), text);
}

/** Whether two values have the same JSON. @param {unknown} a @param {unknown} b */
export function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Milliseconds after which an element is measured again even without scrolling. */
const AGE = 250;
let scrolls = 0;
for (const type of ["scroll", "resize", "pointerdown"]) {
  window.addEventListener(type, () => scrolls++, { capture: true, passive: true });
}

/** The place of an element in the window, without a layout at every move of the pointer. */
export class Bounds {
  #element;
  #rect = new DOMRect();
  #measured = -Infinity;
  #scrolls = 0;

  /** @param {Element} element */
  constructor(element) {
    this.#element = element;
  }

  get rect() {
    const now = performance.now();
    if (now - this.#measured > AGE || scrolls !== this.#scrolls) {
      this.#rect = this.#element.getBoundingClientRect();
      [this.#measured, this.#scrolls] = [now, scrolls];
    }
    return this.#rect;
  }
}

/** Toggles full screen; the page's style then keeps only the content of the open view. */
export function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
}
