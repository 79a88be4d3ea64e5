/** Geometry of planes and latents, as in `explorer/core/geometry.py`. */

/** @typedef {{origin: number[], directions: number[][]}} Plane */

/**
 * The latent at a place in a plane.
 *
 * @param {Plane} plane @param {number} x @param {number} y
 * @param {Float32Array} [z] where to write it
 */
export function lift(
  { origin, directions: [right, up] },
  x,
  y,
  z = new Float32Array(origin.length),
) {
  for (let i = 0; i < z.length; i++) z[i] = origin[i] + x * right[i] + y * up[i];
  return z;
}

/**
 * The place in a plane that is nearest to a latent.
 *
 * @param {Plane} plane @param {ArrayLike<number>} z
 * @returns {[number, number]}
 */
export function project({ origin, directions }, z) {
  const [x, y] = directions.map((direction) =>
    direction.reduce((sum, component, i) => sum + component * (z[i] - origin[i]), 0),
  );
  return [x, y];
}

/**
 * A plane moved so that it passes through a latent.
 *
 * @param {Plane} plane @param {ArrayLike<number>} z
 * @returns {Plane}
 */
export function through({ origin, directions }, z) {
  const [x, y] = project({ origin, directions }, z);
  const [right, up] = directions;
  return { directions, origin: origin.map((_, i) => z[i] - x * right[i] - y * up[i]) };
}

/**
 * The component of a vector perpendicular to a unit vector, normalised; null if it is about 0.
 *
 * @param {number[]} vector @param {number[]} unit
 */
export function rejection(vector, unit) {
  const rest = perpendicular(vector, unit);
  const length = Math.hypot(...rest);
  return length > 1e-3 ? rest.map((value) => value / length) : null;
}

/**
 * A vector without its component along a unit vector.
 *
 * @param {number[]} vector @param {number[]} unit
 */
export function perpendicular(vector, unit) {
  const along = dot(vector, unit);
  return vector.map((value, i) => value - along * unit[i]);
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** A number for display: a true minus sign, two decimals. @param {number} value */
export function decimal(value) {
  return value.toFixed(2).replace("-", "−");
}

/** A latent with the three decimals that addresses have. @param {ArrayLike<number>} z */
export function rounded(z) {
  return Array.from(z, (value) => Number(value.toFixed(3)));
}

/** The first coordinates of a latent, for display. @param {ArrayLike<number>} z */
export function describe(z) {
  const shown = Array.from(z).slice(0, 4).map(decimal).join(", ");
  return `z = (${shown}${z.length > 4 ? ", …" : ""})`;
}
