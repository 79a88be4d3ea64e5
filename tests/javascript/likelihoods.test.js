import assert from "node:assert/strict";
import { test } from "node:test";
import { LIKELIHOODS } from "../../static/live/shared/likelihoods.js";
import { near } from "./models.js";

const CONTINUOUS = LIKELIHOODS["continuous-bernoulli"];
const LOGISTIC = LIKELIHOODS["discretised-logistic"];

test("a continuous Bernoulli is a density on [0, 1], with its mean", () => {
  const n = 20_000;
  for (const logit of [0, 1e-9, 0.1, 0.599, 0.601, -3, 12, -40]) {
    let [total, mean] = [0, 0];
    for (let i = 0; i < n; i++) {
      const x = (i + 0.5) / n;
      const density = Math.exp(CONTINUOUS.log(x, logit, NaN));
      total += density / n;
      mean += (x * density) / n;
    }
    near([total, CONTINUOUS.mean(logit, NaN)], [1, mean]);
  }
});

test("a discretised logistic gives the 256 levels probabilities that sum to 1, and their mean", () => {
  for (const [mean, logScale] of [
    [0.5, -2],
    [0, -4],
    [1.3, -1],
    [0.2, 9],
    [-30, -3],
    [0.7, -5],
  ]) {
    // prettier-ignore
    const levels = Array.from({ length: 256 }, (_, i) => i / 255);
    const chances = levels.map((x) => Math.exp(LOGISTIC.log(x, mean, logScale)));
    near([chances.reduce((sum, p) => sum + p)], [1]);
    const expected = chances.reduce((sum, p, i) => sum + p * levels[i], 0);
    assert.ok(Math.abs(LOGISTIC.mean(mean, logScale) - expected) < 1e-4);
  }
});

test("a narrow logistic puts all into the level at its mean", () => {
  near([LOGISTIC.log(100 / 255, 100 / 255, -20), LOGISTIC.mean(100 / 255, -20)], [-2 * Math.log1p(Math.exp(-Math.exp(7) / 510)) + Math.log1p(-Math.exp(-Math.exp(7) / 255)), 100 / 255]); // prettier-ignore
});

test("slopes are those of −log p(x|z)", () => {
  const step = 1e-5;
  for (const { parameters, log, derivatives } of Object.values(LIKELIHOODS)) {
    for (const [x, first, second] of [
      [0, -0.9, -1],
      [0.4, 0.2, -2],
      [0.4, 3, -1],
      [1, 0.7, 0.3],
    ]) {
      const found = derivatives(x, first, second);
      const ends = (/** @type {number} */ by) => [log(x, first + by, second), log(x, first, second + by)]; // prettier-ignore
      const [ahead, behind] = [ends(step), ends(-step)];
      for (let i = 0; i < parameters; i++) {
        const slope = (behind[i] - ahead[i]) / (2 * step);
        assert.ok(
          Math.abs(found[2 * i] - slope) < 1e-6 * (1 + Math.abs(slope)),
          `${found} ${slope}`,
        );
        assert.ok(found[2 * i + 1] > 0);
      }
    }
  }
});

test("curvatures are those of −log p(x|z) where that does not depend on x", () => {
  const step = 1e-3;
  for (const name of ["bernoulli", "continuous-bernoulli"]) {
    const { log, derivatives } = LIKELIHOODS[name];
    for (const logit of [-3, 0, 0.5, 7]) {
      const [behind, here, ahead] = [-step, 0, step].map((by) => log(0.3, logit + by, NaN));
      near([derivatives(0.3, logit, NaN)[1]], [(2 * here - behind - ahead) / step ** 2]);
    }
  }
});
