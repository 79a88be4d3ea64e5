/**
 * Searches in the worker for a better latent of an image than the encoder's, and shows how much the
 * encoder loses.
 *
 * @typedef {{content: string, z: number[], image: string}} RefineData `image`: its bytes in Base64
 * @typedef {import("../shared/refine.js").Found} Found
 */

import { follow, framedButton, segments } from "../shared/controls.js";
import { build, find, setText, changeText } from "../shared/elements.js";
import { URGENCY } from "../shared/engine.js";
import { Painter } from "../shared/paint.js";
import { decimal } from "../shared/plane.js";

const CHOICES = /** @type {const} */ ([["As encoded", "As encoded"], ["Refined", "Refined"]]); // prettier-ignore

const HTML = `<div class="refine">
  <div class="controls">Latent</div>
  <div class="found" hidden>
    <figure><canvas></canvas><figcaption></figcaption></figure>
    <figure><canvas></canvas><figcaption></figcaption></figure>
    <small>From the encoder's q(z|x) a search moves it, and stretches it along each axis, until the image's −ELBO is least.
      Terms are means over <span class="draws"></span> draws of z that the search has not used.</small>
  </div>
  <p role="status"></p></div>`;

export class Refine {
  #host;
  #box;
  #line;
  #painters;
  #button;
  #given = "";
  /** @type {Float32Array | null} */
  #image = null;
  /** @type {number[]} */
  #z = [];
  #search = 0;
  /** Results for the encoder's q(z|x), and for the refined one. @type {Found[]} */
  #found = [];
  #ends;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, host) {
    const { hub, model } = host;
    this.#host = host;
    this.#box = build("around", HTML);
    root.append(this.#box);
    setText(this.#box, ".draws", String(model.header.refining.draws[1]));
    const canvases = Array.from(this.#box.querySelectorAll("canvas"));
    this.#painters = canvases.map((canvas) => new Painter(canvas, model.header.imageShape));
    this.#line = hub.engine.line(URGENCY.tiles);
    this.#button = framedButton("", () => this.#move());
    const choice = segments("Latent", CHOICES, (value) => hub.settings.set("latent", value));
    find(this.#box, ".controls").append(choice.element, this.#button);
    this.#ends = [
      follow(hub.settings, "latent", choice),
      hub.settings.onChange((name) => (name === "latent" || name === null) && this.#start()),
    ];
    this.#start();
  }

  /** @param {RefineData} data */
  update({ z, image }) {
    this.moved(z);
    if (image === this.#given) return;
    this.#given = image;
    this.show(Float32Array.from(atob(image), (byte) => byte.charCodeAt(0) / 255));
  }

  close() {
    for (const end of this.#ends) end();
    this.#line.close();
    this.#host.model.way = [];
  }

  /**
   * Sets the image whose latent is refined.
   *
   * @param {Float32Array | null} image with values in [0, 1]; null while it changes
   */
  show(image) {
    const former = this.#image;
    this.#image = image;
    if (image === former || image?.every((value, i) => value === former?.[i])) return;
    this.#start();
  }

  /** Takes the latent of the point. @param {number[]} z */
  moved(z) {
    this.#z = z;
    this.#nameButton();
  }

  #start() {
    const { hub, model } = this.#host;
    const isWanted = hub.settings.get("latent") === "Refined";
    const found = find(this.#box, ".found");
    found.hidden = !isWanted || !this.#image;
    found.classList.toggle("old", isWanted);
    this.#found = [];
    model.way = [];
    this.#nameButton();
    const search = ++this.#search;
    const image = isWanted ? this.#image : null;
    setText(this.#box, "p", image ? "Searching …" : "");
    if (!image) return this.#line.drop();
    const { content } = model;
    this.#line.ask({ kind: "refine", content, image }, ({ problem, found: places, pixels }) => {
      if (search !== this.#search) return; // another search has started meanwhile
      if (problem) setText(this.#box, "p", problem);
      else this.#show(places, pixels);
    });
  }

  /** @param {Found[]} found @param {Uint8ClampedArray} pixels of both pictures */
  #show(found, pixels) {
    const half = pixels.length / 2;
    const box = find(this.#box, ".found");
    this.#found = found;
    box.classList.remove("old");
    const [first, second] = found.map(({ reconstruction, kl }) => reconstruction + kl);
    for (const [i, figure] of Array.from(box.querySelectorAll("figcaption")).entries()) {
      const { reconstruction, kl } = found[i];
      this.#painters[i].paint(pixels.subarray(i * half, (i + 1) * half));
      const terms = [reconstruction + kl, reconstruction, kl].map((nats) => nats.toFixed(1));
      const place = i ? "at the refined place" : "at the encoder's place";
      changeText(figure, `${place}: −ELBO ${terms[0]} = reconstruction ${terms[1]} + KL ${terms[2]} nats`.replace(/-/g, "−")); // prettier-ignore
    }
    const lost = Math.round(100 * (first - second)) / 100 || 0; // and not −0
    setText(this.#box, "p", `Lost by the encoder: ${decimal(lost)} nats`);
    this.#host.model.way = found.map(({ z }) => z);
    this.#nameButton();
  }

  /** Whether the point is at the refined place. */
  get #isThere() {
    const [, refined] = this.#found;
    return Boolean(refined && this.#host.model.isSame(refined.z, this.#z));
  }

  #nameButton() {
    this.#button.hidden = !this.#found.length;
    changeText(
      this.#button,
      this.#isThere ? "Back to the encoder's place" : "Use the refined place",
    );
  }

  #move() {
    this.#host.tell("point", { z: this.#found[Number(!this.#isThere)].z, row: null });
  }
}
