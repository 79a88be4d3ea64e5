/** Finds the dots nearest to a place in the plane, with a grid of cells: fast for a million too. */

/** Mean number of dots in a cell. */
const SHARE = 2;
/** Largest number of cells along a side. */
const MOST = 2048;

export class Cells {
  #places;
  #left = Infinity;
  #bottom = Infinity;
  #size = 1;
  #columns = 1;
  #rows = 1;
  /** Where the dots of each cell begin in `#order`. */
  #starts;
  #order;

  /** @param {Float32Array} places x and y of each dot in turn */
  constructor(places) {
    this.#places = places;
    const count = places.length / 2;
    let [right, top] = [-Infinity, -Infinity];
    for (let i = 0; i < places.length; i += 2) {
      this.#left = Math.min(this.#left, places[i]);
      this.#bottom = Math.min(this.#bottom, places[i + 1]);
      right = Math.max(right, places[i]);
      top = Math.max(top, places[i + 1]);
    }
    const [width, height] = [right - this.#left, top - this.#bottom];
    const longest = Math.max(width, height);
    if (longest > 0) {
      const area = Math.max(width * height, (longest * longest) / count);
      this.#size = Math.max(Math.sqrt((area * SHARE) / count), longest / MOST);
      this.#columns = Math.floor(width / this.#size) + 1;
      this.#rows = Math.floor(height / this.#size) + 1;
    }
    this.#starts = new Uint32Array(this.#columns * this.#rows + 1);
    this.#order = new Uint32Array(count);
    const cells = new Uint32Array(count);
    for (let row = 0; row < count; row++) {
      const [x, y] = this.#cellAt(places[2 * row], places[2 * row + 1]);
      cells[row] = y * this.#columns + x;
      this.#starts[cells[row] + 1]++;
    }
    for (let cell = 0; cell < this.#columns * this.#rows; cell++) {
      this.#starts[cell + 1] += this.#starts[cell];
    }
    const next = this.#starts.slice();
    for (let row = 0; row < count; row++) this.#order[next[cells[row]]++] = row;
  }

  /**
   * The dots nearest to a place, nearest first; of equally near dots, the lower row first.
   *
   * @param {number} x @param {number} y
   * @param {number} k largest number of dots
   * @param {number} [reach] largest distance
   * @param {(row: number) => boolean} [accepts] whether a dot counts
   * @returns {{row: number, squared: number}[]} with the squares of their distances
   */
  nearest(x, y, k, reach = Infinity, accepts = () => true) {
    /** @type {{row: number, squared: number}[]} */
    const found = [];
    const [column, line] = this.#cellAt(x, y);
    const [last, furthest] = [this.#columns - 1, Math.max(this.#columns, this.#rows)];
    const first = Math.max(0, -column, column - last, -line, line - this.#rows + 1);
    for (let ring = first; ring <= first + furthest; ring++) {
      // All dots of this ring are at least this far away
      const least = Math.max(0, ring - 1) * this.#size;
      if (least > reach || (found.length === k && found[k - 1].squared <= least * least)) break;
      for (let j = Math.max(line - ring, 0); j <= Math.min(line + ring, this.#rows - 1); j++) {
        const step = Math.abs(j - line) === ring || !ring ? 1 : 2 * ring; // whole edge, or its ends
        for (let i = column - ring; i <= column + ring; i += step) {
          if (i >= 0 && i <= last)
            this.#scan(j * this.#columns + i, x, y, k, reach, accepts, found);
        }
      }
    }
    return found;
  }

  /**
   * @param {number} cell @param {number} x @param {number} y @param {number} k
   * @param {number} reach @param {(row: number) => boolean} accepts
   * @param {{row: number, squared: number}[]} found is kept in order
   */
  #scan(cell, x, y, k, reach, accepts, found) {
    for (let at = this.#starts[cell]; at < this.#starts[cell + 1]; at++) {
      const row = this.#order[at];
      const squared = (this.#places[2 * row] - x) ** 2 + (this.#places[2 * row + 1] - y) ** 2;
      if (squared > reach * reach || !accepts(row)) continue;
      let place = found.length;
      while (place > 0 && isBefore(squared, row, found[place - 1])) place--;
      if (place < k) found.splice(place, 0, { row, squared });
      if (found.length > k) found.pop();
    }
  }

  /** @param {number} x @param {number} y */
  #cellAt(x, y) {
    return [Math.floor((x - this.#left) / this.#size), Math.floor((y - this.#bottom) / this.#size)];
  }
}

/** @param {number} squared @param {number} row @param {{row: number, squared: number}} other */
function isBefore(squared, row, other) {
  return squared < other.squared || (squared === other.squared && row < other.row);
}
