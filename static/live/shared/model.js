/**
 * A model as it was handed over: its name, networks, latents and density; and the latent that is
 * being looked at.
 *
 * A pointer on the map moves the lens, the sliders and the grid without involving the host.
 */

import { halves } from "../network/file.js";

/**
 * @typedef {{low: number | null, high: number | null, floor: number | null,
 *   ceiling: number | null, below: string, above: string}} Limit
 * @typedef {{
 *   content: string, name: string, testSet: string, latentDim: number, imageShape: number[], classes: string[],
 *   likelihood: string, isConditional: boolean, hasDecoder: boolean, hasReconstructions: boolean, spriteColumns: number,
 *   trust: {hole: number, words: Record<string, string>, shares: string[], limits: Limit[],
 *     isOfOthers: boolean},
 *   maps: Partial<Record<import("./maps.js").Kind, string>>,
 *   columns: {name: string, title: string, unit: string}[],
 *   principal: {origin: number[], directions: number[][], labels: [string, string]} | null,
 *   mainDimensions: number[], emptyDistance: number | null,
 *   placing: {neighbours: number, reach: number}, path: {thin: number, judged: number},
 *   coordinates: {limit: number, rounded: number},
 *   refining: import("./refine.js").Refining,
 *   halves: string[], sections: Record<string, {at: number, bytes: number}>,
 * }} Header
 * @typedef {{name: string, unit: number[]}} Direction a vector of length 1
 */

export class Model {
  /**
   * The header's fields; `content` is the hash that identifies the model, `testSet` the hash of its
   * test images.
   *
   * @type {Header}
   */
  header;
  /** Latent means of the test images, one after the other. */
  zMean;
  /** Class of each test image. */
  labels;
  /** Why the decoder cannot be run here; null if it can. @type {string | null} */
  problem = null;
  /** What else cannot run here, or is run by the server; null if nothing. @type {string | null} */
  warning = null;
  /** Milliseconds of a decode in the worker. */
  decodeTime = Infinity;
  /** The decoder on the page's own thread, where that is quick. @type {Decoder | null} */
  decoderHere = null;
  /**
   * The test images side by side, then their stored reconstructions; null if the server has none,
   * undefined until it has answered.
   * @type {ImageBitmap | null | undefined}
   */
  sprite = undefined;
  /** Whether the sprite has the original test images; else the host may have each original. */
  isExact = true;
  /** Directions that the user made, as axes of maps; the host fills them in. @type {Direction[]} */
  directions = [];
  /** Latents that maps join by a line where the host gives no path. @type {number[][]} */
  #way = [];
  /** @type {Set<() => void>} */
  #onWay = new Set();
  /** @type {Set<() => void>} */
  #onSprite = new Set();
  /** @type {Set<Listener>} */
  #onLook = new Set();
  #body;
  /** @type {Int32Array | null} */
  #tiles;
  /** Number of test images in the sprite. */
  #pictured;

  /**
   * @param {Uint8Array} payload from `explorer/web/payload.py`: length of the header, CRC-32 of
   *   everything that follows, header, sections
   * @throws {Error} with a sentence, if it was cut short
   */
  constructor(payload) {
    this.payload = payload;
    try {
      const { buffer, byteOffset } = payload;
      const end = 8 + new DataView(buffer, byteOffset).getUint32(0, true);
      this.header = JSON.parse(new TextDecoder().decode(payload.subarray(8, end)));
      this.#body = payload.subarray(end);
      const sizes = Object.values(this.header.sections).map(({ bytes }) => bytes);
      if (this.#body.length !== sizes.reduce((sum, size) => sum + size)) throw new RangeError();
      this.zMean = this.floats("zMean");
      this.labels = new Uint16Array(this.section("labels").slice().buffer);
      const { tiles } = this.header.sections;
      this.#tiles = tiles ? new Int32Array(this.section("tiles").slice().buffer) : null;
      this.#pictured = (this.#tiles?.filter((tile) => tile >= 0) ?? this.labels).length;
    } catch {
      throw damage("it was cut short"); // or changed so that it cannot be read
    }
  }

  get content() {
    return this.header.content;
  }

  /** Whether latents can be decoded, here or by the server. */
  get canDecode() {
    return this.header.hasDecoder && this.problem === null;
  }

  /** @throws {Error} with a sentence, if a bit has changed on the way */
  verify() {
    const { buffer, byteOffset } = this.payload;
    const expected = new DataView(buffer, byteOffset).getUint32(4, true);
    if (crc32(this.payload.subarray(8)) !== expected) throw damage("wrong checksum");
  }

  /** @param {string} name */
  section(name) {
    const { at, bytes } = this.header.sections[name];
    return this.#body.subarray(at, at + bytes);
  }

  /** @param {string} name */
  floats(name) {
    const { buffer } = this.section(name).slice(); // a copy, which is aligned
    return this.header.halves.includes(name)
      ? halves(new Uint16Array(buffer))
      : new Float32Array(buffer);
  }

  /** Latent mean of a test image. @param {number} row */
  meanOf(row) {
    const { latentDim } = this.header;
    return this.zMean.subarray(row * latentDim, (row + 1) * latentDim);
  }

  /** Latent means of test images, one after the other. @param {ArrayLike<number>} rows */
  meansOf(rows) {
    const { latentDim } = this.header;
    const means = new Float32Array(rows.length * latentDim);
    for (let i = 0; i < rows.length; i++) means.set(this.meanOf(rows[i]), i * latentDim);
    return means;
  }

  /**
   * Whether two latents are the same, up to the host's rounding.
   *
   * @param {ArrayLike<number>} z @param {ArrayLike<number>} other
   */
  isSame(z, other) {
    const { rounded } = this.header.coordinates;
    return Array.from(z).every((value, i) => Math.abs(value - other[i]) < rounded);
  }

  /** Tile of a test image in the sprite, −1 if it is not there. @param {number} row */
  tileOf(row) {
    if (!this.sprite) return -1;
    return this.#tiles ? this.#tiles[row] : row;
  }

  /** Tile of a stored reconstruction in the sprite, after the images. @param {number} row */
  reconstructionTileOf(row) {
    return this.#pictured + row;
  }

  /**
   * Draws a tile of the sprite, which must be there.
   *
   * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
   * @param {number} tile
   * @param {[number, number, number, number]} place left, top, width and height
   */
  drawTile(context, tile, place) {
    const { spriteColumns, imageShape } = this.header;
    const [height, width] = imageShape;
    const [column, line] = [tile % spriteColumns, Math.floor(tile / spriteColumns)];
    const sprite = /** @type {ImageBitmap} */ (this.sprite);
    context.drawImage(sprite, column * width, line * height, width, height, ...place);
  }

  /** Name of a test image's class. @param {number} row */
  classOf(row) {
    return this.header.classes[this.labels[row]];
  }

  /** @param {ImageBitmap | null} sprite */
  setSprite(sprite) {
    this.sprite = sprite;
    for (const use of this.#onSprite) use();
  }

  /** Calls back when `sprite` is known; returns a function that ends it. @param {() => void} use */
  whenSprite(use) {
    this.#onSprite.add(use);
    return () => this.#onSprite.delete(use);
  }

  /**
   * Sets the latent that is looked at; null means the host's point.
   *
   * @param {Float32Array | null} z
   * @param {unknown} source the part that looks at it
   * @param {number | null} [row] the test image whose own latent it is
   */
  look(z, source, row = null) {
    for (const listener of this.#onLook) listener(z, source, row);
  }

  get way() {
    return this.#way;
  }

  set way(latents) {
    this.#way = latents;
    for (const use of this.#onWay) use();
  }

  /** Calls back whenever `way` changes; returns a function that ends it. @param {() => void} use */
  onWay(use) {
    this.#onWay.add(use);
    return () => this.#onWay.delete(use);
  }

  /**
   * Calls back whenever another latent is looked at; returns a function that ends it.
   *
   * @param {Listener} listener
   */
  onLook(listener) {
    this.#onLook.add(listener);
    return () => this.#onLook.delete(listener);
  }
}

/** @param {string} what */
function damage(what) {
  return new Error(`The model did not arrive whole (${what}); reload the page.`);
}

/**
 * CRC-32 as in zip and PNG; `crypto.subtle` exists on secure origins only.
 *
 * @param {Uint8Array} bytes
 */
export function crc32(bytes) {
  const table = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}

/**
 * @typedef {import("./codec.js").Decoder} Decoder
 * @typedef {(z: Float32Array | null, source: unknown, row: number | null) => void} Listener
 */
