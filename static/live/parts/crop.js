/**
 * Chooses the part of a picture that becomes the model's image, with a frame to drag and resize.
 *
 * The picture lies in a stage with the aspect ratio of the model's images; the places of picture
 * and frame are given as shares of the stage.
 *
 * @typedef {"crop" | "pad" | "stretch"} Fit how a picture of another aspect ratio is fitted
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{x: number, y: number, size: number}} Frame
 * @typedef {{picture: ImageBitmap, light: HTMLCanvasElement, canvas: HTMLCanvasElement,
 *   background: number[], fit: Fit, tone: import("../shared/tone.js").Tone, frame?: Frame}} Opened
 *   a picture and the light on its paper, the canvas that gets the part, and the background around
 *   the picture: a value for each channel, 0 to 255
 */

import { contextOf, find, newContext } from "../shared/elements.js";
import { toggle } from "../shared/controls.js";
import { drawLight } from "../shared/light.js";
import { applyTone, AS_IT_IS, suggestTone } from "../shared/tone.js";
import { ARROWS } from "./keys.js";

/** The shortest side of a frame, and the step of an arrow key, as shares of the stage. */
const [LEAST, STEP] = [0.05, 0.01];
/** Factors by which keys resize the frame. @type {Record<string, number | undefined>} */
const GROWTH = { "+": 1.1, "=": 1.1, "-": 1 / 1.1 };
/** Width of the stage, CSS pixels. */
const WIDTH = 320;
/** Side of the copy of a picture in which its tone and its light are found, pixels. */
const THUMBNAIL = 64;

const HTML = `
  <div class="whole">
    <canvas></canvas>
    <div class="cut" role="application" tabindex="0"
      aria-label="What the model sees of the picture: arrow keys move the frame, + and − resize it"><i></i></div>
  </div>
  <figcaption>Drag the frame, or its corner, around what the model should see</figcaption>
  <div class="controls"></div>`;

/**
 * Makes a picture ready to be framed, in the tone that is suggested for it if it is to be grey.
 *
 * @param {ImageBitmap} picture
 * @param {number[]} shape of the model's images
 * @param {{background: number[], fit: Fit, tones: import("../shared/tone.js").Limits}} given
 * @returns {{opened: Opened, isPlain: boolean | null}} `isPlain`: whether it shows an object on a
 *   flat ground; null if that is not known
 */
export function openPicture(picture, [height, width], { background, fit, tones }) {
  const small = newContext(THUMBNAIL, THUMBNAIL);
  small.imageSmoothingQuality = "high";
  small.drawImage(picture, 0, 0, THUMBNAIL, THUMBNAIL);
  const thumbnail = small.getImageData(0, 0, THUMBNAIL, THUMBNAIL);
  const isOwn = picture.width === width && picture.height === height;
  const { isPlain, ...tone } =
    background.length === 1
      ? suggestTone(thumbnail.data, THUMBNAIL, background[0], tones, isOwn)
      : { isPlain: null, ...AS_IT_IS };
  drawLight(thumbnail);
  small.putImageData(thumbnail, 0, 0);
  const { canvas } = newContext(width, height);
  return { opened: { picture, light: small.canvas, canvas, background, fit, tone }, isPlain };
}

/**
 * Where a picture lies in the stage.
 *
 * @param {number} proportion aspect ratio of the picture divided by that of the stage
 * @param {Fit} fit
 * @returns {Box}
 */
export function placeOf(proportion, fit) {
  const width = fit === "stretch" ? 1 : Math.min(proportion, 1);
  const height = fit === "stretch" ? 1 : Math.min(1 / proportion, 1);
  return { x: (1 - width) / 2, y: (1 - height) / 2, width, height };
}

/**
 * The first frame: the part of a picture that is read in training.
 *
 * @param {Box} place @param {Fit} fit
 * @returns {Frame}
 */
export function firstFrame({ width, height }, fit) {
  const size = fit === "crop" ? Math.min(width, height) : 1;
  return { x: (1 - size) / 2, y: (1 - size) / 2, size };
}

/**
 * Moves and resizes a frame within the stage.
 *
 * @param {Frame} frame @param {number} right @param {number} down @param {number} [times]
 * @returns {Frame}
 */
export function changed(frame, right, down, times = 1) {
  const size = sizeOf(times * frame.size);
  const within = (/** @type {number} */ start) => Math.min(Math.max(start, 0), 1 - size);
  return { x: within(frame.x + right), y: within(frame.y + down), size };
}

/** @param {number} share of the stage */
const sizeOf = (share) => Math.min(Math.max(share, LEAST), 1);

export class Crop {
  #opened;
  #place;
  #frame;
  #cut;
  #use;

  /**
   * @param {HTMLElement} box @param {Opened} opened
   * @param {(isDone: boolean) => void} use is called when the canvas shows another part; `isDone`
   *   is false while the frame is being dragged
   */
  constructor(box, opened, use) {
    box.innerHTML = HTML;
    const { picture, canvas, fit } = opened;
    const aspect = canvas.width / canvas.height;
    this.#opened = opened;
    this.#place = placeOf(picture.width / picture.height / aspect, fit);
    this.#frame = opened.frame ?? firstFrame(this.#place, fit);
    this.#cut = find(box, ".cut");
    this.#use = use;
    const whole = find(box, "canvas", HTMLCanvasElement);
    Object.assign(whole, { width: WIDTH, height: Math.round(WIDTH / aspect) });
    this.#draw(contextOf(whole), { x: 0, y: 0, size: 1 }, picture);
    this.#listen(whole);
    this.#show(this.#frame);
    for (const [name, label] of /** @type {const} */ ([["invert", "Invert"], ["stretch", "Stretch contrast"], ["even", "Even light"]])) {
      const control = toggle(label, (value) => {
        opened.tone[name] = value;
        this.#show(this.#frame);
        use(true);
      });
      control.show(opened.tone[name]);
      find(box, ".controls").append(control.element);
    } // prettier-ignore
  }

  /** @param {HTMLElement} whole */
  #listen(whole) {
    const cut = this.#cut;
    /** @type {((event: PointerEvent) => void) | null} */
    let drag = null;
    cut.addEventListener("pointerdown", ({ isPrimary, pointerId, target, clientX, clientY }) => {
      if (!isPrimary) return;
      cut.setPointerCapture(pointerId);
      const [frame, { width, height }] = [this.#frame, whole.getBoundingClientRect()];
      drag = (event) => {
        const right = (event.clientX - clientX) / width;
        const down = (event.clientY - clientY) / height;
        const times = 1 + Math.max(right, down) / frame.size;
        this.#show(target === cut ? changed(frame, right, down) : changed(frame, 0, 0, times));
        this.#use(false);
      };
    });
    cut.addEventListener("pointermove", (event) => event.isPrimary && drag?.(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      cut.addEventListener(end, ({ isPrimary }) => {
        if (!isPrimary || !drag) return;
        drag = null;
        this.#use(true);
      });
    }
    cut.addEventListener("keydown", (event) => {
      const [arrow, times] = [ARROWS[event.key], GROWTH[event.key] ?? 1];
      if ((!arrow && times === 1) || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const { size } = this.#frame;
      const inwards = (size - sizeOf(times * size)) / 2; // around its centre
      const [right, down] = (arrow ?? [0, 0]).map((step) => STEP * step + inwards);
      this.#show(changed(this.#frame, right, down, times));
      this.#use(true);
    });
  }

  /** @param {Frame} frame */
  #show(frame) {
    this.#frame = this.#opened.frame = frame;
    const [left, top, side] = [frame.x, frame.y, frame.size].map((share) => `${100 * share}%`);
    Object.assign(this.#cut.style, { left, top, width: side, height: side });
    const { picture, canvas, background, tone } = this.#opened;
    const context = contextOf(canvas);
    const image = this.#draw(context, frame, picture);
    const light = tone.even ? this.#lightIn(frame) : undefined;
    applyTone(image.data, tone, background, light);
    context.putImageData(image, 0, 0);
  }

  /** The light in the framed part, four values for each pixel. @param {Frame} frame */
  #lightIn(frame) {
    const { canvas, light } = this.#opened;
    return this.#draw(newContext(canvas.width, canvas.height), frame, light).data;
  }

  /**
   * Draws the framed part, and returns its pixels.
   *
   * @param {CanvasRenderingContext2D} context @param {Frame} frame
   * @param {CanvasImageSource} picture the opened one, or its light
   */
  #draw(context, { x, y, size }, picture) {
    const { width, height } = context.canvas;
    const [across, down] = [width / size, height / size];
    const place = this.#place;
    context.clearRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    const [left, top] = [(place.x - x) * across, (place.y - y) * down];
    context.drawImage(picture, left, top, place.width * across, place.height * down);
    return context.getImageData(0, 0, width, height);
  }
}
