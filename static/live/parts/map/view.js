/** The view of a map: places of the plane ↔ pixels, with the same scale along both axes. */

/** Largest factors of zooming out and in, from what is shown at first. */
const [FARTHEST, NEAREST] = [8, 4000];

/** @typedef {{x: number, y: number, scale: number}} Shown centre, and pixels for a step of 1 */

export class View {
  width = 1;
  height = 1;
  /** @type {Shown} */
  shown = { x: 0, y: 0, scale: 1 };
  /** Scale at which the whole extent is visible. */
  #whole = 1;

  /**
   * Sets the size of the view; the zoom stays the same.
   *
   * @param {number} width CSS pixels
   * @param {number} height
   * @param {number[]} extent left, right, bottom and top of the whole
   */
  resize(width, height, extent) {
    const before = this.#whole;
    [this.width, this.height] = [Math.max(width, 1), Math.max(height, 1)];
    const [left, right, bottom, top] = extent;
    this.#whole = Math.min(this.width / (right - left), this.height / (top - bottom));
    this.shown.scale *= this.#whole / before;
  }

  /** Shows the whole extent. @param {number[]} extent */
  fit([left, right, bottom, top]) {
    this.shown = { x: (left + right) / 2, y: (bottom + top) / 2, scale: this.#whole };
  }

  /** The zoom factor; 1 shows the whole extent. */
  get zoomed() {
    return this.shown.scale / this.#whole;
  }

  /** @param {number} zoomed */
  set zoomed(zoomed) {
    this.shown.scale = this.#whole * Math.min(Math.max(zoomed, 1 / FARTHEST), NEAREST);
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  pixelOf(x, y) {
    const { x: middleX, y: middleY, scale } = this.shown;
    return [this.width / 2 + (x - middleX) * scale, this.height / 2 - (y - middleY) * scale];
  }

  /**
   * @param {number} across pixels from the left @param {number} down pixels from the top
   * @returns {[number, number]}
   */
  placeAt(across, down) {
    const { x, y, scale } = this.shown;
    return [x + (across - this.width / 2) / scale, y - (down - this.height / 2) / scale];
  }

  /** Moves the content by pixels. @param {number} across @param {number} down */
  pan(across, down) {
    this.shown.x -= across / this.shown.scale;
    this.shown.y += down / this.shown.scale;
  }

  /**
   * Zooms around a pixel, whose place stays fixed.
   *
   * @param {number} factor @param {number} across @param {number} down
   */
  zoom(factor, across = this.width / 2, down = this.height / 2) {
    const [x, y] = this.placeAt(across, down);
    this.zoomed *= factor;
    const [nowX, nowY] = this.placeAt(across, down);
    this.shown.x += x - nowX;
    this.shown.y += y - nowY;
  }

  /** Centres a place if it is not visible. @param {number} x @param {number} y */
  reveal(x, y) {
    const [across, down] = this.pixelOf(x, y);
    const margin = 0.1;
    const isSeen =
      Math.abs(across / this.width - 0.5) < 0.5 - margin &&
      Math.abs(down / this.height - 0.5) < 0.5 - margin;
    if (!isSeen) [this.shown.x, this.shown.y] = [x, y];
  }

  /** Left, right, bottom and top of the visible part of the plane. */
  bounds() {
    const [left, top] = this.placeAt(0, 0);
    const [right, bottom] = this.placeAt(this.width, this.height);
    return { left, right, bottom, top };
  }
}

/**
 * Round numbers between two limits, with a step of 1, 2 or 5 times a power of ten.
 *
 * @param {number} low @param {number} high
 * @param {number} count their largest number, approximately
 */
export function ticks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(low / step);
  const found = [];
  for (let i = first; i * step <= high; i++) {
    found.push({ value: i * step, text: (i * step).toFixed(digits).replace("-", "−") });
  }
  return found;
}

/**
 * Whether a place lies in a polygon (even–odd rule).
 *
 * @param {number[]} polygon x and y of each corner in turn
 * @param {number} x @param {number} y
 */
export function isInside(polygon, x, y) {
  let inside = false;
  for (let i = 0, j = polygon.length - 2; i < polygon.length; j = i, i += 2) {
    const yi = polygon[i + 1];
    const yj = polygon[j + 1];
    if (yi > y !== yj > y) {
      const crossing = ((polygon[j] - polygon[i]) * (y - yi)) / (yj - yi) + polygon[i];
      if (x < crossing) inside = !inside;
    }
  }
  return inside;
}

/**
 * The rows of the places that lie in a polygon.
 *
 * @param {number[]} polygon x and y of each corner in turn
 * @param {Float32Array} places x and y of each place in turn
 * @param {(row: number) => boolean} accepts whether a row counts
 */
export function rowsInside(polygon, places, accepts) {
  const [xs, ys] = [0, 1].map((axis) => polygon.filter((_, i) => i % 2 === axis));
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
  const rows = [];
  for (let row = 0; row < places.length / 2; row++) {
    const x = places[2 * row];
    const y = places[2 * row + 1];
    const isNear = x >= left && x <= right && y >= bottom && y <= top;
    if (isNear && accepts(row) && isInside(polygon, x, y)) rows.push(row);
  }
  return rows;
}
