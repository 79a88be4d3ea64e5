/** Places of a grid's columns and rows over a plane, as in `explorer/core/geometry.py`. */

/**
 * Coordinates from −extent to extent; a single one is 0.
 *
 * @param {number} count
 * @param {"normal" | "linear"} spacing equal shares of a standard normal distribution between
 *   neighbours (Kingma & Welling 2014, figure 4), or equal distances
 * @param {number} extent
 */
export function coordinates(count, spacing, extent) {
  const tail = below(-extent);
  return Array.from({ length: count }, (_, i) => {
    const share = count === 1 ? 0.5 : i / (count - 1);
    if (share === 0.5) return 0;
    return spacing === "linear"
      ? extent * (2 * share - 1)
      : quantile(tail + (1 - 2 * tail) * share, extent);
  });
}

/** The share of a standard normal distribution below a value (Marsaglia 2004). @param {number} x */
function below(x) {
  let [sum, term] = [x, x];
  for (let i = 3; Math.abs(term) > 1e-17; i += 2) sum += term *= (x * x) / i;
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
}

/**
 * The value below which a share of the distribution lies, by bisection.
 *
 * @param {number} share @param {number} extent
 */
function quantile(share, extent) {
  let [low, high] = [-extent, extent];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (below(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
