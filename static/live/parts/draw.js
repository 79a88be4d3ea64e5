/**
 * A canvas to draw on, and the model's reconstruction of the drawing as it is drawn.
 *
 * When a stroke ends, the host gets the drawing as a PNG of what the model sees; one where pictures
 * are opened gets its place as well. Parts of several models for images of the same size show the
 * same drawing, if they have the same sheet; as each model sees it in its own way, each part gives
 * its own PNG to the host when it is made.
 *
 * @typedef {{content: string, z: number[], background: number[], side: number | null,
 *   neighbours: number, errorColours: number[][], fit: import("./crop.js").Fit,
 *   tones: import("../shared/tone.js").Limits,
 *   sheet?: string, moves?: boolean, opens?: boolean, follows?: boolean,
 *   refines?: boolean}} DrawData
 *   `background` of each channel, 0 to 255; `side`: pixels to which objects are scaled, or null;
 *   `fit`: how a picture of another aspect ratio is fitted; `moves`: whether the point moves to the
 *   drawing; `opens`: whether pictures can be opened here; `follows`: whether the drawing is made on
 *   another model's canvas; `refines`: whether its latent can be refined
 */

import { button, toggle } from "../shared/controls.js";
import { build, find, newContext, contextOf } from "../shared/elements.js";
import { URGENCY } from "../shared/engine.js";
import { fromPixels, hex, Painter } from "../shared/paint.js";
import { Pictures } from "../shared/pictures.js";
import { centring, Sketch } from "../shared/sketch.js";
import { Crop, openPicture } from "./crop.js";
import { DrawingResult } from "./drawing_result.js";
import { Pen } from "./pen.js";
import { Refine } from "./refine.js";

const HTML = `<div class="draw">
  <div class="controls"></div>
  <figure class="crop" hidden></figure>
  <canvas class="paper" role="img" aria-label="Drawing: draw with mouse, pen or finger"></canvas>
  <div class="made">
    <figure><canvas class="seen"></canvas><figcaption>what the model sees</figcaption></figure>
    <figure><canvas class="again picture"></canvas><figcaption>reconstruction</figcaption></figure>
    <figure><canvas class="error"></canvas><figcaption>error map</figcaption></figure>
    <figure><canvas class="near"></canvas><figcaption>nearest test image</figcaption></figure>
    <p class="terms"></p>
    <p class="classes-near"></p>
  </div>
  <p class="problem" role="alert" hidden>This is not a picture that the browser can read; try a PNG or JPEG.</p></div>`;

export class Draw {
  #host;
  #box;
  #model;
  #paper;
  #pen;
  #seen;
  #result;
  #line;
  #start;
  #pictures;
  /** @type {{sketch?: Sketch, isGiven?: boolean, isCentred?: boolean, shown?: Set<() => void>}} */
  #memory = {};
  /** @type {Set<() => void>} */
  #shown = new Set();
  #sketch = new Sketch();
  /** The test image to start from once its picture is there, or −1. */
  #awaited = -1;
  #frame = 0;
  #endSettings;
  /** The switch for scaling and centring, if there is one. @type {ReturnType<typeof toggle> | undefined} */
  #centre;
  /** The opened picture that can be cropped. @type {import("./crop.js").Opened | undefined} */
  #opened;
  /** Number of drawings asked about, and the last of them that was finished. */
  #asked = 0;
  #finished = 0;
  /** @type {Refine | null} */
  #refine = null;
  #data = /** @type {DrawData | null} */ (null);

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, host) {
    const { hub, model } = host;
    const box = build("around", HTML);
    root.append(box);
    const { imageShape } = model.header;
    const context = (/** @type {string} */ selector) => {
      const canvas = find(box, selector, HTMLCanvasElement);
      [canvas.height, canvas.width] = imageShape;
      return contextOf(canvas, { willReadFrequently: true });
    };
    this.#host = host;
    this.#box = box;
    this.#model = model;
    this.#paper = context(".paper");
    this.#seen = context(".seen");
    this.#line = hub.engine.line(URGENCY.picture);
    this.#start = hub.engine.line(URGENCY.reading);
    this.#pictures = new Pictures(hub.engine, model, () => {
      this.#result.showNearest();
      this.#startFromAwaited();
    });
    this.#result = new DrawingResult(box, model, this.#pictures);
    this.#pen = new Pen(this.#paper.canvas, {
      begin: (stroke) => this.#sketch.add(stroke),
      extend: () => this.#drawSoon(),
      end: () => this.#settle(),
    });
    this.#endSettings = hub.settings.onChange(this.#redraw);
  }

  /** @param {DrawData} data */
  update(data) {
    const isFirst = this.#data === null;
    this.#data = data;
    if (isFirst && data.refines) this.#refine = new Refine(this.#box, this.#host);
    this.#refine?.moved(data.z);
    if (!isFirst) return;
    this.#memory = this.#host.hub.memory(
      `drawing ${data.sheet ?? ""} of ${this.#model.header.imageShape}`,
    );
    this.#shown = this.#memory.shown ??= this.#shown;
    this.#shown.add(this.#redraw);
    this.#sketch = this.#memory.sketch ??= this.#sketch;
    find(this.#box, ".draw").classList.toggle("follows", Boolean(data.follows));
    find(this.#box, ".draw").classList.toggle("small", Boolean(data.sheet));
    if (!data.follows) this.#makeControls(data);
    this.#draw();
    if (this.#memory.isGiven && !data.follows) this.#give();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#shown.delete(this.#redraw);
    this.#refine?.close();
    this.#line.close();
    this.#start.close();
    this.#pictures.close();
    this.#endSettings();
    this.#model.look(null, this);
  }

  /** @param {DrawData} data */
  #makeControls({ background, side, opens }) {
    find(this.#box, ".controls").append(...this.#pen.makeControls(background));
    if (side !== null) {
      const centre = toggle("Scale and centre", (value) => {
        this.#memory.isCentred = value;
        this.#settle();
      });
      centre.element.title = `To ${side} pixels, the centre of mass in the middle, as MNIST's digits are`;
      centre.show((this.#memory.isCentred ??= true));
      this.#centre = centre;
      find(this.#box, ".controls").append(centre.element);
    }
    const startFromTest = () => {
      this.#awaited = Math.floor(Math.random() * this.#model.labels.length);
      this.#startFromAwaited();
    };
    const group = build("control");
    group.append(
      button(
        "Undo step",
        () => this.#change(() => this.#sketch.undo()),
        "Undo step: the last one of the drawing",
      ),
      button("Clear", () => this.#startFrom(null), "Clear: start from a blank sheet"),
      button("The point", () => this.#startFromPoint(), "The point: start from its picture"),
      button("A test image", startFromTest, "A test image: start from a random one"),
    );
    if (opens) group.append(button("Open a picture", () => this.#open()));
    find(this.#box, ".controls").append(group);
  }

  /** Starts from a picture that the user opens. */
  #open() {
    const field = document.createElement("input");
    Object.assign(field, { type: "file", accept: "image/*" });
    field.addEventListener("change", async () => {
      const [file] = field.files ?? [];
      const picture = await createImageBitmap(file).catch(() => null);
      find(this.#box, ".problem").hidden = picture !== null;
      if (picture) this.#startFromOpened(picture);
    });
    field.click();
  }

  /** @param {ImageBitmap} picture */
  #startFromOpened(picture) {
    if (!this.#data) return;
    const { opened, isPlain } = openPicture(picture, this.#model.header.imageShape, this.#data);
    if (isPlain !== null) this.#centre?.show((this.#memory.isCentred = isPlain)); // else it has no one object
    this.#change(() => this.#sketch.add({ picture: opened.canvas, opened }));
  }

  /** Lets the user choose the part of the opened picture that the model sees. */
  #makeCrop() {
    const { opened } = this.#sketch;
    if (opened === this.#opened) return;
    this.#opened = opened;
    const box = find(this.#box, ".crop");
    box.hidden = !opened;
    const use = (/** @type {boolean} */ isDone) => (isDone ? this.#settle() : this.#drawSoon());
    if (opened) new Crop(box, opened, use);
  }

  /** @param {CanvasImageSource | null} picture */
  #startFrom(picture) {
    this.#change(() => this.#sketch.add({ picture }));
  }

  #startFromPoint() {
    const z = Float32Array.from(this.#data?.z ?? []);
    this.#start.ask({ kind: "picture", content: this.#model.content, z }, ({ pixels }) => {
      const picture = document.createElement("canvas");
      new Painter(picture, this.#model.header.imageShape).paint(pixels);
      this.#startFrom(picture);
    });
  }

  /** Starts from an original, or its reconstruction if the page has none, once it is there. */
  #startFromAwaited() {
    if (this.#awaited < 0) return;
    const [height, width] = this.#model.header.imageShape;
    const pen = newContext(width, height);
    if (!this.#pictures.draw(pen, this.#awaited, 0, 0, width, height)) return;
    this.#awaited = -1;
    this.#startFrom(pen.canvas);
  }

  /** @param {() => void} act */
  #change(act) {
    find(this.#box, ".problem").hidden = true;
    act();
    this.#settle();
  }

  #redraw = () => {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  };

  #drawSoon() {
    for (const redraw of this.#shown) redraw();
  }

  /** Draws the sketch, and asks the model for its reconstruction. */
  #draw() {
    if (!this.#data) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { background, side, neighbours } = this.#data;
    this.#makeCrop();
    const ground = hex(background);
    let pixels = this.#sketch.render(this.#paper, ground);
    const isCentred = side !== null && this.#memory.isCentred;
    const placing = isCentred
      ? centring(pixels, this.#paper.canvas.width, background[0], side)
      : undefined;
    pixels = this.#sketch.render(this.#seen, ground, placing);
    const image = fromPixels(pixels, background.length);
    const { content } = this.#model;
    const asked = ++this.#asked;
    this.#line.ask({ kind: "drawing", content, image, neighbours }, (answer) => {
      this.#show(answer, pixels);
      if (this.#data?.opens && asked === this.#finished && !this.#sketch.isEmpty) {
        this.#host.tell("point", { z: Array.from(answer.z) });
      }
    });
    this.#refine?.show(this.#pen.isDown || this.#sketch.isEmpty ? null : image);
  }

  /** Draws what the model sees, and gives it to the host. */
  #settle() {
    this.#drawSoon();
    this.#draw();
    this.#finished = this.#asked;
    this.#memory.isGiven = true;
    this.#give();
  }

  #give() {
    this.#host.tell("settled", { picture: this.#seen.canvas.toDataURL() });
  }

  /** @param {import("./drawing_result.js").Answer} answer @param {Uint8ClampedArray} original */
  #show(answer, original) {
    if (!this.#data) return;
    this.#result.show(answer, original, this.#data.errorColours);
    const isLooked = !this.#sketch.isEmpty && (this.#data.moves || this.#pen.isDown);
    this.#model.look(isLooked ? answer.z : null, this);
  }
}
