/**
 * The lens: the image decoded at the latent that is looked at, the test image there or nearest to
 * it, and how far to trust the decoded image.
 *
 * @typedef {{content: string, z: number[]}} LensData
 * @typedef {{row: number, distance: number, back: number | null, percentiles: (number | null)[],
 *   verdict: import("../shared/space.js").Verdict, pixels: Uint8ClampedArray | null, isOwn: boolean}} Reading
 */

import { build, find, contextOf, setText } from "../shared/elements.js";
import { URGENCY } from "../shared/engine.js";
import { Focus } from "../shared/focus.js";
import { Painter } from "../shared/paint.js";
import { decimal, describe } from "../shared/plane.js";

/** Pause after which screen readers announce the latent, milliseconds. */
const SETTLED = 400;
/** Pause after which an original is requested, milliseconds. */
const REST = 150;

const HTML = `
  <figure>
    <canvas class="picture" role="img" aria-label="Decoded image"></canvas>
    <figcaption class="place"></figcaption>
  </figure>
  <div class="what"><strong></strong><div class="near"></div></div>
  <div class="pair">
    <figure class="original"><canvas></canvas><figcaption>original</figcaption></figure>
    <figure class="repeat"><canvas class="again"></canvas><figcaption>reconstruction</figcaption></figure>
  </div>
  <div class="trust"><span class="badge"></span> <span class="density"></span><small></small></div>
  <div class="quiet" aria-live="polite"></div>`;

export class Lens {
  #box;
  #model;
  #hub;
  #original;
  #again;
  #stored;
  #focus;
  #readings;
  #point = new Float32Array(0);
  /** Rows of the reconstruction and of the original that are shown. */
  #shownRow = -1;
  #originalRow = -1;
  /** Rows of the exact original that is shown, and of the one that was requested. */
  #exactRow = -1;
  #askedRow = -1;
  /** A further remark about a test image. @type {(row: number) => string} */
  remark = () => "";
  #shown = "";
  /** @type {Reading | null} */
  #reading = null;
  #frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #wait;
  #ends;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub, model }) {
    const box = build("lens", HTML);
    root.append(box);
    this.#box = box;
    this.#model = model;
    this.#hub = hub;
    this.#original = find(box, ".original canvas", HTMLCanvasElement);
    const { imageShape, hasDecoder, hasReconstructions } = model.header;
    const painter = new Painter(find(box, ".picture", HTMLCanvasElement), imageShape);
    this.#stored = find(box, ".again", HTMLCanvasElement);
    this.#again = new Painter(this.#stored, imageShape);
    [this.#original.height, this.#original.width] = imageShape;
    this.#focus = new Focus(hub.engine, model, (pixels, z) => {
      painter.paint(pixels);
      this.#shown = describe(z);
      this.#writeSoon();
    });
    this.#readings = hub.engine.line(URGENCY.reading);
    this.#ends = [
      model.onLook((z, _, row) => this.#show(z ?? this.#point, row)),
      model.whenSprite(() => this.#drawOriginal()),
    ];
    find(box, ".pair").hidden = model.problem !== null;
    if (model.problem) setText(this.#box, ".place", "no picture: the page cannot run the model");
    box.classList.toggle("bare", !hasDecoder);
    find(box, ".repeat").hidden = !hasDecoder && !hasReconstructions;
    this.#drawOriginal();
    model.look(null, this); // a part with a latent of its own then looks at it again
  }

  /** @param {LensData} data */
  update({ z }) {
    this.#point = Float32Array.from(z);
    this.#show(this.#point, null);
  }

  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#wait);
    cancelAnimationFrame(this.#frame);
    this.#focus.close();
    this.#readings.close();
    for (const end of this.#ends) end();
  }

  /** @param {Float32Array} latent @param {number | null} row of the image whose own latent it is */
  #show(latent, row) {
    const { content, header, problem, labels } = this.#model;
    const label = row === null ? undefined : labels[row];
    if (problem || latent.length !== header.latentDim) return;
    if (header.hasDecoder) this.#focus.show(latent, label);
    const z = latent.slice();
    const shown = () => this.#shownRow;
    const request = {
      kind: /** @type {const} */ ("reading"),
      ...{ content, z, label },
      get shownRow() {
        return shown(); // read when the request is sent, which may have waited for another answer
      },
    };
    this.#readings.ask(request, (reading) => {
      if (reading.pixels) this.#again.paint(reading.pixels);
      this.#shownRow = reading.row;
      const isOwn = this.#model.isSame(z, this.#model.meanOf(reading.row));
      this.#reading = { ...reading, row: row ?? reading.row, isOwn: row !== null || isOwn };
      this.#drawOriginal(row ?? reading.row);
      this.#writeSoon();
    });
  }

  /** Writes once a frame, after its events: otherwise each event would need another layout. */
  #writeSoon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#shown) setText(this.#box, ".place", `decoded at ${this.#shown}`);
      if (this.#reading) this.#write(this.#reading);
    });
  }

  /** @param {Reading} reading */
  #write({ row, isOwn, distance, percentiles, verdict: { level, reasons } }) {
    const { hasDecoder, trust } = this.#model.header;
    find(this.#box, ".badge").dataset.level = level;
    setText(this.#box, ".badge", trust.words[level]);
    setText(this.#box, ".density", reasons.join("; "));
    const shares = percentiles.flatMap((share, i) =>
      share === null || (isOwn && i === 2)
        ? []
        : [`${Math.floor(share)}\u00a0% ${trust.shares[i]}`],
    );
    setText(this.#box, ".trust small", `Of the test images, ${shares.join(", ")}`);
    const image = `test image #${row} · ${this.#model.classOf(row)}`;
    const remark = this.remark(row);
    const none = hasDecoder ? "Decoded here" : "No image here";
    const nearest = `Nearest ${image}, ${decimal(distance)} away${remark && `, ${remark}`}`;
    setText(this.#box, ".what strong", isOwn ? `T${image.slice(1)}` : none);
    setText(this.#box, ".near", isOwn ? remark : nearest);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#announce(), SETTLED);
  }

  #drawOriginal(row = this.#originalRow) {
    this.#originalRow = row;
    const { sprite, header, isExact } = this.#model;
    const place = row < 0 ? row : this.#model.tileOf(row);
    find(this.#box, ".original").hidden = sprite !== undefined && place < 0 && isExact; // kept until that is known
    if (!isExact && row >= 0) this.#askForOriginal(row);
    const draw = (/** @type {HTMLCanvasElement} */ canvas, /** @type {number} */ tile) => {
      const context = contextOf(canvas);
      if (tile < 0) context.clearRect(0, 0, canvas.width, canvas.height);
      else this.#model.drawTile(context, tile, [0, 0, canvas.width, canvas.height]);
    };
    if (sprite !== undefined && row !== this.#exactRow) draw(this.#original, place);
    if (sprite && row >= 0 && header.hasReconstructions)
      draw(this.#stored, this.#model.reconstructionTileOf(row));
  }

  /** Replaces a thumbnail by the original image, once the pointer rests. @param {number} row */
  #askForOriginal(row) {
    if (row === this.#askedRow) return;
    this.#askedRow = row;
    this.#exactRow = -1;
    clearTimeout(this.#wait);
    this.#wait = setTimeout(async () => {
      const image = await this.#hub.actions.original(this.#model.content, row);
      if (!image) this.#askedRow = -1; // may be tried again
      if (!image || row !== this.#originalRow) return;
      this.#exactRow = row;
      contextOf(this.#original).drawImage(image, 0, 0);
    }, REST);
  }

  #announce() {
    const [place, ...words] = [".place", ".what strong", ".near", ".badge"].map(
      (selector) => find(this.#box, selector).textContent,
    );
    find(this.#box, ".picture").setAttribute("aria-label", `Image ${place}`);
    setText(this.#box, ".quiet", words.join("; "));
  }
}
