/**
 * A slider along a path through the latent space, with play and pause, or along those of two
 * models at once.
 *
 * @typedef {{content: string, path: number[][]}} Way of a model
 * @typedef {Way & {beside?: Way}} ScrubberData
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
  #hub;
  #tell;
  #play;
  #range;
  #output;
  /** @type {ScrubberData | null} */
  #data = null;
  /** @type {{model: import("../shared/model.js").Model, path: number[][], latent: Float32Array, end: () => void}[]} */
  #tracks = [];
  #frame = 0;
  #direction = 1;
  #elapsed = 0;
  #isCalm = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub, tell }) {
    const box = build("scrubber", HTML);
    root.append(box);
    this.#hub = hub;
    this.#tell = tell;
    this.#play = find(box, ".play");
    this.#range = find(box, ".range", HTMLInputElement);
    this.#output = find(box, "output");
    this.#play.addEventListener("click", () => (this.#frame ? this.#pause() : this.#start()));
    this.#range.addEventListener("input", () => this.#show());
    this.#range.addEventListener("change", () => this.#settle());
    this.#range.addEventListener("pointerdown", () => this.#stop());
  }

  /** @param {ScrubberData} data */
  update(data) {
    if (same(data, this.#data)) return;
    this.#leave();
    this.#data = data;
    this.#range.value = "0";
    for (const { content, path } of data.beside ? [data, data.beside] : [data]) {
      this.#hub.withModel(content, (model) => this.#data === data && this.#follow(model, path));
    }
  }

  close() {
    this.#stop();
    this.#leave();
    this.#data = null;
  }

  /** @param {import("../shared/model.js").Model} model @param {number[][]} path */
  #follow(model, path) {
    const latent = new Float32Array(model.header.latentDim);
    // When nobody looks elsewhere any more, the picture is the path's again
    const end = model.onLook((z, source) => {
      if (z === null && source !== this) queueMicrotask(() => model.look(latent, this));
    });
    this.#tracks.push({ model, path, latent, end });
    this.#show();
  }

  #leave() {
    for (const { model, end } of this.#tracks.splice(0)) {
      end();
      model.look(null, this);
    }
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
    const [track] = this.#tracks; // none until the model is there
    if (track && !this.#data?.beside) {
      this.#tell("settled", { z: Array.from(track.latent), row: null });
    }
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

  /** Looks at the latents at the slider's place. */
  #show() {
    const t = this.#range.valueAsNumber;
    this.#output.textContent = `${Math.round(100 * t)} %`;
    for (const { model, path, latent } of this.#tracks) {
      const place = t * (path.length - 1);
      const first = Math.min(Math.floor(place), path.length - 2);
      const share = place - first;
      for (let i = 0; i < latent.length; i++) {
        latent[i] = path[first][i] * (1 - share) + path[first + 1][i] * share;
      }
      model.look(latent, this);
    }
  }
}
