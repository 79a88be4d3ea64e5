/** Decodes the latent that is looked at, on the thread that shows its picture soonest. */

import { Decoder } from "./codec.js";
import { URGENCY } from "./engine.js";
import { toPixels } from "./paint.js";

/** Milliseconds for which a decode may block the page's own thread. */
const QUICK = 1;
/** Milliseconds without a move after which the page's decoder is built. */
const REST = 300;
/** Number of decodes that are timed. */
const SAMPLE = 16;

/**
 * Runs a quick decoder on the page's thread, just before the page is drawn; any other, or one that
 * proves slow there, in the worker. Either way the latest latent wins.
 */
export class Focus {
  #model;
  #engine;
  #line;
  #use;
  #z;
  /** @type {number | undefined} */
  #label;
  #pixels;
  #frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #runs = 0;
  #time = 0;
  /** Counts the pictures of the page's thread, each of which makes the worker's out of date. */
  #turn = 0;

  /**
   * @param {import("./engine.js").Engine} engine @param {import("./model.js").Model} model
   * @param {(pixels: Uint8ClampedArray, z: Float32Array) => void} use gets arrays that are
   *   valid until it returns
   */
  constructor(engine, model, use) {
    const { imageShape, latentDim } = model.header;
    this.#model = model;
    this.#engine = engine;
    this.#line = engine.line(URGENCY.picture);
    this.#use = use;
    this.#z = new Float32Array(latentDim);
    this.#pixels = new Uint8ClampedArray(4 * imageShape[0] * imageShape[1]);
  }

  /** @param {ArrayLike<number>} z @param {number} [label] its own, where it has one */
  show(z, label) {
    const model = this.#model;
    this.#label = label ?? this.#engine.labels.get(model.content);
    this.#z.set(z);
    clearTimeout(this.#timer);
    if (model.decoderHere) this.#frame ||= requestAnimationFrame(() => this.#runHere());
    else {
      this.#ask();
      const prepare = () => (model.decoderHere = new Decoder(model));
      if (model.decodeTime < QUICK) this.#timer = setTimeout(prepare, REST);
    }
  }

  close() {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#line.close();
  }

  #ask() {
    const [z, turn] = [this.#z.slice(), this.#turn];
    const { content } = this.#model;
    const request = /** @type {const} */ ({ kind: "picture", content, z, label: this.#label });
    this.#line.ask(request, ({ pixels }) => turn === this.#turn && this.#use(pixels, z));
  }

  #runHere() {
    this.#frame = 0;
    const decoder = this.#model.decoderHere;
    if (!decoder) return this.#ask();
    const started = performance.now();
    toPixels(decoder.run(this.#z, this.#label), this.#pixels);
    this.#time += performance.now() - started;
    this.#runs += 1;
    this.#turn += 1;
    if (this.#runs === SAMPLE) {
      if (this.#time > SAMPLE * QUICK) {
        this.#model.decoderHere = null;
        this.#model.decodeTime = Infinity; // it stays in the worker
      }
      this.#runs = this.#time = 0;
    }
    this.#use(this.#pixels, this.#z);
  }
}
