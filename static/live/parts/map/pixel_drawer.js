/**
 * Draws the dots pixel by pixel.
 *
 * @typedef {import("./dots.js").Drawer} Drawer
 * @typedef {import("./view.js").View} View
 * @typedef {import("./dots.js").Bytes} Bytes
 * @typedef {import("./dots.js").Floats} Floats
 */

import { contextOf } from "../../shared/elements.js";
import { SYMBOLS } from "./symbols.js";
import { isInside } from "./view.js";

/** Margin that is also drawn beyond each edge if pixel by pixel, as a share of the window. */
const MARGIN = 0.25;
/** Factor of zooming up to which a picture is sharp enough while the map moves. */
const STRETCH = 1.4;
/** Samples along each side of a pixel to find how much of it a dot covers. */
const SAMPLES = 4;

/**
 * Fills pixels, later dots over earlier ones. While the map moves, the last picture moves with it,
 * as long as it fills the window.
 *
 * @implements {Drawer}
 */
export class PixelDrawer {
  #context;
  #picture = new OffscreenCanvas(1, 1);
  /** What the picture shows: its left and top, pixels for a step of 1, and a key of its inputs. */
  #drawn = { left: 0, top: 0, scale: 1, key: "" };
  #places = /** @type {Floats} */ (new Float32Array(0));
  #symbols = /** @type {Bytes} */ (new Uint8Array(0));
  #colours = /** @type {Bytes} */ (new Uint8Array(0));

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#context = contextOf(canvas);
  }

  /** @param {Floats} places @param {Bytes} symbols */
  setPlaces(places, symbols) {
    [this.#places, this.#symbols] = [places, symbols];
  }

  /** @param {Bytes} colours */
  setColours(colours) {
    this.#colours = colours;
    this.#drawn.key = "";
  }

  /** @param {View} view @param {number} size @param {number} ratio @param {boolean} isMoving */
  draw(view, size, ratio, isMoving) {
    const { width, height } = this.#context.canvas;
    const key = [...Object.values(view.shown), width, height, size].join();
    const isEnough = () => {
      if (!isMoving || !this.#drawn.key) return key === this.#drawn.key;
      const [x, y, wide, high] = this.#frame(view, ratio);
      const stretch = wide / this.#picture.width;
      const isSharp = stretch < STRETCH && stretch > 1 / STRETCH;
      return isSharp && x <= 0 && y <= 0 && x + wide >= width && y + high >= height;
    };
    if (!isEnough()) {
      this.#draw(view, size, ratio);
      this.#drawn.key = key;
    }
    this.#context.clearRect(0, 0, width, height);
    this.#context.imageSmoothingEnabled = false;
    this.#context.drawImage(this.#picture, ...this.#frame(view, ratio));
  }

  /**
   * Where the picture lies on the canvas.
   *
   * @param {View} view @param {number} ratio
   * @returns {[number, number, number, number]}
   */
  #frame(view, ratio) {
    const { left, top, scale } = this.#drawn;
    const stretch = (view.shown.scale * ratio) / scale;
    const [x, y] = view.pixelOf(left, top).map((pixel) => Math.round(pixel * ratio));
    return [x, y, this.#picture.width * stretch, this.#picture.height * stretch];
  }

  /** @param {View} view @param {number} size @param {number} ratio */
  #draw(view, size, ratio) {
    const { canvas } = this.#context;
    const [beside, above] = [canvas.width, canvas.height].map((side) => Math.round(MARGIN * side));
    const [width, height] = [canvas.width + 2 * beside, canvas.height + 2 * above];
    const [left, top] = view.placeAt(-beside / ratio, -above / ratio);
    const scale = view.shown.scale * ratio;
    this.#drawn = { left, top, scale, key: "" };
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = new Uint32Array(this.#colours.buffer);
    /** @type {ReturnType<typeof stampOf>[]} */
    const stamps = []; // by symbol
    const edge = Math.ceil(size * ratio);
    for (let row = 0; row < colours.length; row++) {
      const x = Math.round((this.#places[2 * row] - left) * scale);
      const y = Math.round((top - this.#places[2 * row + 1]) * scale);
      const colour = colours[row];
      const alpha = (256 * (colour >>> 24)) / 255;
      if (!alpha || x < edge || y < edge || x >= width - edge || y >= height - edge) continue;
      const symbol = this.#symbols[row];
      const { offsets, shares } = (stamps[symbol] ??= stampOf(symbol, size * ratio, width));
      for (let i = 0; i < offsets.length; i++) {
        const at = y * width + x + offsets[i];
        pixels[at] = blend(pixels[at], colour, Math.round(alpha * shares[i]));
      }
    }
    [this.#picture.width, this.#picture.height] = [width, height];
    this.#picture.getContext("2d")?.putImageData(image, 0, 0);
  }
}

/**
 * The pixels around its centre that a dot covers, and the covered share of each.
 *
 * @param {number} symbol
 * @param {number} size diameter in pixels
 * @param {number} width of the picture
 */
function stampOf(symbol, size, width) {
  const { corners } = SYMBOLS[symbol];
  const half = (corners.length ? 1.2 : 1) * (size / 2);
  const outline = corners.flat().map((value) => value * half);
  const covers = (/** @type {number} */ x, /** @type {number} */ y) =>
    corners.length ? isInside(outline, x, y) : Math.hypot(x, y) < 0.85 * half;
  const within = Array.from({ length: SAMPLES }, (_, i) => (i + 0.5) / SAMPLES - 0.5);
  const reach = Math.ceil(half);
  const stamp = { offsets: /** @type {number[]} */ ([]), shares: /** @type {number[]} */ ([]) };
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const hits = within.flatMap((dy) => within.filter((dx) => covers(x + dx, y + dy))).length;
      if (!hits) continue;
      stamp.offsets.push(y * width + x);
      stamp.shares.push(hits / SAMPLES ** 2);
    }
  }
  return stamp;
}

/**
 * Blends one colour over another, each 0xAABBGGRR.
 *
 * @param {number} under
 * @param {number} colour its own alpha is ignored
 * @param {number} alpha 0 to 256
 */
function blend(under, colour, alpha) {
  if (!under) return (colour & 0xffffff) | (Math.min(alpha, 255) << 24);
  const rest = 256 - alpha;
  const ends = ((under & 0xff00ff) * rest + (colour & 0xff00ff) * alpha) >>> 8; // red and blue
  const green = ((under & 0xff00) * rest + (colour & 0xff00) * alpha) >>> 8;
  const opacity = 255 - (((255 - (under >>> 24)) * rest) >> 8);
  return (opacity << 24) | (ends & 0xff00ff) | (green & 0xff00);
}
