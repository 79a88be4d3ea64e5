/** A decoder or encoder in ONNX's format, for one image at a time; it is built once, then run. */

import { NetworkError } from "./errors.js";
import { readModel } from "./file.js";
import { buildGraph } from "./graph.js";
import { plain } from "./plain.js";
import { simdKernels } from "./simd.js";

/** @typedef {{name: string, shape: number[]}} Port an input or output; its batch size is 1 */

export { NetworkError };

export class Network {
  #inputs;
  #results;
  #steps;
  #kernels;

  /**
   * @param {Uint8Array} bytes of an .onnx file
   * @param {{plain?: boolean}} [options] `plain` to do without WebAssembly
   * @throws {NetworkError} when the file is damaged, too large, or uses what this page cannot run
   */
  constructor(bytes, options = {}) {
    const model = readModel(bytes);
    const { inputs, outputs, steps, memory } = buildGraph(model);
    this.#kernels = (!options.plain && simdKernels(memory)) || plain;
    this.#inputs = inputs.map(({ data }) => data);
    this.#results = outputs.map(({ data }) => /** @type {Float32Array} */ (data));
    this.#steps = steps.map(({ run }) => run);

    /** @type {Port[]} */
    this.inputs = inputs.map(({ shape }, i) => ({ name: model.inputs[i].name, shape }));
    /** @type {Port[]} */
    this.outputs = outputs.map(({ shape }, i) => ({ name: model.outputs[i], shape }));
    /** Multiply-adds of one run, a measure of its cost. */
    this.multiplyAdds = steps.reduce((sum, { node }) => sum + node.multiplyAdds, 0);
  }

  /**
   * Runs the network on one image or latent.
   *
   * @param {Float32Array[]} values one for each input
   * @returns {Float32Array[]} one for each output, owned by the network: the next run overwrites it
   */
  run(...values) {
    for (let i = 0; i < this.#inputs.length; i++) {
      const { length } = this.#inputs[i];
      if (values[i]?.length !== length) {
        throw new NetworkError(`The input ${this.inputs[i].name} takes ${length} numbers.`);
      }
      this.#inputs[i].set(values[i]);
    }
    for (let i = 0; i < this.#steps.length; i++) this.#steps[i](this.#kernels);
    return this.#results;
  }
}
