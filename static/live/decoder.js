/**
 * Runs a trained decoder or encoder in the browser.
 *
 * `explorer/live.py` writes a network as a program (JSON: Keras's layers in their order)
 * and one blob with all its weights in half precision. Tensors are row-major with the
 * channels last, as in Keras, so that reshaping and flattening cost nothing.
 *
 * Every buffer is allocated while the network is built; a run allocates nothing.
 */

import { axes, connect, evenly, indices, interpolate, repeat, slide, spread } from "./taps.js";
import { readProgram, readWeights } from "./program.js";

/**
 * @typedef {import("./taps.js").Axis} Axis
 * @typedef {import("./taps.js").Taps} Taps
 *
 * @typedef {{shape: number[], data: Float32Array}} Tensor
 * @typedef {{output: Tensor, run: () => void, multiplyAdds: number}} Step
 *   one layer, bound to the buffers that it reads and writes
 * @typedef {{op: string, [argument: string]: any}} Operation
 * @typedef {(stored: {at: number, shape: number[]}) => Tensor} Weights
 *   finds a weight in the blob
 */

export class Network {
  #input;
  #layers;

  /**
   * @param {string} program JSON text from `explorer/live.py`
   * @param {Uint8Array | ArrayBuffer} halfBytes the weights that belong to it
   * @throws {Error} with a sentence for the page, when either arrived incomplete or damaged
   */
  constructor(program, halfBytes) {
    const { input, output, weights, operations } = readProgram(program);
    const values = readWeights(halfBytes, weights);
    this.#input = tensor(input);
    this.#layers = sequence(operations, this.#input, ({ at, shape }) => {
      return { shape, data: values.subarray(at, at + sizeOf(shape)) };
    });
    const { shape } = this.#layers.output;
    demand(String(shape) === String(output), `The layers make (${shape}), not (${output}).`);
  }

  /** Shape of one input: `[latent_dim]` of a decoder, `[height, width, channels]` of an encoder. */
  get inputShape() {
    return this.#input.shape;
  }

  /** Shape of one output: an image, or that of z, followed by the context of a flow's steps. */
  get outputShape() {
    return this.#layers.output.shape;
  }

  /** Multiply-adds of one run: how heavy the network is. */
  get multiplyAdds() {
    return this.#layers.multiplyAdds;
  }

  /**
   * Runs the network on one input, or on several that follow each other.
   *
   * @param {Float32Array} input
   * @param {Float32Array} [output] where to write; without it the result of one input is
   *   the network's own buffer, which the next run overwrites
   * @returns {Float32Array} `output`, or that buffer
   */
  run(input, output = this.#layers.output.data) {
    const own = this.#input.data;
    const result = this.#layers.output.data;
    const count = input.length / own.length;
    if (!Number.isInteger(count) || output.length !== count * result.length) {
      throw new Error(
        `An input has ${own.length} numbers and its output ${result.length}; ` +
          `got ${input.length} and ${output.length}.`,
      );
    }
    for (let n = 0; n < count; n++) {
      for (let i = 0, from = n * own.length; i < own.length; i++) own[i] = input[from + i];
      this.#layers.run();
      if (output !== result) {
        for (let i = 0, to = n * result.length; i < result.length; i++) output[to + i] = result[i];
      }
    }
    return output;
  }
}

// ---- Layers: each builder makes the step that a layer of the program stands for ----

/** @type {Record<string, (operation: Operation, input: Tensor, weights: Weights) => Step>} */
const BUILDERS = {
  Dense({ kernel, bias }, input, weights) {
    const places = input.shape.slice(0, -1); // one, or the pixels of an image
    const pixels = indices(sizeOf(places));
    const taps = { starts: [...pixels, pixels.length], pixels, keys: pixels.map(() => 0) };
    return linear(taps, input, places, weights(kernel), bias && weights(bias));
  },

  Conv2D({ kernel, bias, strides, padding }, input, weights) {
    const [rows, columns] = axes(slide, input.shape, kernel.shape, strides, padding);
    return convolution(rows, columns, input, weights(kernel), bias && weights(bias));
  },

  Conv2DTranspose({ kernel, bias, strides, padding }, input, weights) {
    const [rows, columns] = axes(spread, input.shape, kernel.shape, strides, padding);
    const forward = swapLastAxes(weights(kernel));
    return convolution(rows, columns, input, forward, bias && weights(bias));
  },

  UpSampling2D({ size, interpolation }, input) {
    const stretch = interpolation === "bilinear" ? interpolate : repeat;
    return blend(stretch(input.shape[0], size[0]), stretch(input.shape[1], size[1]), input);
  },

  AveragePooling2D({ size, strides, padding }, input) {
    const [rows, columns] = axes(slide, input.shape, size, strides, padding);
    return blend(evenly(rows), evenly(columns), input);
  },

  MaxPooling2D({ size, strides, padding }, input) {
    const [rows, columns] = axes(slide, input.shape, size, strides, padding);
    return maximum(rows, columns, input);
  },

  BatchNormalization({ gamma, beta, mean, variance, epsilon }, input, weights) {
    const means = weights(mean).data;
    const scale = weights(variance).data.map((v) => 1 / Math.sqrt(v + epsilon));
    if (gamma) weights(gamma).data.forEach((g, i) => (scale[i] *= g));
    const shift = means.map((m, i) => -m * scale[i]);
    if (beta) weights(beta).data.forEach((b, i) => (shift[i] += b));
    return affine(scale, shift, input);
  },

  LayerNormalization({ gamma, beta, epsilon }, input, weights) {
    const channels = last(input.shape);
    const scale = gamma ? weights(gamma).data : new Float32Array(channels).fill(1);
    const shift = beta ? weights(beta).data : new Float32Array(channels);
    return layerNormalization(scale, shift, epsilon, input);
  },

  Activation({ function: name, slope }, input) {
    const activate = ACTIVATIONS[name];
    demand(Boolean(activate), `This page cannot run the activation ${name}.`);
    const { data } = input;
    const output = tensor(input.shape);
    return { output, run: () => activate(data, output.data, slope), multiplyAdds: 0 };
  },

  Clip({ low, high }, input) {
    return clip(low, high, input);
  },

  Residual({ operations }, input, weights) {
    return residual(sequence(operations, input, weights), input);
  },

  InverseAutoregressive({ operations }, input, weights) {
    return inverseAutoregressive(sequence(operations, input, weights), input);
  },

  Reshape({ shape }, input) {
    const known = shape.reduce((product, n) => (n < 0 ? product : product * n), 1);
    return view(
      shape.map((n) => (n < 0 ? input.data.length / known : n)),
      input,
    );
  },

  Flatten(_, input) {
    return view([input.data.length], input);
  },
};

/**
 * Activations as Keras defines them, from `x` to `y`. Each has a loop of its own: a call for
 * every number would be slow and leave garbage behind. `relu` is written without a branch,
 * which the processor would guess wrong for half of the numbers.
 *
 * @type {Record<string, (x: Float32Array, y: Float32Array, slope: number) => void>}
 */
const ACTIVATIONS = {
  relu(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = 0.5 * (x[i] + Math.abs(x[i]));
  },
  relu6(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = Math.min(Math.max(x[i], 0), 6);
  },
  leaky_relu(x, y, slope) {
    for (let i = 0; i < x.length; i++) y[i] = x[i] > 0 ? x[i] : slope * x[i];
  },
  elu(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = x[i] > 0 ? x[i] : Math.expm1(x[i]);
  },
  selu(x, y) {
    for (let i = 0; i < x.length; i++) {
      y[i] = SELU_SCALE * (x[i] > 0 ? x[i] : SELU_ALPHA * Math.expm1(x[i]));
    }
  },
  gelu(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = 0.5 * x[i] * (1 + erf(x[i] * Math.SQRT1_2));
  },
  silu(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = x[i] / (1 + Math.exp(-x[i]));
  },
  sigmoid(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = 1 / (1 + Math.exp(-x[i]));
  },
  softplus(x, y) {
    for (let i = 0; i < x.length; i++) {
      y[i] = Math.max(x[i], 0) + Math.log1p(Math.exp(-Math.abs(x[i])));
    }
  },
  softsign(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = x[i] / (1 + Math.abs(x[i]));
  },
  tanh(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = Math.tanh(x[i]);
  },
  exponential(x, y) {
    for (let i = 0; i < x.length; i++) y[i] = Math.exp(x[i]);
  },
};

/** Source: Klambauer et al. 2017, "Self-Normalizing Neural Networks". */
const SELU_ALPHA = 1.6732632423543773;
const SELU_SCALE = 1.0507009873554805;

/** The error function to within 1.5e-7: Abramowitz & Stegun 1964, formula 7.1.26. */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

// ---- Steps: the loops that run for every picture ----

/**
 * One layer after the other.
 *
 * @param {Operation[]} operations
 * @param {Tensor} input
 * @param {Weights} weights
 * @returns {Step}
 */
function sequence(operations, input, weights) {
  /** @type {Step[]} */
  const steps = [];
  let output = input;
  for (const operation of operations) {
    const build = BUILDERS[operation.op];
    demand(Boolean(build), `This page cannot run a layer of type ${operation.op}.`);
    const step = build(operation, output, weights);
    steps.push(step);
    output = step.output;
  }
  return {
    output,
    multiplyAdds: steps.reduce((sum, step) => sum + step.multiplyAdds, 0),
    run() {
      for (let i = 0; i < steps.length; i++) steps[i].run();
    },
  };
}

/**
 * Dense layers and convolutions: every output place is a weighted sum over the input pixels
 * that it taps. Inputs that are zero, after a ReLU half of them or more, are left out.
 *
 * @param {Taps} taps each with the offset of its matrix in the kernel as its key
 * @param {Tensor} input
 * @param {number[]} places shape of the output without its channels
 * @param {Tensor} kernel `(…, input channels, output channels)`
 * @param {Tensor} [bias]
 * @returns {Step}
 */
function linear(taps, input, places, kernel, bias) {
  const channels = last(input.shape);
  const units = last(kernel.shape);
  demand(
    kernel.data.length % (channels * units) === 0 && (!bias || bias.data.length === units),
    `A layer with weights (${kernel.shape}) cannot follow a shape of (${input.shape}).`,
  );
  const starts = Int32Array.from(taps.starts);
  const pixels = Int32Array.from(taps.pixels);
  const matrices = Int32Array.from(taps.keys);
  const weights = kernel.data;
  const start = bias ? bias.data : new Float32Array(units);
  const sums = new Float64Array(units);
  const x = input.data;
  const output = tensor([...places, units]);
  const y = output.data;

  // The inputs that are not zero, each with its row in a matrix. Those of pixel p stand from
  // ends[p] up to ends[p + 1], made up to a multiple of four with zeros.
  const pixelCount = x.length / channels;
  const values = new Float32Array(pixelCount * 4 * Math.ceil(channels / 4));
  const rows = new Int32Array(values.length);
  const ends = new Int32Array(pixelCount + 1);

  function run() {
    let count = 0;
    for (let pixel = 0, i = 0; pixel < pixelCount; pixel++) {
      for (let row = 0; row < channels * units; row += units, i++) {
        if (x[i] !== 0) {
          values[count] = x[i];
          rows[count++] = row;
        }
      }
      for (; count % 4 !== 0; count++) values[count] = rows[count] = 0;
      ends[pixel + 1] = count;
    }
    for (let place = 0, to = 0; to < y.length; place++) {
      for (let j = 0; j < units; j++) sums[j] = start[j];
      for (let tap = starts[place]; tap < starts[place + 1]; tap++) {
        const pixel = pixels[tap];
        addRows(sums, weights, matrices[tap], rows, values, ends[pixel], ends[pixel + 1]);
      }
      for (let j = 0; j < units; j++) y[to++] = sums[j];
    }
  }

  return { output, run, multiplyAdds: pixels.length * channels * units };
}

/**
 * sums[j] += Σₖ values[k] · weights[matrix + rows[k] + j] for k from `begin` up to `end`.
 *
 * Nearly all the time goes here. Taking four rows for each load and store of a sum makes this
 * as fast as dot products along a transposed kernel, which could not leave out zeros.
 *
 * @param {Float64Array} sums
 * @param {Float32Array} weights
 * @param {number} matrix
 * @param {Int32Array} rows
 * @param {Float32Array} values
 * @param {number} begin
 * @param {number} end
 */
function addRows(sums, weights, matrix, rows, values, begin, end) {
  const units = sums.length;
  for (let k = begin; k < end; k += 4) {
    const a = values[k];
    const b = values[k + 1];
    const c = values[k + 2];
    const d = values[k + 3];
    const rowA = matrix + rows[k];
    const rowB = matrix + rows[k + 1];
    const rowC = matrix + rows[k + 2];
    const rowD = matrix + rows[k + 3];
    for (let j = 0; j < units; j++) {
      sums[j] +=
        a * weights[rowA + j] +
        b * weights[rowB + j] +
        c * weights[rowC + j] +
        d * weights[rowD + j];
    }
  }
}

/**
 * @param {Axis} rows
 * @param {Axis} columns
 * @param {Tensor} input
 * @param {Tensor} kernel `(height, width, input channels, output channels)`
 * @param {Tensor} [bias]
 */
function convolution(rows, columns, input, kernel, bias) {
  const [, width, channels, filters] = kernel.shape;
  const taps = connect(rows, columns, input.shape, (ky, kx) => {
    return (ky * width + kx) * channels * filters;
  });
  return linear(taps, input, [rows.length, columns.length], kernel, bias);
}

/**
 * Resampling and average pooling: every output pixel is a weighted mean of input pixels,
 * whose weights are the products of those along the two axes.
 *
 * @param {Axis} rows
 * @param {Axis} columns
 * @param {Tensor} input
 * @returns {Step}
 */
function blend(rows, columns, input) {
  const channels = input.shape[2];
  const taps = connect(rows, columns, input.shape, (wy, wx) => wy * wx);
  const starts = Int32Array.from(taps.starts);
  const pixels = Int32Array.from(taps.pixels);
  const shares = Float32Array.from(taps.keys);
  const x = input.data;
  const output = tensor([rows.length, columns.length, channels]);
  const y = output.data;

  function run() {
    y.fill(0);
    for (let place = 0; place < starts.length - 1; place++) {
      const to = place * channels;
      for (let tap = starts[place]; tap < starts[place + 1]; tap++) {
        const from = pixels[tap] * channels;
        for (let i = 0; i < channels; i++) y[to + i] += shares[tap] * x[from + i];
      }
    }
  }

  return { output, run, multiplyAdds: pixels.length * channels };
}

/**
 * @param {Axis} rows
 * @param {Axis} columns
 * @param {Tensor} input
 * @returns {Step}
 */
function maximum(rows, columns, input) {
  const channels = input.shape[2];
  const taps = connect(rows, columns, input.shape, () => 0);
  const starts = Int32Array.from(taps.starts);
  const pixels = Int32Array.from(taps.pixels);
  const x = input.data;
  const output = tensor([rows.length, columns.length, channels]);
  const y = output.data;

  function run() {
    y.fill(-Infinity);
    for (let place = 0; place < starts.length - 1; place++) {
      const to = place * channels;
      for (let tap = starts[place]; tap < starts[place + 1]; tap++) {
        const from = pixels[tap] * channels;
        for (let i = 0; i < channels; i++) y[to + i] = Math.max(y[to + i], x[from + i]);
      }
    }
  }

  return { output, run, multiplyAdds: 0 };
}

/**
 * @param {Float32Array} scale of each channel
 * @param {Float32Array} shift of each channel
 * @param {Tensor} input
 * @returns {Step}
 */
function affine(scale, shift, input) {
  const channels = scale.length;
  demand(channels === last(input.shape), "A layer normalises more or fewer channels than it gets.");
  const x = input.data;
  const output = tensor(input.shape);
  const y = output.data;

  function run() {
    for (let from = 0; from < x.length; from += channels) {
      for (let i = 0; i < channels; i++) y[from + i] = scale[i] * x[from + i] + shift[i];
    }
  }

  return { output, run, multiplyAdds: x.length };
}

/**
 * Source: Ba, Kiros & Hinton 2016, "Layer Normalization", over the channels of each place.
 *
 * @param {Float32Array} scale of each channel
 * @param {Float32Array} shift of each channel
 * @param {number} epsilon
 * @param {Tensor} input
 * @returns {Step}
 */
function layerNormalization(scale, shift, epsilon, input) {
  const channels = scale.length;
  demand(channels === last(input.shape), "A layer normalises more or fewer channels than it gets.");
  const x = input.data;
  const output = tensor(input.shape);
  const y = output.data;

  function run() {
    for (let from = 0; from < x.length; from += channels) {
      let mean = 0;
      for (let i = 0; i < channels; i++) mean += x[from + i];
      mean /= channels;
      let variance = 0;
      for (let i = 0; i < channels; i++) variance += (x[from + i] - mean) ** 2;
      variance /= channels;
      const norm = 1 / Math.sqrt(variance + epsilon);
      for (let i = 0; i < channels; i++) {
        y[from + i] = (x[from + i] - mean) * norm * scale[i] + shift[i];
      }
    }
  }

  return { output, run, multiplyAdds: 3 * x.length };
}

/**
 * @param {number} low
 * @param {number} high
 * @param {Tensor} input
 * @returns {Step}
 */
function clip(low, high, input) {
  const x = input.data;
  const output = tensor(input.shape);
  const y = output.data;

  function run() {
    for (let i = 0; i < x.length; i++) y[i] = Math.min(Math.max(x[i], low), high);
  }

  return { output, run, multiplyAdds: 0 };
}

/**
 * x + f(x).
 *
 * @param {Step} f
 * @param {Tensor} input
 * @returns {Step}
 */
function residual(f, input) {
  const x = input.data;
  const fx = f.output.data;
  demand(x.length === fx.length, "A residual layer must keep the shape of its input.");
  const output = tensor(input.shape);
  const y = output.data;

  function run() {
    f.run();
    for (let i = 0; i < x.length; i++) y[i] = x[i] + fx[i];
  }

  return { output, run, multiplyAdds: f.multiplyAdds };
}

/**
 * A step of a flow: z → σ z + (1 − σ) m, with σ = sigmoid(s). The context after z stays as it is.
 *
 * Source: Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive
 * Flow", eqs. 13 and 14.
 *
 * @param {Step} network from `[z, context]` to `[m, s]`
 * @param {Tensor} input
 * @returns {Step}
 */
function inverseAutoregressive(network, input) {
  const x = input.data;
  const ms = network.output.data;
  const latentDim = ms.length / 2;
  demand(latentDim <= x.length, "A step of a flow makes more dimensions than it gets.");
  const output = tensor(input.shape);
  const y = output.data;

  function run() {
    network.run();
    y.set(x);
    for (let i = 0; i < latentDim; i++) {
      const sigma = 1 / (1 + Math.exp(-ms[latentDim + i]));
      y[i] = sigma * x[i] + (1 - sigma) * ms[i];
    }
  }

  return { output, run, multiplyAdds: network.multiplyAdds + 2 * latentDim };
}

/**
 * The same numbers under another shape.
 *
 * @param {number[]} shape
 * @param {Tensor} input
 * @returns {Step}
 */
function view(shape, input) {
  demand(sizeOf(shape) === input.data.length, `(${input.shape}) cannot take the shape (${shape}).`);
  return { output: { shape, data: input.data }, run() {}, multiplyAdds: 0 };
}

// ---- Helpers ----

/** @type {(isTrue: boolean, sentence: string) => asserts isTrue} */
function demand(isTrue, sentence) {
  if (!isTrue) throw new Error(sentence);
}

/**
 * `(height, width, a, b)` to `(height, width, b, a)`.
 *
 * @param {Tensor} kernel
 * @returns {Tensor}
 */
function swapLastAxes({ shape: [height, width, a, b], data }) {
  const swapped = tensor([height, width, b, a]);
  for (let at = 0; at < data.length; at += a * b) {
    for (let i = 0; i < a; i++) {
      for (let j = 0; j < b; j++) swapped.data[at + j * a + i] = data[at + i * b + j];
    }
  }
  return swapped;
}

/**
 * @param {number[]} shape
 * @returns {Tensor}
 */
function tensor(shape) {
  return { shape, data: new Float32Array(sizeOf(shape)) };
}

function last(/** @type {number[]} */ shape) {
  return shape[shape.length - 1];
}

function sizeOf(/** @type {number[]} */ shape) {
  return shape.reduce((product, length) => product * length, 1);
}
