/**
 * Answers the parts' requests about models, in the worker or on the page's own thread.
 *
 * @typedef {{content: string, label?: number, line?: number, job?: number}} Asked `label` is the
 *   class that a conditional model decodes; `job` is a new number for each request of a line, and
 *   the same number when that request is continued
 * @typedef {Asked & {kind: "open", payload: Uint8Array}} Open
 * @typedef {Asked & {kind: "forget"}} Forget
 * @typedef {Asked & {kind: "drop"}} Drop cancels what was asked on its line
 * @typedef {Asked & {kind: "picture", z: Float32Array}} Picture
 * @typedef {Asked & {kind: "reading", z: Float32Array, shownRow: number}} Reading
 * @typedef {Asked & {kind: "tiles", latents: Float32Array, labels?: (number | undefined)[], shares?: boolean,
 *   pictures?: boolean}} Tiles `labels` are for latents that have a class of their own
 * @typedef {Asked & {kind: "drawing", image: Float32Array, neighbours: number}} Drawing
 * @typedef {Asked & {kind: "refine", image: Float32Array}} Refine
 * @typedef {Asked & {kind: "path", latents: Float32Array}} Path
 * @typedef {{problem: string | null, warning: string | null, decodeTime: number}} Summary
 *   of a model: why it cannot decode, what else does not run here, milliseconds of a decode
 * @typedef {Open | Forget | Drop | Picture | Reading | Tiles | Drawing | Refine | Path} Request
 * @typedef {{line: number, job: number, content: string, steps: Steps<any>}} Work
 */

/**
 * Work in steps: it yields between two of them, or a promise of the image that the next one needs.
 *
 * @template T
 * @typedef {Generator<Promise<Float32Array | null> | void, T, any>} Steps
 */

import { Decoder, Encoder, RemoteDecoder } from "./codec.js";
import { LIKELIHOODS } from "./likelihoods.js";
import { Model } from "./model.js";
import { toPixels } from "./paint.js";
import { refine } from "./refine.js";
import { nearestLatents, Space } from "./space.js";

/** Number of decodes that are timed; the first ones are slower. */
const TRIES = 8;
/** Milliseconds: a decode that takes longer allows less than 20 pictures a second. */
const SLOW = 50;
/** Milliseconds of a slice of long work: the longest that an urgent request waits for it. */
const SLICE = 6;
const UNREFINED =
  "Refining needs both networks in this browser, and an encoder that gives variances.";

export class Answers {
  /** @type {Map<string, Opened>} */
  #models = new Map();

  /** Unfinished work, by its line. @type {Map<number, Work>} */
  #begun = new Map();

  /**
   * @param {Request} request
   * @returns {any} what `Opened` or `#open` gives, or `{goesOn: true}`: ask again for the rest; a
   *   promise of this where the server decodes
   */
  answer(request) {
    const { kind, content, line = 0, job = 0 } = request;
    if (kind === "forget") return this.#forget(content);
    const begun = this.#begun.get(line);
    this.#begun.delete(line);
    if (kind === "drop") return null;
    if (begun?.job === job) return this.#goOn(begun);
    const model = this.#models.get(content); // undefined if it was forgotten meanwhile
    const steps =
      kind === "open" ? this.#open(request) : model?.[kind](/** @type {any} */ (request));
    return steps ? this.#goOn({ line, job, content, steps }) : null;
  }

  /**
   * Does a slice of the work; while it waits for an image, the thread answers other requests.
   *
   * @param {Work} work @param {number} until when the slice ends
   * @param {Float32Array | null} [image] that the work waited for
   * @returns {any}
   */
  #goOn(work, until = performance.now() + SLICE, image = null) {
    do {
      const { done, value } = work.steps.next(image);
      if (done) return value;
      if (value) return value.then((image) => this.#goOn(work, until, image));
    } while (performance.now() < until);
    this.#begun.set(work.line, work);
    return { goesOn: true };
  }

  /** @param {string} content */
  #forget(content) {
    for (const [line, work] of this.#begun) {
      if (work.content === content) this.#begun.delete(line);
    }
    return this.#models.delete(content);
  }

  /** Builds a model's networks. @param {Open} request @returns {Steps<Summary>} */
  *#open({ content, payload }) {
    const summary = { problem: null, warning: null, decodeTime: Infinity };
    try {
      const opened = new Opened(new Model(payload));
      this.#models.set(content, opened);
      const decodeTime = yield* opened.settle();
      return { ...summary, warning: opened.warning, decodeTime };
    } catch (error) {
      return { ...summary, problem: messageOf(error) };
    }
  }
}

/** A model whose networks are built. */
class Opened {
  #model;
  /** @type {Decoder | RemoteDecoder | null} */
  #decoder = null;
  #space;
  #grey;
  /** @type {Encoder | null} */
  #encoder = null;
  /**
   * The last decode, whose image is valid until the next one.
   *
   * @type {{z: Float32Array, label?: number, image: Float32Array} | null}
   */
  #last = null;
  /** The part of the model that cannot be run here, as a sentence. @type {string | null} */
  warning = null;

  /** @param {Model} model */
  constructor(model) {
    model.verify();
    this.#model = model;
    this.#space = new Space(model);
    this.#grey = new Float32Array(model.header.imageShape.reduce((a, b) => a * b)).fill(0.5);
    if (!model.header.hasDecoder) return;
    try {
      this.#decoder = build(() => new Decoder(model), "decoder.onnx");
    } catch (error) {
      if (!RemoteDecoder.isPossible) throw error;
      this.#decoder = new RemoteDecoder(model);
      this.warning = `Decoded by the server. ${messageOf(error)}`;
    }
    try {
      this.#encoder = build(() => new Encoder(model), "encoder.onnx");
    } catch (error) {
      this.warning ??= messageOf(error); // most things work without it
    }
  }

  /**
   * Lets the server decode if that is much faster; returns the milliseconds of a decode, or
   * infinity if the page's own thread cannot decode.
   *
   * @returns {Steps<number>}
   */
  *settle() {
    if (!(this.#decoder instanceof Decoder)) return Infinity;
    const here = yield* this.#time(this.#decoder);
    if (here < SLOW || !RemoteDecoder.isPossible) return here;
    const remote = new RemoteDecoder(this.#model);
    if ((yield* this.#time(remote)) >= here / 2) return here;
    this.#decoder = remote;
    this.warning ??= "Decoded by the server, which is faster than this browser.";
    return Infinity;
  }

  /**
   * Milliseconds that one decode takes.
   *
   * @param {Decoder | RemoteDecoder} decoder
   * @returns {Steps<number>}
   */
  *#time(decoder) {
    const origin = new Float32Array(this.#model.header.latentDim);
    let least = Infinity;
    for (let i = 0; i < TRIES; i++) {
      const started = performance.now();
      if (yield* run(decoder, origin)) least = Math.min(least, performance.now() - started);
    }
    return least;
  }

  /**
   * Decodes a latent. If the server does and nothing waits there, `pace` is how many milliseconds
   * it took: if the next request follows after as long, neither waits for the other.
   *
   * @param {Picture} request
   */
  *picture({ z, label }) {
    const pixels = yield* this.#pixels(z, label);
    return { pixels, pace: this.#decoder instanceof RemoteDecoder ? this.#decoder.time : Infinity };
  }

  /**
   * What is known about a place: the nearest test image and its reconstruction (if another image
   * is shown and there is a decoder), and how far to trust the place, by the density, the distance
   * ‖E(D(z)) − z‖ (null without encoder or decoder) and the distance to the nearest image.
   *
   * @param {Reading} request
   */
  *reading({ z, shownRow, label }) {
    const image = this.#encoder && (yield* this.#seen(z, label));
    const place = image && this.#encoder?.run(image, label);
    const back = place ? Math.hypot(...z.map((value, i) => value - place[i])) : null;
    const { row, distance } = this.#space.nearest(z);
    const isShown = row === shownRow || !this.#decoder;
    const { labels } = this.#model;
    const pixels = isShown ? null : yield* this.#pixels(this.#model.meanOf(row), labels[row]);
    const readings = [this.#space.logDensity(z), back, distance];
    const percentiles = readings.map((value, i) =>
      value === null ? null : this.#space.percentile(i, value),
    );
    const verdict = this.#space.verdict(readings);
    return { row, distance, back, percentiles, verdict, pixels };
  }

  /**
   * Encodes and decodes an image: its place, the reconstruction, both terms in nats (−log p(x|z) at
   * the place itself; each null where it is not known) and the nearest test images. Null where no
   * encoder or no decoder runs.
   *
   * @param {Drawing} request
   */
  *drawing({ image, neighbours, label }) {
    if (!this.#encoder || !this.#decoder) return null;
    const { centre: z, kl } = this.#encoder.posterior(image, label);
    const pixels = yield* this.#pixels(z, label);
    const logLikelihood = this.#decoder.logLikelihood(image);
    const rows = nearestLatents(this.#model.zMean, z, neighbours).map(({ row }) => row);
    return { z, pixels, reconstruction: logLikelihood && -logLikelihood, kl, rows };
  }

  /**
   * Searches for the q(z|x) with the least −ELBO for an image; gives the result with pictures.
   *
   * @param {Refine} request
   */
  *refine(request) {
    const { image, label } = request;
    const [encoder, decoder] = [this.#encoder, this.#decoder];
    if (!encoder || !(decoder instanceof Decoder)) return { problem: UNREFINED };
    const found = yield* refine(encoder, decoder, image, this.#model.header.refining, label);
    if (!found) return { problem: UNREFINED };
    const latents = Float32Array.from(found.flatMap(({ z }) => z));
    const { pixels } = yield* this.tiles({ ...request, kind: "tiles", latents });
    return { found, pixels };
  }

  /**
   * Decodes several latents one after the other; on request gives their density percentiles, with
   * the images or without.
   *
   * @param {Tiles} request
   */
  *tiles({ latents, label, labels, shares: wantsShares = false, pictures = true }) {
    const { latentDim, imageShape } = this.#model.header;
    let time = 0;
    const count = latents.length / latentDim;
    const size = 4 * imageShape[0] * imageShape[1];
    const pixels = new Uint8ClampedArray(pictures ? count * size : 0);
    const shares = new Float32Array(wantsShares ? count : 0);
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      const z = latents.subarray(i * latentDim, (i + 1) * latentDim);
      if (pictures) pixels.set(yield* this.#pixels(z, labels?.[i] ?? label), i * size);
      if (wantsShares) shares[i] = this.#space.densityShare(z);
      time += performance.now() - started;
      if (i < count - 1) yield;
    }
    return { pixels, shares, time };
  }

  /**
   * Measures a path: how much the picture has changed up to each point, as `lengths_along` in
   * `explorer/core/geodesics.py` measures it, the density percentiles, and the mean return distance
   * (null where it is not known).
   *
   * @param {Path} request
   */
  *path({ latents, label }) {
    const { latentDim, likelihood } = this.#model.header;
    const count = latents.length / latentDim;
    const { embed } = LIKELIHOODS[likelihood];
    const changes = new Float64Array(count);
    const shares = new Float32Array(count);
    let before = new Float32Array(0);
    let back = this.#encoder && this.#decoder ? 0 : null;
    for (let i = 0; i < count; i++) {
      const z = latents.subarray(i * latentDim, (i + 1) * latentDim);
      shares[i] = this.#space.densityShare(z);
      if (!this.#decoder) continue;
      const image = yield* this.#decode(z, label);
      const place = image && this.#encoder?.run(image, label);
      back = place && back !== null ? back + Math.hypot(...z.map((value, j) => value - place[j])) / count : null; // prettier-ignore
      const embedded = (image ?? this.#grey).map(embed);
      if (i) {
        const squared = embedded.reduce((sum, value, j) => sum + (value - before[j]) ** 2, 0);
        changes[i] = changes[i - 1] + Math.sqrt(squared);
      }
      before = embedded;
      if (i < count - 1) yield;
    }
    return { changes, shares, back };
  }

  /**
   * Pixels of a latent: 0 without a decoder, grey if the server does not answer.
   *
   * @param {Float32Array} z @param {number} [label]
   * @returns {Steps<Uint8ClampedArray>}
   */
  *#pixels(z, label) {
    const [height, width] = this.#model.header.imageShape;
    const pixels = new Uint8ClampedArray(4 * height * width);
    if (!this.#decoder) return pixels;
    return toPixels((yield* this.#decode(z, label)) ?? this.#grey, pixels);
  }

  /**
   * The image at a latent, valid until the next step; null without a decoder, or if the server does
   * not answer.
   *
   * @param {Float32Array} z @param {number} [label]
   * @returns {Steps<Float32Array | null>}
   */
  *#decode(z, label) {
    const image = this.#decoder && (yield* run(this.#decoder, z, label));
    this.#last = image && { z: z.slice(), label, image };
    return image;
  }

  /**
   * The same for the latent that is looked at; uses the last decode if that was the same latent.
   *
   * @param {Float32Array} z @param {number} [label]
   * @returns {Steps<Float32Array | null>}
   */
  *#seen(z, label) {
    const last = this.#last;
    const isLast = last?.label === label && last?.z.every((value, i) => value === z[i]);
    return last && isLast ? last.image : yield* this.#decode(z, label);
  }
}

/**
 * @param {Decoder | RemoteDecoder} decoder @param {Float32Array} z @param {number} [label]
 * @returns {Steps<Float32Array | null>}
 */
function* run(decoder, z, label) {
  const image = decoder.run(z, label);
  return image instanceof Promise ? yield image : image;
}

/**
 * @template T
 * @param {() => T} make
 * @param {string} what the file's name
 * @returns {T}
 */
function build(make, what) {
  try {
    return make();
  } catch (cause) {
    // Any kind of error: a foreign file may also ask for more memory than a browser gives
    throw new Error(`${what}: ${messageOf(cause)}`, { cause });
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
