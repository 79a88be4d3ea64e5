/** A model as the page knows it: its networks, the test set's latents and the data's density. */

/**
 * @typedef {{at: number, bytes: number}} Section
 * @typedef {{
 *   content: string, latentDim: number, imageShape: number[], classes: string[],
 *   decoder: string, encoder: string | null, sections: Record<string, Section>,
 * }} Header
 */

export class Model {
  /**
   * The test set's images side by side; null where the server has none, undefined until it tells.
   * @type {ImageBitmap | null | undefined}
   */
  sprite = undefined;
  /** @type {Set<() => void>} */
  #onSprite = new Set();
  #bytes;
  /** @type {Header} */
  #header;
  #mean;
  #precision;
  #constant;
  #density;
  #terms;

  /** @param {Uint8Array} payload from `explorer/ui/live.py`: header length, header, sections */
  constructor(payload) {
    const bytes = payload.slice(); // its own buffer, so that sections lie on multiples of 4
    const length = new DataView(bytes.buffer).getUint32(0, true);
    this.#header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    this.#bytes = bytes.subarray(4 + length);
    this.zMean = this.#floats("zMean");
    this.labels = new Uint16Array(this.#copy("labels"));
    this.#mean = this.#floats("trainMean");
    this.#precision = this.#floats("trainPrecision");
    this.#constant = this.#floats("trainConstant");
    this.#density = this.#floats("sortedDensity");
    this.#terms = new Float64Array(this.#constant.length);
  }

  /** The hash that tells models apart. */
  get content() {
    return this.#header.content;
  }

  get latentDim() {
    return this.#header.latentDim;
  }

  /** `[height, width, channels]` */
  get imageShape() {
    return this.#header.imageShape;
  }

  get decoder() {
    return { program: this.#header.decoder, weights: this.#section("decoder") };
  }

  /** Null where the browser cannot run it. */
  get encoder() {
    const { encoder } = this.#header;
    return encoder && { program: encoder, weights: this.#section("encoder") };
  }

  setSprite(/** @type {ImageBitmap | null} */ sprite) {
    this.sprite = sprite;
    for (const use of this.#onSprite) use();
  }

  /** Calls back when `sprite` is known; returns how to end it. @param {() => void} use */
  whenSprite(use) {
    this.#onSprite.add(use);
    return () => this.#onSprite.delete(use);
  }

  /** Name of a test image's class. @param {number} row */
  className(row) {
    return this.#header.classes[this.labels[row]];
  }

  /**
   * The test image whose latent mean is nearest, by Euclidean distance.
   *
   * @param {Float32Array} z
   * @returns {{row: number, distance: number}}
   */
  nearest(z) {
    const { zMean, latentDim } = this;
    let row = 0;
    let least = Infinity;
    for (let n = 0, from = 0; from < zMean.length; n++, from += latentDim) {
      let sum = 0;
      for (let i = 0; i < latentDim && sum < least; i++) {
        const difference = z[i] - zMean[from + i];
        sum += difference * difference;
      }
      if (sum < least) {
        least = sum;
        row = n;
      }
    }
    return { row, distance: Math.sqrt(least) };
  }

  /**
   * How dense the training data is at a place: the share of test images in thinner places,
   * 0 to 100, under q(z) = 1/N Σ N(z; μᵢ, σᵢ²), as `explorer/density.py` has it.
   *
   * @param {Float32Array} z
   */
  percentile(z) {
    const value = this.#logDensity(z);
    const sorted = this.#density;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value) low = middle + 1;
      else high = middle;
    }
    return (100 * low) / sorted.length;
  }

  #logDensity(/** @type {Float32Array} */ z) {
    const { latentDim } = this;
    const terms = this.#terms;
    let largest = -Infinity;
    for (let n = 0, from = 0; n < terms.length; n++, from += latentDim) {
      let term = this.#constant[n];
      for (let i = 0; i < latentDim; i++) {
        const difference = z[i] - this.#mean[from + i];
        term -= 0.5 * this.#precision[from + i] * difference * difference;
      }
      terms[n] = term;
      if (term > largest) largest = term;
    }
    let sum = 0;
    for (let n = 0; n < terms.length; n++) {
      const below = terms[n] - largest;
      if (below > -30) sum += Math.exp(below);
    }
    return largest + Math.log(sum / terms.length);
  }

  #section(/** @type {string} */ name) {
    const { at, bytes } = this.#header.sections[name];
    return this.#bytes.subarray(at, at + bytes);
  }

  #copy(/** @type {string} */ name) {
    return this.#section(name).slice().buffer;
  }

  #floats(/** @type {string} */ name) {
    return new Float32Array(this.#copy(name));
  }
}
