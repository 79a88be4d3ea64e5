/**
 * The data in the latent space: the nearest test image, the data's density, and how far a place
 * can be trusted.
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {{level: "good" | "doubtful" | "empty", reasons: string[]}} Verdict
 */

import { LOG_2PI } from "./likelihoods.js";

/** Half the squared distance, in deviations, at which two latents are the same but for rounding. */
const HERE = 1e-6;

export class Space {
  #zMean;
  #mean;
  #precision;
  #constant;
  #quantiles;
  #limits;
  #isOfOthers;
  #terms;

  /** @param {Model} model */
  constructor(model) {
    this.#zMean = model.zMean;
    this.#mean = model.floats("trainMean");
    const logVar = model.floats("trainLogVar");
    const { latentDim } = model.header;
    this.#precision = logVar.map((value) => Math.exp(-value));
    this.#constant = new Float32Array(logVar.length / latentDim);
    logVar.forEach((value, at) => {
      this.#constant[Math.floor(at / latentDim)] -= 0.5 * (LOG_2PI + value);
    });
    this.#quantiles = model.floats("quantiles");
    this.#limits = model.header.trust.limits;
    this.#isOfOthers = model.header.trust.isOfOthers;
    this.#terms = new Float64Array(this.#constant.length);
  }

  /** The test image whose latent mean is nearest, by Euclidean distance. @param {Float32Array} z */
  nearest(z) {
    const [{ row, squared }] = nearestLatents(this.#zMean, z, 1);
    return { row, distance: Math.sqrt(squared) };
  }

  /**
   * Density of the training data at a place: log q(z), nats, under the mixture
   * q(z) = 1/N Σ N(z; μᵢ, σᵢ²), as in `explorer/core/density.py`. If there are only the test
   * images' own latents, the mixture is over these, without the one at the place itself.
   *
   * @param {Float32Array} z
   */
  logDensity(z) {
    const terms = this.#terms;
    const mean = this.#mean;
    const precision = this.#precision;
    let [largest, count] = [-Infinity, terms.length];
    for (let n = 0, at = 0; n < terms.length; n++) {
      let term = this.#constant[n];
      for (let i = 0; i < z.length; i++, at++) {
        const difference = z[i] - mean[at];
        term -= 0.5 * precision[at] * difference * difference;
      }
      if (this.#isOfOthers && this.#constant[n] - term < HERE && count > 1) {
        [term, count] = [-Infinity, count - 1];
      }
      terms[n] = term;
      if (term > largest) largest = term;
    }
    let sum = 0;
    for (let n = 0; n < terms.length; n++) {
      const below = terms[n] - largest;
      if (below > -30) sum += Math.exp(below);
    }
    return largest + Math.log(sum / count);
  }

  /**
   * The share of test images whose own reading is smaller, 0 to 100, interpolated linearly between
   * quantiles; null where no test image has the reading.
   *
   * @param {number} reading its index in `explorer/core/trust.py`: density, return, nearest
   * @param {number} value
   */
  percentile(reading, value) {
    const steps = this.#quantiles.length / this.#limits.length - 1;
    const scale = this.#quantiles.subarray(reading * (steps + 1), (reading + 1) * (steps + 1));
    if (isNaN(scale[0])) return null;
    let [low, high] = [0, scale.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (scale[middle] < value) low = middle + 1;
      else high = middle;
    }
    const upper = Math.min(Math.max(low, 1), steps);
    const [below, above] = [scale[upper - 1], scale[upper]];
    const share = (value - below) / (above > below ? above - below : 1);
    return (100 * (upper - 1 + Math.min(Math.max(share, 0), 1))) / steps;
  }

  /** The share of test images in thinner places, NaN if unknown. @param {Float32Array} z */
  densityShare(z) {
    return this.percentile(0, this.logDensity(z)) ?? NaN;
  }

  /**
   * The verdict of all readings; a NaN is never good, null means unknown.
   *
   * @param {(number | null)[]} readings density, return, nearest
   * @returns {Verdict}
   */
  verdict(readings) {
    const verdict = /** @type {Verdict} */ ({ level: "good", reasons: [] });
    this.#limits.forEach(({ low, high, floor, ceiling, below, above }, i) => {
      const value = readings[i];
      if (value === null || isWithin(value, low, high)) return;
      verdict.reasons.push(value < /** @type {number} */ (low) ? below : above);
      if (verdict.level !== "empty") {
        verdict.level = isWithin(value, floor, ceiling) ? "doubtful" : "empty";
      }
    });
    return verdict;
  }
}

/** @param {number} value @param {number | null} low @param {number | null} high */
function isWithin(value, low, high) {
  return (low === null || value >= low) && (high === null || value <= high) && !isNaN(value);
}

/**
 * The k nearest to z of the latents in `means`, which are stored one after the other.
 *
 * @param {Float32Array} means @param {ArrayLike<number>} z @param {number} k
 */
export function nearestLatents(means, z, k) {
  /** @type {{row: number, squared: number}[]} */
  const found = [];
  let worst = Infinity;
  for (let row = 0, from = 0; from < means.length; row++, from += z.length) {
    let squared = 0;
    for (let i = 0; i < z.length && squared < worst; i++) squared += (z[i] - means[from + i]) ** 2;
    if (squared >= worst) continue;
    found.push({ row, squared });
    found.sort((a, b) => a.squared - b.squared);
    if (found.length > k) found.pop();
    if (found.length === k) worst = found[k - 1].squared;
  }
  return found;
}
