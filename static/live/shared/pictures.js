/** Pictures of test images by row: the originals or, where the page has none, reconstructions. */

import { URGENCY } from "./engine.js";
import { tilesOf } from "./paint.js";

/** Images requested at a time. */
const AT_ONCE = 24;
/** Number of decoded pictures kept, the last ones drawn: more than a sheet of a group has. */
const MOST = 5000;

export class Pictures {
  #model;
  #line;
  #onArrived;
  /** Decoded pictures by row. @type {Map<number, OffscreenCanvas>} */
  #decoded = new Map();
  /** @type {Set<number>} */
  #wanted = new Set();
  #isAsked = false;
  /** @type {{rows: number[], use: () => void}[]} */
  #waiting = [];
  /** @type {OffscreenCanvasRenderingContext2D | null} */
  #sheet = null;
  #end;

  /**
   * @param {import("./engine.js").Engine} engine @param {import("./model.js").Model} model
   * @param {() => void} onArrived is called when more pictures can be drawn than before
   */
  constructor(engine, model, onArrived) {
    this.#model = model;
    this.#line = engine.line(URGENCY.tiles);
    this.#onArrived = onArrived;
    this.#end = model.whenSprite(() => this.#tell());
  }

  /**
   * Draws a picture centred in a rectangle, as large as fits, if it is there; else asks for it.
   *
   * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
   * @param {number} row @param {number} x @param {number} y @param {number} width
   * @param {number} height
   * @returns {[number, number, number, number] | null} where it is: left, top, width and height
   */
  draw(context, row, x, y, width, height) {
    const [h, w] = this.#model.header.imageShape;
    const times = Math.min(width / w, height / h);
    const [left, top] = [x + (width - times * w) / 2, y + (height - times * h) / 2];
    /** @type {[number, number, number, number]} */
    const place = [left, top, times * w, times * h];
    const decoded = this.#use(row);
    const tile = this.#model.tileOf(row);
    if (tile >= 0) this.#model.drawTile(context, tile, place);
    else if (decoded) context.drawImage(decoded, ...place);
    else if (this.#want(row)) this.#ask();
    return tile >= 0 || decoded ? place : null;
  }

  /**
   * Calls back once these pictures can be drawn, or never can.
   *
   * @param {Iterable<number>} rows @param {() => void} use
   */
  whenThere(rows, use) {
    this.#waiting.push({ rows: [...rows], use });
    this.#useThere();
  }

  /** Pixels of an original, which must be there. @param {number} row */
  pixelsOf(row) {
    const [height, width] = this.#model.header.imageShape;
    this.#sheet ??= new OffscreenCanvas(width, height).getContext("2d", {
      willReadFrequently: true,
    });
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (this.#sheet);
    this.draw(context, row, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }

  close() {
    this.#line.close();
    this.#end();
  }

  /** The decoded picture of a row, now marked as used last. @param {number} row */
  #use(row) {
    const decoded = this.#decoded.get(row);
    if (decoded && this.#decoded.delete(row)) this.#decoded.set(row, decoded);
    return decoded;
  }

  /** Whether a picture is still to come; it is then among the next requests. @param {number} row */
  #want(row) {
    const { sprite, canDecode } = this.#model;
    if (this.#model.tileOf(row) >= 0 || this.#decoded.has(row)) return false;
    if (sprite === undefined) return true; // it may come with the sprite
    if (canDecode) this.#wanted.add(row);
    return canDecode;
  }

  #tell() {
    this.#onArrived();
    this.#useThere();
  }

  #useThere() {
    this.#waiting = this.#waiting.filter(({ rows, use }) => {
      const isWaiting = rows.filter((row) => this.#want(row)).length > 0;
      if (!isWaiting) use();
      return isWaiting;
    });
    this.#ask();
  }

  #ask() {
    if (this.#isAsked || !this.#wanted.size) return;
    this.#isAsked = true;
    const { content, header } = this.#model;
    const [height, width] = header.imageShape;
    const rows = [...this.#wanted].slice(-AT_ONCE); // the latest first
    const latents = this.#model.meansOf(rows);
    const labels = rows.map((row) => this.#model.labels[row]);
    const request = /** @type {const} */ ({ kind: "tiles", content, latents, labels });
    this.#line.ask(request, ({ pixels }) => {
      const tiles = tilesOf(pixels, rows.length);
      rows.forEach((row, i) => {
        const tile = new OffscreenCanvas(width, height);
        const data = new ImageData(Uint8ClampedArray.from(tiles[i]), width, height);
        tile.getContext("2d")?.putImageData(data, 0, 0);
        this.#decoded.set(row, tile);
        this.#wanted.delete(row);
      });
      for (const row of this.#decoded.keys()) {
        if (this.#decoded.size <= MOST) break;
        this.#decoded.delete(row);
      }
      this.#isAsked = false;
      this.#tell();
    });
  }
}
