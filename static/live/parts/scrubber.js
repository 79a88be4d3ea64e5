/**
 * A slider along a path through the latent space, with play and pause.
 *
 * @typedef {{content: string, path: number[][]}} ScrubberData
 */

import { build, find, same } from "../shared/elements.js";

/** Between still pictures for those who asked for less motion, seconds. */
const PAUSE = 0.5;
/** From one end of the path to the other, seconds. */
const DURATION = 4;

const HTML = `
  <button type="button" class="play" aria-label="Play">▶</button>
  <input type="range" min="0" max="1" step="0.001" value="0" class="range"
    aria-label="Place on the path, from the first image to the second">
  <output></output>`;

export class Scrubber {
  #model;
  #tell;
  #play;
  #range;
  #output;
  /** @type {number[][]} */
  #path = [];
  #latent;
  #frame = 0;
  #direction = 1;
  #elapsed = 0;
  #endLook;
  #isCalm = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { model, tell }) {
    const box = build("scrubber", HTML);
    root.append(box);
    this.#model = model;
    this.#tell = tell;
    this.#latent = new Float32Array(model.header.latentDim);
    this.#play = find(box, ".play");
    this.#range = find(box, ".range", HTMLInputElement);
    this.#output = find(box, "output");
    this.#play.addEventListener("click", () => (this.#frame ? this.#pause() : this.#start()));
    this.#range.addEventListener("input", () => this.#show());
    this.#range.addEventListener("change", () => this.#settle());
    this.#range.addEventListener("pointerdown", () => this.#stop());
    // When nobody looks elsewhere any more, the picture is the path's again
    this.#endLook = model.onLook((z, source) => {
      if (z === null && source !== this) queueMicrotask(() => model.look(this.#latent, this));
    });
  }

  /** @param {ScrubberData} data */
  update({ path }) {
    const isOther = !same(path, this.#path);
    if (isOther) this.#range.value = "0";
    this.#path = path;
    if (isOther) this.#show();
    else this.#locate();
  }

  close() {
    this.#stop();
    this.#endLook();
    this.#model.look(null, this);
  }

  #stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#play.textContent = "▶";
    this.#play.setAttribute("aria-label", "Play");
  }

  #pause() {
    this.#stop();
    this.#settle();
  }

  #settle() {
    this.#tell("settled", { z: Array.from(this.#latent), row: null });
  }

  #start() {
    this.#play.textContent = "❚❚";
    this.#play.setAttribute("aria-label", "Pause");
    let before = performance.now();
    const step = (/** @type {number} */ now) => {
      this.#advance((now - before) / 1000);
      before = now;
      this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  /** There and back again. @param {number} seconds */
  #advance(seconds) {
    this.#elapsed += seconds;
    if (this.#isCalm.matches && this.#elapsed < PAUSE) return;
    const t = this.#range.valueAsNumber + (this.#direction * this.#elapsed) / DURATION;
    this.#elapsed = 0;
    if (t >= 1 || t <= 0) this.#direction = t >= 1 ? -1 : 1;
    this.#range.value = String(t);
    this.#show();
  }

  #show() {
    this.#locate();
    this.#model.look(this.#latent, this);
  }

  /** Finds the latent at the slider's place. */
  #locate() {
    const t = this.#range.valueAsNumber;
    const place = t * (this.#path.length - 1);
    const first = Math.min(Math.floor(place), this.#path.length - 2);
    const share = place - first;
    for (let i = 0; i < this.#latent.length; i++) {
      this.#latent[i] = this.#path[first][i] * (1 - share) + this.#path[first + 1][i] * share;
    }
    this.#output.textContent = `${Math.round(100 * t)} %`;
  }
}
