/** Draws from N(0, 1). */

/** One draw (Box & Muller 1958). */
export function normal(uniform = Math.random) {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * The same draws each time, in pairs of opposite sign and with a variance of 1 along each axis:
 * means over them are exact for linear functions and for squares of single coordinates.
 *
 * @param {number} count @param {number} dimensions
 * @returns {Float32Array[]}
 */
export function evenNoise(count, dimensions) {
  let state = count;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Press et al. 1992, section 7.1
    return state / 2 ** 32;
  };
  const half = Array.from({ length: count / 2 }, () =>
    Float32Array.from({ length: dimensions }, () => normal(uniform)),
  );
  for (let i = 0; i < dimensions; i++) {
    const deviation = Math.sqrt(half.reduce((sum, one) => sum + one[i] ** 2, 0) / half.length);
    for (const one of half) one[i] /= deviation;
  }
  return [...half, ...half.map((one) => one.map((value) => -value))];
}
