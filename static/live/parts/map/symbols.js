/** The symbols of dots. */

/**
 * Symbols of dots, from −1 to 1 along both axes: for the graphics processor how far outside a place
 * p is, with q = |p|, and the corners; a circle has none.
 *
 * @type {{glsl: string, corners: [number, number][]}[]}
 */
export const SYMBOLS = [
  { glsl: "length(p) - .85", corners: [] },
  { glsl: "q.x + q.y - 1.", corners: [[0, -1], [1, 0], [0, 1], [-1, 0]] },
  { glsl: "max(q.x, q.y) - .75", corners: [[-0.75, -0.75], [0.75, -0.75], [0.75, 0.75], [-0.75, 0.75]] },
  { glsl: "min(max(q.x - .3, q.y - .95), max(q.y - .3, q.x - .95))",
    corners: [[-0.3, -0.95], [0.3, -0.95], [0.3, -0.3], [0.95, -0.3], [0.95, 0.3], [0.3, 0.3],
      [0.3, 0.95], [-0.3, 0.95], [-0.3, 0.3], [-0.95, 0.3], [-0.95, -0.3], [-0.3, -0.3]] },
  { glsl: "max(q.x * .87 - p.y * .5 - .45, p.y - .7)", corners: [[0, -0.9], [0.92, 0.7], [-0.92, 0.7]] },
  { glsl: "min(max(abs(p.x + p.y) - .42, abs(p.x - p.y) - 1.25), max(abs(p.x - p.y) - .42, abs(p.x + p.y) - 1.25))",
    corners: [[-0.42, -0.83], [0, -0.42], [0.42, -0.83], [0.83, -0.42], [0.42, 0], [0.83, 0.42],
      [0.42, 0.83], [0, 0.42], [-0.42, 0.83], [-0.83, 0.42], [-0.42, 0], [-0.83, -0.42]] },
]; // prettier-ignore
