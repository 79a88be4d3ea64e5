/**
 * Draws the dots: with WebGL2 where it runs on a graphics processor, else pixel by pixel. When a
 * WebGL context is lost, another replaces it.
 *
 * @typedef {import("./view.js").View} View
 * @typedef {Uint8Array} Bytes
 * @typedef {Float32Array} Floats
 * @typedef {{
 *   setPlaces: (places: Floats, symbols: Bytes) => void,
 *   setColours: (colours: Bytes) => void,
 *   draw: (view: View, size: number, ratio: number, isMoving: boolean) => void,
 * }} Drawer `places`: x and y of each dot in turn; `symbols`: index of its symbol; `colours`: red,
 *   green, blue and alpha; `size`: diameter of a dot in CSS pixels; `ratio`: canvas pixels for a
 *   CSS pixel; `isMoving`: whether an earlier picture may be moved for now
 */

import { GlDrawer } from "./gl_drawer.js";
import { PixelDrawer } from "./pixel_drawer.js";

/** Number of lost contexts after which dots are drawn pixel by pixel. */
const PATIENCE = 3;

export class Dots {
  #box;
  #onRestored;
  #lost = 0;
  /** @type {Drawer} */
  #drawer;
  #places = /** @type {Floats} */ (new Float32Array(0));
  #symbols = /** @type {Bytes} */ (new Uint8Array(0));
  #colours = /** @type {Bytes} */ (new Uint8Array(0));
  canvas;
  #onLost = () => this.#replace();

  /**
   * @param {HTMLElement} box gets the canvas
   * @param {() => void} [onRestored] is called when everything has to be drawn again
   */
  constructor(box, onRestored = () => {}) {
    this.#box = box;
    this.#onRestored = onRestored;
    this.canvas = document.createElement("canvas");
    this.#drawer = this.#start();
  }

  /** @param {Floats} places @param {Bytes} symbols */
  setPlaces(places, symbols) {
    [this.#places, this.#symbols] = [places, symbols];
    this.#drawer.setPlaces(places, symbols);
  }

  /** @param {Bytes} colours */
  setColours(colours) {
    this.#colours = colours;
    this.#drawer.setColours(colours);
  }

  /** @param {View} view @param {number} size @param {number} ratio @param {boolean} [isMoving] */
  draw(view, size, ratio, isMoving = false) {
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
    this.#drawer.draw(view, size, ratio, isMoving);
  }

  /** Frees memory at once: browsers have little of it for WebGL. */
  close() {
    this.canvas.removeEventListener("webglcontextlost", this.#onLost); // else another replaces it
    this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  #start() {
    const { canvas } = this;
    canvas.className = "dots";
    this.#box.append(canvas);
    const isUsable = this.#lost < PATIENCE && hasProcessor();
    const gl = isUsable ? canvas.getContext("webgl2", { antialias: false, depth: false }) : null;
    if (!gl) return new PixelDrawer(canvas);
    canvas.addEventListener("webglcontextlost", this.#onLost, { once: true });
    return new GlDrawer(gl);
  }

  #replace() {
    this.#lost += 1;
    this.canvas.remove();
    this.canvas = document.createElement("canvas");
    this.#drawer = this.#start();
    this.setPlaces(this.#places, this.#symbols);
    this.setColours(this.#colours);
    this.#onRestored();
  }
}

/** @type {boolean | undefined} */
let isProcessor;

/** Whether WebGL runs on a graphics processor: in software it is slower than plain code. */
function hasProcessor() {
  if (isProcessor === undefined) {
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
    const told = gl?.getExtension("WEBGL_debug_renderer_info");
    const name = told ? gl?.getParameter(told.UNMASKED_RENDERER_WEBGL) : "";
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
    isProcessor = gl !== null && !/swiftshader|llvmpipe|softpipe|basic render/i.test(name);
  }
  return isProcessor;
}
