/**
 * A slider along a path through the latent space, with play and pause, or along the paths of two
 * models at once; for a single path, a curve above it shows the density of the data.
 *
 * @typedef {{content: string, path: number[][]}} Way a path of a model
 * @typedef {Way & {density?: number[], beside?: Way}} ScrubberData `density`: at each latent of the
 *   path the share of test images that lie in thinner places, %
 */

import { undoScrolling } from "../shared/controls.js";
import { build, find, same, setText } from "../shared/elements.js";

/** Time between still pictures for users who prefer reduced motion, seconds. */
const PAUSE = 0.5;
/** Time from one end of the path to the other, seconds. */
const DURATION = 4;

const HTML = `
  <button type="button" class="play" aria-label="Play">▶</button>
  <div class="along">
    <svg class="density" viewBox="0 0 100 100" preserveAspectRatio="none" role="img"><path class="thin"/><path class="curve"/></svg>
    <input type="range" min="0" max="1" step="0.001" value="0" class="range"
      aria-label="Place on the path, from the first image to the second">
    <small></small>
  </div>
  <output></output>`;

/** An SVG line through evenly spaced values, in a square of 100 units. @param {number[]} values */
function lineThrough(values) {
  const step = 100 / (values.length - 1);
  return `M${values.map((value, i) => `${(i * step).toFixed(2)} ${(100 - value).toFixed(1)}`).join("L")}`;
}

export class Scrubber {
  #box;
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
    const box = build("scrubber bare", HTML);
    root.append(box);
    this.#box = box;
    this.#hub = hub;
    this.#tell = tell;
    this.#play = find(box, ".play");
    this.#range = find(box, ".range", HTMLInputElement);
    this.#output = find(box, "output");
    this.#play.addEventListener("click", () => (this.#frame ? this.#pause() : this.#start()));
    undoScrolling(this.#range, () => {
      const { value } = this.#range;
      return () => {
        this.#range.value = value;
        this.#show();
      };
    });
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
    // When no part looks elsewhere any longer, the path's picture comes back
    const end = model.onLook((z, source) => {
      if (z === null && source !== this) queueMicrotask(() => model.look(latent, this));
    });
    this.#tracks.push({ model, path, latent, end });
    this.#draw(model.header.path.thin);
    this.#show();
  }

  /** Draws the density of the data. @param {number} thin percentile below which it is thin */
  #draw(thin) {
    const density = this.#data?.density ?? [];
    this.#box.classList.toggle("bare", !density.length);
    if (!density.length) return;
    const set = (
      /** @type {string} */ selector,
      /** @type {string} */ name,
      /** @type {string} */ value,
    ) => this.#box.querySelector(selector)?.setAttribute(name, value);
    set(".curve", "d", lineThrough(density));
    set(".thin", "d", lineThrough([thin, thin]));
    const [least, most] = [Math.min(...density), Math.max(...density)].map(Math.floor);
    set(".density", "aria-label", `Along the path the data is denser than at ${least} to ${most} % of the test images; dotted: ${thin} %, below which it is thin`); // prettier-ignore
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

  /** Moves the slider, back and forth. @param {number} seconds */
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
    const density = this.#data?.density ?? [];
    const share = density[Math.round(t * (density.length - 1))];
    if (density.length)
      setText(this.#box, "small", `denser than at ${Math.floor(share)} % of the test images`);
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
