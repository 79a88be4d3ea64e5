/** Places names at the centres of their classes, and thumbnails, among the dots. */

/** Cells along each side of the extent, among which a class's densest cell is searched for. */
const CELLS = 24;
/** Distance that counts as nearby, in cells, and number of moves to the mean of the dots nearby. */
const [NEARBY, ROUNDS] = [2.5, 6];
/** Smallest and largest side of a thumbnail, CSS pixels. */
const [SMALL, LARGE] = [26, 64];

/**
 * The centre of each class: starts at its densest cell of the extent and moves repeatedly to the
 * mean of its dots nearby (mean shift, Comaniciu & Meer 2002).
 *
 * @param {Float32Array} places x and y of each dot in turn
 * @param {ArrayLike<number>} labels
 * @param {number} count of classes
 * @param {number[]} extent a square: left, right, bottom and top
 * @returns {{label: number, x: number, y: number, dots: number}[]} the largest class first
 */
export function middles(places, labels, count, [left, right, bottom]) {
  const cell = (right - left) / CELLS;
  const dots = new Uint32Array(count * CELLS * CELLS);
  const within = (/** @type {number} */ offset) =>
    Math.min(Math.max(Math.floor(offset / cell), 0), CELLS - 1);
  for (let row = 0; row < labels.length; row++) {
    const [column, line] = [within(places[2 * row] - left), within(places[2 * row + 1] - bottom)];
    dots[(labels[row] * CELLS + line) * CELLS + column] += 1;
  }
  let found = Array.from({ length: count }, (_, label) => {
    const own = dots.subarray(label * CELLS * CELLS, (label + 1) * CELLS * CELLS);
    const [most, sum] = own.reduce(([max, all], n) => [Math.max(max, n), all + n], [0, 0]);
    const at = own.indexOf(most);
    const x = left + ((at % CELLS) + 0.5) * cell;
    return { label, x, y: bottom + (Math.floor(at / CELLS) + 0.5) * cell, dots: sum };
  });
  for (let round = 0; round < ROUNDS; round++) {
    const sums = new Float64Array(3 * count);
    for (let row = 0; row < labels.length; row++) {
      const x = places[2 * row];
      const y = places[2 * row + 1];
      const label = labels[row];
      if ((x - found[label].x) ** 2 + (y - found[label].y) ** 2 > (NEARBY * cell) ** 2) continue;
      sums[3 * label] += x;
      sums[3 * label + 1] += y;
      sums[3 * label + 2] += 1;
    }
    found = found.map((one, i) => {
      const [x, y, near] = sums.subarray(3 * i, 3 * i + 3);
      return near ? { ...one, x: x / near, y: y / near } : one;
    });
  }
  return found.filter((one) => one.dots > 0).sort((one, other) => other.dots - one.dots);
}

/** Rectangles that must not overlap. */
export class Room {
  static #CELL = 64;
  /** The rectangles that reach into a cell. @type {Map<string, number[][]>} */
  #taken = new Map();

  /**
   * Takes a rectangle if all of it is free.
   *
   * @param {number} x its centre
   * @param {number} y @param {number} halfWidth @param {number} halfHeight
   * @param {number} [apart] least distance to other rectangles
   */
  take(x, y, halfWidth, halfHeight, apart = 0) {
    const cell = (/** @type {number} */ pixel) => Math.floor(pixel / Room.#CELL);
    const [left, right] = [x - halfWidth, x + halfWidth];
    const [top, bottom] = [y - halfHeight, y + halfHeight];
    const within = (/** @type {number} */ margin, /** @type {(key: string) => void} */ use) => {
      for (let i = cell(left - margin); i <= cell(right + margin); i++) {
        for (let j = cell(top - margin); j <= cell(bottom + margin); j++) use(`${i},${j}`);
      }
    };
    let isFree = true;
    within(apart, (key) => {
      for (const [l, r, t, b] of this.#taken.get(key) ?? []) {
        const isClear =
          left - apart >= r || right + apart <= l || top - apart >= b || bottom + apart <= t;
        isFree &&= isClear;
      }
    });
    if (isFree) {
      within(0, (key) =>
        this.#taken.set(key, [...(this.#taken.get(key) ?? []), [left, right, top, bottom]]),
      );
    }
    return isFree;
  }
}

/**
 * The dots that are shown as pictures: those with room around them, in the end all when zooming in.
 *
 * @param {import("./view.js").View} view
 * @param {{places: Float32Array, cells: import("../../shared/cells.js").Cells}} map
 * @param {(row: number) => boolean} isVisible
 * @param {Room} room gets the pictures
 * @returns {{rows: number[], size: number}} `size`: the side of a picture, CSS pixels
 */
export function thumbnails(view, { places, cells }, isVisible, room) {
  const { left, right, bottom, top } = view.bounds();
  const seen = [];
  for (let row = 0; row < places.length / 2; row++) {
    const x = places[2 * row];
    const y = places[2 * row + 1];
    if (x > left && x < right && y > bottom && y < top && isVisible(row)) seen.push(row);
  }
  const spread = Math.sqrt((view.width * view.height) / Math.max(seen.length, 1));
  const size = Math.round(Math.min(Math.max(0.8 * spread, SMALL), LARGE));
  const reach = size / 2 / view.shown.scale;
  const side = reach / Math.SQRT2; // of a square in which any two dots are within reach
  const columns = Math.ceil((right - left) / side);
  const dots = new Uint32Array(columns * Math.ceil((top - bottom) / side));
  const squares = new Uint32Array(seen.length);
  for (let i = 0; i < seen.length; i++) {
    const line = Math.floor((places[2 * seen[i] + 1] - bottom) / side);
    squares[i] = line * columns + Math.floor((places[2 * seen[i]] - left) / side);
    dots[squares[i]] += 1;
  }
  const rows = seen
    .filter((_, i) => dots[squares[i]] === 1)
    .sort((one, other) => shuffled(one) - shuffled(other))
    .filter((row) => {
      const [x, y] = [places[2 * row], places[2 * row + 1]];
      const isAlone = cells.nearest(x, y, 2, reach, isVisible).length < 2;
      return isAlone && room.take(...view.pixelOf(x, y), size / 2, size / 2, 2);
    });
  return { rows, size };
}

/** A key for an order unlike the file's (multiplicative hashing, Knuth). @param {number} row */
function shuffled(row) {
  return Math.imul(row, 0x9e3779b1) >>> 0;
}
