/** Decodes many latents for a picture of tiles, a few at a time, after more urgent requests. */

import { URGENCY } from "./engine.js";
import { tilesOf } from "./paint.js";

/** Milliseconds that a slice of tiles takes in the worker, for which an urgent request may wait. */
const SLICE = 4;
/** Pause between slices of a picture that changes before it is finished, milliseconds. */
const PACE = 12;

/**
 * A new start continues at the tile that the previous one had reached, so that every tile gets its
 * turn even if each frame brings a change.
 *
 * @typedef {(tile: number, z: Float32Array) => void} LatentOf writes a tile's latent
 * @typedef {(pixels: Uint8ClampedArray, tile: number, share: number) => void} Paint
 */
export class TileDecoder {
  #model;
  #line;
  #tile = 0;
  #count = 0;
  #remaining = 0;
  #timePerTile = 1;
  #isAsked = false;
  #isChanging = false;
  #picture = 0;
  /** @type {LatentOf} */
  #latentOf = () => {};
  /** @type {Paint} */
  #paint = () => {};
  #wanted = { shares: false, pictures: true };
  /** What to call once all tiles are painted. @type {(() => void)[]} */
  #waiting = [];

  /** @param {import("./engine.js").Engine} engine @param {import("./model.js").Model} model */
  constructor(engine, model) {
    this.#model = model;
    this.#line = engine.line(URGENCY.tiles);
  }

  /**
   * @param {number} count of tiles; another count starts another picture
   * @param {LatentOf} latentOf
   * @param {Paint} paint gets a tile's pixels, if `pictures`, and its density percentile, if
   *   `shares`
   * @param {{shares?: boolean, pictures?: boolean}} [wanted]
   */
  start(count, latentOf, paint, { shares = false, pictures = true } = {}) {
    if (count !== this.#count) {
      this.#tile = 0;
      this.#picture += 1;
    }
    this.#isChanging = this.#remaining > 0;
    this.#count = this.#remaining = count;
    this.#latentOf = latentOf;
    this.#paint = paint;
    this.#wanted = { shares, pictures };
    if (!this.#isAsked) this.#askNext();
  }

  /** Ignores the tiles that are still to come. */
  clear() {
    const nothing = () => {};
    this.start(0, nothing, nothing);
  }

  /** Calls back once all tiles are painted, at once if they are. @param {() => void} use */
  whenDone(use) {
    this.#waiting.push(use);
    if (!this.#isAsked) this.#askNext();
  }

  close() {
    this.#line.close();
  }

  #askNext() {
    this.#isAsked = this.#remaining > 0 && !this.#model.problem;
    if (!this.#remaining) for (const use of this.#waiting.splice(0)) use();
    if (!this.#isAsked) return;
    const { latentDim } = this.#model.header;
    const { content } = this.#model;
    const first = this.#tile;
    const count = this.#count;
    const some = Math.min(Math.ceil(SLICE / this.#timePerTile), this.#remaining);
    const latents = new Float32Array(some * latentDim);
    for (let i = 0; i < some; i++) {
      const z = latents.subarray(i * latentDim, (i + 1) * latentDim);
      this.#latentOf((first + i) % count, z);
    }
    this.#tile = (first + some) % count;
    this.#remaining -= some;
    const picture = this.#picture;
    const request = /** @type {const} */ ({ kind: "tiles", content, latents, ...this.#wanted });
    this.#line.ask(request, ({ pixels, shares, time }) => {
      this.#timePerTile = Math.max(time / some, 0.01);
      for (const [i, tile] of tilesOf(pixels, some).entries()) {
        if (picture === this.#picture) this.#paint(tile, (first + i) % count, shares[i]);
      }
      if (this.#isChanging) setTimeout(() => this.#askNext(), PACE);
      else this.#askNext();
    });
  }
}
