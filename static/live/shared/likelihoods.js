/**
 * The likelihoods of pixels, as in `explorer/core/likelihoods.py`: for a value x in [0, 1], given
 * the decoder's output for it, which is `parameters` numbers.
 *
 * @typedef {{
 *   parameters: number,
 *   log: (x: number, first: number, second: number) => number,
 *   mean: (first: number, second: number) => number,
 *   embed: (mean: number) => number,
 *   derivatives: (x: number, first: number, second: number) => number[],
 * }} Likelihood `log`: p(x|z) in nats; `mean`: E[x|z]; `embed`: its differences measure how much
 *   pictures differ; `derivatives` of −log p(x|z): slope and curvature, which is never negative,
 *   with respect to each number in turn
 */

export const LOG_2PI = Math.log(2 * Math.PI);
const STEP = 1 / 255;
/** Fisher information of a logistic distribution about its log-scale. */
const INFORMATION = (3 + Math.PI ** 2) / 9;

/** @param {number} x */
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** @param {number} logit */
const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));

/** @param {number} logScale */
const scaleOf = (logScale) => Math.exp(Math.min(Math.max(logScale, -7), 7));

/** Below this |h| a series replaces a quotient that tends to 0/0. */
const SMALL = 0.3;

/** log(sinh h / h) @param {number} h */
function logSinhc(h) {
  const [a, s] = [Math.abs(h), h * h];
  if (a < SMALL) return s * (1 / 6 - s * (1 / 180 - s * (1 / 2835 - s / 37800)));
  return a - Math.LN2 + Math.log1p(-Math.exp(-2 * a)) - Math.log(a);
}

/** coth h − 1 / h @param {number} h */
function langevin(h) {
  const s = h * h;
  if (s < SMALL * SMALL) return h * (1 / 3 - s * (1 / 45 - s * (2 / 945 - s / 4725)));
  return 1 / Math.tanh(h) - 1 / h;
}

/** Variance of a continuous Bernoulli: ¼ (1/h² − 1/sinh² h). @param {number} h */
function variance(h) {
  const s = h * h;
  if (s < SMALL * SMALL) return (1 / 3 - s * (1 / 15 - s * (2 / 189 - s / 675))) / 4;
  return (1 / s - 1 / Math.sinh(h) ** 2) / 4;
}

/** @param {number} mean */
const same = (mean) => mean;

/** @type {Record<string, Likelihood>} */
export const LIKELIHOODS = {
  bernoulli: {
    parameters: 1,
    log: (x, l) => x * l - Math.max(l, 0) - Math.log1p(Math.exp(-Math.abs(l))),
    mean: sigmoid,
    embed: (p) => 2 * Math.asin(Math.sqrt(p)),
    derivatives(x, l) {
      const p = sigmoid(l);
      return [p - x, p * (1 - p)];
    },
  },
  "continuous-bernoulli": {
    parameters: 1,
    log: (x, l) => (x - 0.5) * l - logSinhc(l / 2),
    mean: (l) => 0.5 + 0.5 * langevin(l / 2),
    embed: same,
    derivatives: (x, l) => [0.5 + 0.5 * langevin(l / 2) - x, variance(l / 2)],
  },
  gaussian: {
    parameters: 2,
    log: (x, mean, logVar) => -0.5 * (LOG_2PI + logVar + (x - mean) ** 2 * Math.exp(-logVar)),
    mean: (mean) => Math.min(Math.max(mean, 0), 1),
    embed: same,
    derivatives(x, mean, logVar) {
      const precision = Math.exp(-logVar);
      const off = mean - x;
      return [off * precision, precision, 0.5 - 0.5 * off * off * precision, 0.5];
    },
  },
  "discretised-logistic": {
    parameters: 2,
    log(x, mean, logScale) {
      const scale = scaleOf(logScale);
      const below = -softplus((mean - x - STEP / 2) / scale);
      const above = -softplus((x - STEP / 2 - mean) / scale);
      if (x < STEP / 2) return below;
      if (x > 1 - STEP / 2) return above;
      return below + above + Math.log(-Math.expm1(-STEP / scale));
    },
    mean(mean, logScale) {
      const scale = scaleOf(logScale);
      const area = softplus(mean / scale) - softplus((mean - 1) / scale);
      return Math.min(Math.max(scale * area, 0), 1);
    },
    embed: same,
    derivatives(x, mean, logScale) {
      const rate = 1 / scaleOf(logScale);
      const [a, b] = [(x - mean - STEP / 2) * rate, (x - mean + STEP / 2) * rate];
      const isOpen = [x < STEP / 2, x > 1 - STEP / 2];
      const atA = isOpen[0] ? 0 : Math.exp(-softplus(-a));
      const atB = isOpen[1] ? 0 : Math.exp(-softplus(b));
      const narrowing = isOpen.includes(true) ? 0 : (STEP * rate) / Math.expm1(STEP * rate);
      const curvature = rate * rate * (atA * (1 - atA) + atB * (1 - atB));
      return [rate * (atB - atA), curvature, b * atB - a * atA + narrowing, INFORMATION];
    },
  },
};
