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
