/**
 * A slider along a path through the latent space, with play and pause.
 *
 * @typedef {{content: string, path: number[][]}} ScrubberData
 */

import { look } from "./hub.js";
import { part } from "./part.js";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
/** Between those still pictures, seconds. */
const PAUSE = 0.5;
/** From one end of the path to the other, seconds. */
const DURATION = 4;

const HTML = `
  <button type="button" class="play" aria-label="Play">▶</button>
  <input type="range" min="0" max="1" step="0.001" value="0" class="range"
    aria-label="Place on the path, from the first image to the second">
  <output></output>`;

class Scrubber {
  #play;
  #range;
  #output;
  /** @type {ScrubberData | null} */
  #data = null;
  #send;
  #latent = new Float32Array(0);
  #frame = 0;
  #direction = 1;
  #elapsed = 0;

  constructor(/** @type {HTMLElement} */ root) {
    const box = document.createElement("div");
    box.className = "scrubber";
    box.innerHTML = HTML;
    root.append(box);
    [this.#play, this.#range, this.#output] = box.children;
    this.#play.addEventListener("click", () => (this.#frame ? this.#pause() : this.#start()));
    this.#range.addEventListener("input", () => this.#show());
    this.#range.addEventListener("change", () => this.#settle());
    this.#range.addEventListener("pointerdown", () => this.stop());
  }

  update(/** @type {ScrubberData} */ data, send) {
    const isOther = JSON.stringify(data.path) !== JSON.stringify(this.#data?.path);
    this.#data = data;
    this.#send = send;
    this.#latent = new Float32Array(data.path[0].length);
    if (isOther) this.#range.value = 0;
    this.#locate();
  }

  close() {
    this.stop();
    look(null, this);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#play.textContent = "▶";
    this.#play.setAttribute("aria-label", "Play");
  }

  #pause() {
    this.stop();
    this.#settle();
  }

  #settle() {
    this.#send("settled", { z: Array.from(this.#latent), row: null });
  }

  #start() {
    this.#play.textContent = "❚❚";
    this.#play.setAttribute("aria-label", "Pause");
    let before = performance.now();
    const step = (now) => {
      this.#advance((now - before) / 1000);
      before = now;
      this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  /** There and back again; in a few still pictures for those who asked for less motion. */
  #advance(/** @type {number} */ seconds) {
    this.#elapsed += seconds;
    if (STILL.matches && this.#elapsed < PAUSE) return;
    let t = Number(this.#range.value) + (this.#direction * this.#elapsed) / DURATION;
    this.#elapsed = 0;
    if (t >= 1 || t <= 0) {
      this.#direction = t >= 1 ? -1 : 1;
      t = Math.max(0, Math.min(1, t));
    }
    this.#range.value = t;
    this.#show();
  }

  #show() {
    this.#locate();
    look(this.#latent, this);
  }

  /** Finds the latent at the slider's place. */
  #locate() {
    const { path } = this.#data;
    const place = Number(this.#range.value) * (path.length - 1);
    const first = Math.min(Math.floor(place), path.length - 2);
    const share = place - first;
    for (let i = 0; i < this.#latent.length; i++) {
      this.#latent[i] = path[first][i] * (1 - share) + path[first + 1][i] * share;
    }
    this.#output.textContent = `${Math.round(100 * Number(this.#range.value))} %`;
  }
}

export default part(Scrubber);
