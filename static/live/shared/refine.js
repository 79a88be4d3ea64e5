/**
 * Finds how much the encoder loses for an image: moves its q(z|x), and stretches it along each
 * axis, until the image's −ELBO is least. `explorer/core/amortisation.py` has the same search, with
 * its sources.
 *
 * @typedef {{z: number[], reconstruction: number, kl: number}} Found centre of a q(z|x), and the
 *   terms of the −ELBO in nats
 * @typedef {{shift: Float64Array, stretch: Float64Array}} Change shift of the centre, in standard
 *   deviations, and the logarithm of the factor by which q(z|x) is stretched
 * @typedef {{negElbo: number, reconstruction: number, mean: Float64Array, slope: Float64Array,
 *   curvature: Float64Array}} Measure means over draws: of z and of the derivatives of −log p(x|z)
 * @typedef {{z: Float32Array, logQ: number}} Draw
 * @typedef {{steps: number, dampings: number[], enough: number, draws: [number, number]}} Refining
 *   how long to search: the first step that gains `enough` nats or less is the last; `draws`: the
 *   number of draws of z with which q(z|x) is refined, and of other draws by which it is judged
 */

import { LOG_2PI } from "./likelihoods.js";
import { evenNoise } from "./noise.js";
import { dot } from "./plane.js";

/**
 * Refines an encoder's q(z|x); every `next` runs until the next decode.
 *
 * @param {import("./codec.js").Encoder} encoder @param {import("./codec.js").Decoder} decoder
 * @param {Float32Array} image with values in [0, 1]
 * @param {Refining} refining
 * @param {number} [label] for a conditional model
 * @param {Float32Array[][]} [noise] for the two sets of draws
 * @returns {Generator<void, Found[] | null, void>} the encoder's q(z|x), and the refined one; null
 *   without variances
 */
export function* refine(encoder, decoder, image, refining, label, noise) {
  const { centre, spread, draw } = encoder.posterior(image, label);
  if (!draw) return null;
  const decode = (/** @type {Float32Array} */ z) => decoder.parameters(z, label);
  const search = new Search(decoder, decode, image, centre, spread);
  const [first, others] = noise ?? refining.draws.map((n) => evenNoise(n, centre.length));
  const start = { shift: spread.map(() => 0), stretch: spread.map(() => 0) };
  const end = yield* search.run(yield* drawn(draw, first), start, refining);
  const judged = yield* drawn(draw, others);
  const found = [];
  for (const change of [start, end]) {
    const { negElbo, reconstruction } = yield* search.measure(judged, change);
    const z = Array.from(search.moved(change));
    found.push({ z, reconstruction, kl: negElbo - reconstruction });
  }
  return found;
}

/** @param {(noise: Float32Array) => Draw} draw @param {Float32Array[]} noise */
function* drawn(draw, noise) {
  const draws = [];
  for (const one of noise) {
    draws.push(draw(one));
    yield;
  }
  return draws;
}

class Search {
  #decoder;
  #decode;
  #image;
  #centre;
  #spread;

  /**
   * @param {import("./codec.js").Decoder} decoder @param {(z: Float32Array) => Float32Array} decode
   * @param {Float32Array} image @param {Float32Array} centre @param {Float64Array} spread
   */
  constructor(decoder, decode, image, centre, spread) {
    this.#decoder = decoder;
    this.#decode = decode;
    this.#image = image;
    this.#centre = centre;
    this.#spread = spread;
  }

  /**
   * Lowers the −ELBO repeatedly by the best of several damped Gauss–Newton steps (Levenberg 1944,
   * Marquardt 1963), as long as one is better than none; returns the last change.
   *
   * @param {Draw[]} draws @param {Change} change to begin with @param {Refining} refining
   */
  *run(draws, change, { steps, dampings, enough }) {
    let best = yield* this.measure(draws, change);
    for (let step = 0; step < steps; step++) {
      const [start, before] = [change, best.negElbo];
      const { gradient, hessian } = yield* this.#derivatives(start, best);
      for (const damping of dampings) {
        const damped = hessian.map((row, i) =>
          row.map((v, j) => (i === j ? v * (1 + damping) : v)),
        );
        const way = solve(damped, gradient);
        const tried = {
          shift: start.shift.map((value, i) => value - Math.exp(start.stretch[i]) * way[i]),
          stretch: start.stretch.map((v, i) => v - (0.5 * Math.log(hessian[i][i])) / (1 + damping)),
        };
        const reached = yield* this.measure(draws, tried);
        if (reached.negElbo < best.negElbo) [change, best] = [tried, reached];
      }
      if (before - best.negElbo <= enough) break;
    }
    return change;
  }

  /** The centre after a change. @param {Change} change */
  moved({ shift }) {
    return this.#centre.map((value, i) => value + this.#spread[i] * shift[i]);
  }

  /** @param {Draw[]} draws @param {Change} change @returns {Generator<void, Measure, void>} */
  *measure(draws, change) {
    const centre = this.moved(change);
    const factors = change.stretch.map(Math.exp);
    const stretch = change.stretch.reduce((sum, value) => sum + value, 0);
    const sums = { kl: 0, reconstruction: 0, mean: new Float64Array(centre.length) };
    let [slope, curvature] = [new Float64Array(0), new Float64Array(0)];
    for (const { z: before, logQ } of draws) {
      const z = centre.map((value, i) => value + factors[i] * (before[i] - this.#centre[i]));
      sums.kl += logQ - stretch + 0.5 * (dot(z, z) + z.length * LOG_2PI);
      z.forEach((value, i) => (sums.mean[i] += value / draws.length));
      const { length } = this.#decode(z);
      if (!slope.length) [slope, curvature] = [new Float64Array(length), new Float64Array(length)];
      sums.reconstruction -= this.#decoder.logLikelihood(this.#image);
      this.#decoder.addDerivatives(this.#image, slope, curvature);
      yield;
    }
    const mean = (/** @type {number} */ sum) => sum / draws.length;
    const reconstruction = mean(sums.reconstruction);
    return {
      ...{ negElbo: mean(sums.kl) + reconstruction, reconstruction, mean: sums.mean },
      ...{ slope: slope.map(mean), curvature: curvature.map(mean) },
    };
  }

  /**
   * Gradient and Hessian of E[−log p(x, z)] with respect to the centre, in units of the standard
   * deviations. These are also the step of the central differences: the Jacobian describes the
   * decoder over the width of q(z|x), not at a point.
   *
   * @param {Change} change @param {Measure} measure at that change
   */
  *#derivatives(change, { slope, curvature, mean }) {
    const spread = this.#spread.map((value, i) => value * Math.exp(change.stretch[i]));
    const z = this.moved(change);
    const jacobian = [];
    for (let i = 0; i < z.length; i++) {
      const middle = z[i];
      z[i] = middle + spread[i];
      const ahead = this.#decode(z).slice();
      yield;
      z[i] = middle - spread[i];
      const behind = this.#decode(z);
      jacobian.push(ahead.map((value, o) => (value - behind[o]) / 2));
      z[i] = middle;
      yield;
    }
    const gradient = jacobian.map((row, i) => dot(row, slope) + spread[i] * mean[i]);
    const hessian = jacobian.map(() => new Float64Array(z.length));
    for (const [i, row] of jacobian.entries()) {
      const weighted = row.map((value, o) => value * curvature[o]);
      for (let j = 0; j <= i; j++) hessian[i][j] = hessian[j][i] = dot(weighted, jacobian[j]);
      hessian[i][i] += spread[i] ** 2;
      yield;
    }
    return { gradient, hessian };
  }
}

/**
 * Solves a x = b by elimination, without pivoting: a damped Hessian is positive definite.
 *
 * @param {Float64Array[]} a is overwritten
 * @param {number[]} b
 */
function solve(a, b) {
  const x = Float64Array.from(b);
  for (let k = 0; k < x.length; k++) {
    for (let i = k + 1; i < x.length; i++) {
      const factor = a[i][k] / a[k][k];
      for (let j = k; j < x.length; j++) a[i][j] -= factor * a[k][j];
      x[i] -= factor * x[k];
    }
  }
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = i + 1; j < x.length; j++) x[i] -= a[i][j] * x[j];
    x[i] /= a[i][i];
  }
  return x;
}
