/** A model's decoder and encoder: from a latent to an image, and back. */

import { Network, NetworkError } from "../network/network.js";

/** @typedef {import("./model.js").Model} Model */

/** From a latent to the mean image, as `mean_image` in `explorer/core/elbo.py` has it. */
export class Decoder {
  #network;
  #isGaussian;
  #channels;
  #image;

  /** @param {Model} model */
  constructor(model) {
    const { imageShape, latentDim, likelihood } = model.header;
    const size = imageShape[0] * imageShape[1] * imageShape[2];
    this.#network = open(model, "decoder");
    this.#isGaussian = likelihood === "gaussian";
    this.#channels = imageShape[2];
    this.#image = new Float32Array(size);
    demandSizes(this.#network.inputs, [latentDim], "decoder takes");
    demandSizes(this.#network.outputs, [this.#isGaussian ? 2 * size : size], "decoder gives");
  }

  /** The image with values in [0, 1], valid until the next run. @param {Float32Array} z */
  run(z) {
    const [output] = this.#network.run(z);
    const image = this.#image;
    if (this.#isGaussian) {
      const channels = this.#channels; // means, then as many log-variances, in every pixel
      for (let i = 0, from = 0; i < image.length; from += channels) {
        for (const end = i + channels; i < end; i++, from++) {
          image[i] = Math.min(Math.max(output[from], 0), 1);
        }
      }
    } else {
      for (let i = 0; i < image.length; i++) image[i] = 1 / (1 + Math.exp(-output[i]));
    }
    return image;
  }
}

/** From an image to its place: the mean of q(z|x), or where a flow takes no noise. */
export class Encoder {
  #network;
  #noise;

  /** @param {Model} model */
  constructor(model) {
    const { imageShape, latentDim } = model.header;
    const size = imageShape[0] * imageShape[1] * imageShape[2];
    this.#network = open(model, "encoder");
    this.#noise = this.#network.inputs.length > 1 ? [new Float32Array(latentDim)] : [];
    demandSizes(this.#network.inputs, [size, ...this.#noise.map(() => latentDim)], "encoder takes");
    demandSizes(this.#network.outputs.slice(0, 1), [latentDim], "encoder gives");
  }

  /** The place, valid until the next run. @param {Float32Array} image */
  run(image) {
    return this.#network.run(image, ...this.#noise)[0];
  }
}

/** @param {Model} model @param {string} section */
function open(model, section) {
  const bytes = model.section(section);
  if (!bytes.length) throw new NetworkError("The file is too large to be sent to a browser.");
  return new Network(bytes);
}

/**
 * @param {{shape: number[]}[]} found
 * @param {number[]} expected
 * @param {string} what
 */
function demandSizes(found, expected, what) {
  const sizes = found.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  if (String(sizes) !== String(expected)) {
    throw new NetworkError(`The ${what} ${sizes} numbers where the model needs ${expected}.`);
  }
}
