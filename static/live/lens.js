/**
 * The lens: the image decoded at the latent that is looked at, what lies nearest to it in the
 * test set, and how far to trust it.
 *
 * @typedef {{content: string, z: number[]}} LensData
 */

import { Network } from "./decoder.js";
import { onLook, withModel } from "./hub.js";
import { Painter } from "./paint.js";
import { part } from "./part.js";
import { decimal, describe } from "./plane.js";
import { Runner } from "./runner.js";
import { COLUMNS } from "./sprite.js";

/** Below these percentiles of density a place has no data, or little. */
const NONE = 1;
const LITTLE = 10;

/** Pause after which the latent counts as settled, for screen readers, milliseconds. */
const SETTLED = 400;

const HTML = `
  <figure>
    <canvas class="picture" role="img"></canvas>
    <figcaption class="place"></figcaption>
  </figure>
  <div class="trust"><span class="badge"></span> <span class="density"></span></div>
  <div class="near"></div>
  <div class="pair">
    <figure class="original"><canvas></canvas><figcaption>original</figcaption></figure>
    <figure><canvas class="again"></canvas><figcaption>reconstruction</figcaption></figure>
  </div>
  <div class="quiet" aria-live="polite"></div>`;

class Lens {
  #part;
  /** @type {LensData | null} */
  #data = null;
  /** @type {import("./model.js").Model | null} */
  #model = null;
  /** @type {Runner | null} */
  #decoder = null;
  /** @type {Network | null} */
  #encoder = null;
  #again = null;
  #painter = null;
  #againPainter = null;
  #endSprite = null;
  #shownRow = -1;
  #timer = 0;
  #latent = new Float32Array(0);
  #end;

  constructor(/** @type {HTMLElement} */ root) {
    const box = document.createElement("div");
    box.className = "lens";
    box.innerHTML = HTML;
    root.append(box);
    this.#part = (name) => box.querySelector(name);
    this.#end = onLook((z) => this.#show(z ?? this.#data?.z));
  }

  update(/** @type {LensData} */ data) {
    const isOther = data.content !== this.#data?.content;
    this.#data = data;
    if (isOther) {
      this.#close();
      withModel(data.content, (model) => {
        if (this.#data?.content === data.content) this.#open(model);
      });
    }
    this.#show(data.z);
  }

  close() {
    this.#end();
    this.#data = { ...this.#data, content: "" }; // a model that arrives later is not for it
    this.#close();
  }

  #open(model) {
    this.#model = model;
    const { program, weights } = model.decoder;
    this.#painter = new Painter(this.#part(".picture"), model.imageShape);
    this.#decoder = new Runner(program, weights, (image, z) => this.#draw(image, z));
    this.#again = new Network(program, weights);
    this.#againPainter = new Painter(this.#part(".again"), model.imageShape);
    [this.#part(".original canvas").height, this.#part(".original canvas").width] = model.imageShape;
    this.#encoder = model.encoder && new Network(model.encoder.program, model.encoder.weights);
    this.#latent = new Float32Array(model.latentDim);
    this.#endSprite = model.whenSprite(() => this.#drawOriginal());
    this.#drawOriginal();
    this.#show(this.#data.z);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#decoder?.close();
    this.#endSprite?.();
    this.#decoder = this.#model = null;
    this.#shownRow = -1;
  }

  #show(z) {
    if (this.#decoder && z && z.length === this.#model.latentDim) this.#decoder.request(z);
  }

  #draw(image, z) {
    this.#painter.paint(image);
    this.#part(".place").textContent = `decoded at ${describe(z)}`;
    this.#drawTrust(image, z);
    this.#drawNearest(z);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#announce(), SETTLED);
  }

  #drawTrust(image, z) {
    const share = this.#model.percentile(z);
    const badge = this.#part(".badge");
    const level = share < NONE ? "none" : share < LITTLE ? "little" : "much";
    badge.dataset.level = level;
    badge.textContent = { none: "no data here", little: "sparse", much: "well covered" }[level];
    const back = this.#encoder ? `; returns to within ${decimal(this.#returnDistance(image, z))}` : "";
    this.#part(".density").textContent = `denser than ${Math.floor(share)} % of the test images${back}`;
  }

  /** ‖E(D(z)) − z‖ */
  #returnDistance(image, z) {
    const encoded = this.#encoder.run(image);
    let sum = 0;
    for (let i = 0; i < z.length; i++) sum += (encoded[i] - z[i]) ** 2;
    return Math.sqrt(sum);
  }

  #drawNearest(z) {
    const model = this.#model;
    const { row, distance } = model.nearest(z);
    this.#part(".near").textContent =
      `Nearest test image: ${model.className(row)}, ${decimal(distance)} away`;
    if (row === this.#shownRow) return;
    this.#shownRow = row;
    const from = row * model.latentDim;
    this.#latent.set(model.zMean.subarray(from, from + model.latentDim));
    this.#againPainter.paint(this.#again.run(this.#latent));
    this.#drawOriginal();
  }

  #drawOriginal() {
    const sprite = this.#model?.sprite;
    this.#part(".original").hidden = sprite === null; // its place is kept until that is known
    if (!sprite || this.#shownRow < 0) return;
    const [height, width] = this.#model.imageShape;
    const x = (this.#shownRow % COLUMNS) * width;
    const y = Math.floor(this.#shownRow / COLUMNS) * height;
    const context = this.#part(".original canvas").getContext("2d");
    context.drawImage(sprite, x, y, width, height, 0, 0, width, height);
  }

  #announce() {
    const near = this.#part(".near").textContent;
    this.#part(".picture").setAttribute("aria-label", `Image ${this.#part(".place").textContent}`);
    this.#part(".quiet").textContent = `${near}; ${this.#part(".badge").textContent}`;
  }
}

export default part(Lens);
