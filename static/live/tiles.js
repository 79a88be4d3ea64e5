/** Decodes many latents for a picture of tiles, without holding up the page. */

import { Network } from "./decoder.js";
import { LIGHT, Runner } from "./runner.js";

/** Time for tiles in one frame while nothing moves that would have to keep up, milliseconds. */
export const AT_REST = 25;

/**
 * A light network decodes a few tiles in each frame on the page's own thread; a heavy one
 * decodes one after the other in a worker. A new start goes on from the tile where the one
 * before it was, so that every tile gets its turn even if each frame brings a change.
 */
export class TileDecoder {
  #network;
  #runner = null;
  #frame = 0;
  #tile = 0;
  #count = 0;
  #remaining = 0;
  /** @type {(tile: number) => Float32Array} */
  #latentOf;
  /** @type {(image: Float32Array, tile: number) => void} */
  #paint;
  #isInFlight = false;
  #isStale = false;
  #isUseless = false;
  #budget = AT_REST;

  constructor(/** @type {{program: string, weights: Uint8Array}} */ { program, weights }) {
    this.#network = new Network(program, weights);
    if (this.#network.multiplyAdds > LIGHT) {
      this.#runner = new Runner(program, weights, (image) => this.#deliver(image));
    }
  }

  /**
   * @param {number} count of tiles
   * @param {(tile: number) => Float32Array} latentOf a tile, valid until it is called again
   * @param {(image: Float32Array, tile: number) => void} paint a tile
   * @param {number} budget time for tiles in one frame, milliseconds
   */
  start(count, latentOf, paint, budget) {
    cancelAnimationFrame(this.#frame);
    this.#isStale = this.#isInFlight;
    this.#isUseless ||= this.#isInFlight && count !== this.#count; // for another picture
    this.#tile %= count || 1;
    this.#count = this.#remaining = count;
    this.#latentOf = latentOf;
    this.#paint = paint;
    this.#budget = budget;
    if (!this.#runner) this.#frame = requestAnimationFrame(() => this.#decodeSome());
    else if (!this.#isInFlight) this.#requestNext();
  }

  /** Leaves more of each frame to what moves now. @param {number} budget milliseconds */
  slowDown(budget) {
    this.#budget = Math.min(this.#budget, budget);
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#runner?.close();
  }

  #decodeSome() {
    const end = performance.now() + this.#budget;
    while (this.#remaining && performance.now() < end) {
      this.#finish(this.#network.run(this.#latentOf(this.#tile)));
    }
    if (this.#remaining) this.#frame = requestAnimationFrame(() => this.#decodeSome());
  }

  #requestNext() {
    this.#isInFlight = this.#remaining > 0;
    if (this.#isInFlight) this.#runner.request(this.#latentOf(this.#tile));
  }

  #deliver(image) {
    if (!this.#isUseless) this.#finish(image);
    if (this.#isStale) this.#remaining = this.#count; // it was shown, but is to be decoded again
    this.#isStale = this.#isUseless = false;
    this.#requestNext();
  }

  #finish(image) {
    this.#paint(image, this.#tile);
    this.#tile = (this.#tile + 1) % this.#count;
    this.#remaining--;
  }
}
