/** Where the data lies in the latent space: the nearest test image, and the data's density. */

/** @typedef {import("./model.js").Model} Model */

export class Space {
  #zMean;
  #latentDim;
  #mean;
  #precision;
  #constant;
  #sorted;
  #terms;

  /** @param {Model} model */
  constructor(model) {
    this.#zMean = model.zMean;
    this.#latentDim = model.header.latentDim;
    this.#mean = model.floats("trainMean");
    this.#precision = model.floats("trainPrecision");
    this.#constant = model.floats("trainConstant");
    this.#sorted = model.floats("sortedDensity");
    this.#terms = new Float64Array(this.#constant.length);
  }

  /**
   * The test image whose latent mean is nearest, by Euclidean distance.
   *
   * @param {Float32Array} z
   */
  nearest(z) {
    const zMean = this.#zMean;
    const latentDim = this.#latentDim;
    let row = 0;
    let least = Infinity;
    for (let n = 0, from = 0; from < zMean.length; n++, from += latentDim) {
      let sum = 0;
      for (let i = 0; i < latentDim && sum < least; i++) sum += (z[i] - zMean[from + i]) ** 2;
      if (sum < least) [least, row] = [sum, n];
    }
    return { row, distance: Math.sqrt(least) };
  }

  /**
   * How dense the training data is at a place: the share of test images in thinner places,
   * 0 to 100, under q(z) = 1/N Σ N(z; μᵢ, σᵢ²), as `explorer/core/density.py` has it.
   *
   * @param {Float32Array} z
   */
  percentile(z) {
    const value = this.#logDensity(z);
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle] < value) low = middle + 1;
      else high = middle;
    }
    return (100 * low) / this.#sorted.length;
  }

  /** @param {Float32Array} z */
  #logDensity(z) {
    const terms = this.#terms;
    const mean = this.#mean;
    const precision = this.#precision;
    let largest = -Infinity;
    for (let n = 0, at = 0; n < terms.length; n++) {
      let term = this.#constant[n];
      for (let i = 0; i < z.length; i++, at++) {
        const difference = z[i] - mean[at];
        term -= 0.5 * precision[at] * difference * difference;
      }
      terms[n] = term;
      if (term > largest) largest = term;
    }
    let sum = 0;
    for (let n = 0; n < terms.length; n++) {
      const below = terms[n] - largest;
      if (below > -30) sum += Math.exp(below);
    }
    return largest + Math.log(sum / terms.length);
  }
}
