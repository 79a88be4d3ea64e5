/** A model's decoder and encoder: from a latent to an image, and back. */

import { Network, NetworkError } from "../network/network.js";
import { LIKELIHOODS, LOG_2PI } from "./likelihoods.js";

/** @typedef {import("./model.js").Model} Model */

/**
 * The second input of a conditional network, a one-hot class; none for other models.
 *
 * @param {Model} model
 */
function conditionOf({ header: { isConditional, classes } }) {
  const condition = isConditional ? [new Float32Array(classes.length)] : [];
  return (label = 0) => {
    condition[0]?.fill(0).fill(1, label, label + 1);
    return condition;
  };
}

/** From a latent to the mean image, as `mean_image` in `explorer/core/likelihoods.py`. */
export class Decoder {
  #network;
  #condition;
  #likelihood;
  #channels;
  /** Offset from a value's first parameter to its second in a pixel; 0 if there is only one. */
  #further;
  #image;
  /** Output of the last run. @type {Float32Array} */
  #output = new Float32Array(0);

  /** @param {Model} model */
  constructor(model) {
    const { imageShape, latentDim, likelihood } = model.header;
    const size = imageShape[0] * imageShape[1] * imageShape[2];
    this.#network = open(model, "decoder");
    this.#condition = conditionOf(model);
    this.#likelihood = LIKELIHOODS[likelihood];
    this.#channels = imageShape[2];
    this.#further = (this.#likelihood.parameters - 1) * this.#channels;
    this.#image = new Float32Array(size);
    const further = this.#condition().map(({ length }) => length);
    demandSizes(this.#network.inputs, [latentDim, ...further], "decoder takes");
    demandSizes(this.#network.outputs, [this.#likelihood.parameters * size], "decoder gives");
  }

  /**
   * The image with values in [0, 1], valid until the next run.
   *
   * @param {Float32Array} z
   * @param {number} [label] for a conditional model
   */
  run(z, label) {
    const output = this.parameters(z, label);
    const image = this.#image;
    const { mean } = this.#likelihood;
    for (let i = 0; i < image.length; i++) {
      const at = this.#place(i);
      image[i] = mean(output[at], output[at + this.#further]);
    }
    return image;
  }

  /**
   * The likelihood's parameters, valid until the next run.
   *
   * @param {Float32Array} z @param {number} [label]
   */
  parameters(z, label) {
    [this.#output] = this.#network.run(z, ...this.#condition(label));
    return this.#output;
  }

  /**
   * log p(x|z) of an image at the latent of the last run, nats.
   *
   * @param {Float32Array} x with values in [0, 1]
   */
  logLikelihood(x) {
    const { log } = this.#likelihood;
    let sum = 0;
    for (let i = 0; i < x.length; i++) {
      const at = this.#place(i);
      sum += log(x[i], this.#output[at], this.#output[at + this.#further]);
    }
    return sum;
  }

  /**
   * Adds the derivatives of −log p(x|z) with respect to each number of the last output.
   *
   * @param {Float32Array} x @param {Float64Array} slope @param {Float64Array} curvature
   */
  addDerivatives(x, slope, curvature) {
    for (let i = 0; i < x.length; i++) {
      const at = this.#place(i);
      const found = this.#likelihood.derivatives(x[i], this.#output[at], this.#output[at + this.#further]); // prettier-ignore
      for (let j = 0; j < found.length; j += 2) {
        slope[at + (j / 2) * this.#further] += found[j];
        curvature[at + (j / 2) * this.#further] += found[j + 1];
      }
    }
  }

  /** Index of a value's first parameter in the output, where a pixel's channels stand together. */
  #place(/** @type {number} */ i) {
    return i + this.#further * Math.floor(i / this.#channels);
  }
}

/** The server's decoder, for a network that the browser cannot run or runs too slowly. */
export class RemoteDecoder {
  #address;
  #size;
  /** Milliseconds that the server took for the last image; infinite where it does not say. */
  time = Infinity;

  /** Whether this is the worker of a page that has a server; a page of one file has none. */
  static get isPossible() {
    return import.meta.url.startsWith("http") && typeof window === "undefined";
  }

  /** @param {Model} model */
  constructor({ content, header: { imageShape } }) {
    this.#address = new URL(`../decode/${content}`, import.meta.url);
    this.#size = imageShape[0] * imageShape[1] * imageShape[2];
  }

  /**
   * The image, as from `Decoder.run`; null if the server does not answer.
   *
   * @param {Float32Array} z @param {number} [label]
   */
  async run(z, label = 0) {
    this.time = Infinity;
    try {
      const url = `${this.#address}?class=${label}`;
      const response = await fetch(url, { method: "POST", body: z.slice() });
      const pixels = new Uint8Array(await response.arrayBuffer());
      if (!response.ok || pixels.length !== this.#size) return null;
      const timing = /dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "");
      this.time = Number(timing?.[1] ?? Infinity);
      return Float32Array.from(pixels, (value) => value / 255);
    } catch {
      return null; // the server is gone; Streamlit says so, and reconnects by itself
    }
  }

  /** Null: the server gives pixels only. */
  logLikelihood() {
    return null;
  }
}

/** From an image to its place: the mean of q(z|x), or where a flow maps zero noise. */
export class Encoder {
  #network;
  #hasFlow;
  #further;

  /** @param {Model} model */
  constructor(model) {
    const { imageShape, latentDim, isConditional } = model.header;
    const size = imageShape[0] * imageShape[1] * imageShape[2];
    this.#network = open(model, "encoder");
    const hasSecond = this.#network.inputs.length > 1;
    this.#hasFlow = hasSecond && !isConditional;
    const noise = this.#hasFlow ? [new Float32Array(latentDim)] : [];
    this.#further = hasSecond && isConditional ? conditionOf(model) : () => noise;
    const further = this.#further().map(({ length }) => length);
    demandSizes(this.#network.inputs, [size, ...further], "encoder takes");
    demandSizes(this.#network.outputs.slice(0, 1), [latentDim], "encoder gives");
  }

  /** The place, valid until the next run. @param {Float32Array} image @param {number} [label] */
  run(image, label) {
    return this.#network.run(image, ...this.#further(label))[0];
  }

  /**
   * q(z|x): its centre, KL(q(z|x) ‖ N(0, I)) in nats, its standard deviations, and a function that
   * draws from it and gives log q(z|x) in nats; all but the centre are null without variances. With
   * a flow, KL and deviations are those of the Gaussian that has the flow's density at the centre,
   * as for `FlowPosterior` in `explorer/bundle/posterior.py`.
   *
   * @param {Float32Array} image @param {number} [label]
   */
  posterior(image, label) {
    const [first, second] = this.#network.run(image, ...this.#further(label));
    const centre = first.slice();
    if (!second) return { centre, kl: null, spread: null, draw: null };
    const logVar = Float64Array.from(second, (v) => (this.#hasFlow ? -2 * v - LOG_2PI : v));
    const spread = logVar.map((v) => Math.exp(0.5 * v));
    const kl = logVar.reduce((sum, v, i) => sum + 0.5 * (centre[i] ** 2 + Math.exp(v) - 1 - v), 0);
    const draw = (/** @type {Float32Array} */ noise) => {
      if (this.#hasFlow) {
        const [z, logQ] = this.#network.run(image, noise);
        return { z: z.slice(), logQ: logQ.reduce((sum, value) => sum + value, 0) };
      }
      const z = centre.map((value, i) => value + spread[i] * noise[i]);
      const logQ = logVar.reduce((sum, v, i) => sum - 0.5 * (LOG_2PI + noise[i] ** 2 + v), 0);
      return { z, logQ };
    };
    return { centre, kl, spread, draw };
  }
}

/** @param {Model} model @param {string} section */
function open(model, section) {
  const bytes = model.section(section);
  if (!bytes.length) throw new NetworkError("The file is too large to be sent to a browser.");
  return new Network(bytes);
}

/** @param {{shape: number[]}[]} found @param {number[]} expected @param {string} what */
function demandSizes(found, expected, what) {
  const sizes = found.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  if (String(sizes) !== String(expected)) {
    throw new NetworkError(`The ${what} ${sizes} numbers where the model needs ${expected}.`);
  }
}
