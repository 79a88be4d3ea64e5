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

import { button, colour, segments, slider, toggle } from "../shared/controls.js";
import { Bounds, build, find, newContext, contextOf, setText } from "../shared/elements.js";
import { URGENCY } from "../shared/engine.js";
import { errorMap, fromPixels, Painter } from "../shared/paint.js";
import { Pictures } from "../shared/pictures.js";
import { centring, Sketch } from "../shared/sketch.js";
import { suggestTone } from "../shared/tone.js";
import { Crop } from "./crop.js";
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

/** Side of the copy of an opened picture from which its tone is suggested, pixels. */
const THUMBNAIL = 64;
/** Length of the line that a tap draws, in pixels of the image. */
const DOT = 0.01;

export class Draw {
  #host;
  #box;
  #model;
  #tell;
  #paper;
  #bounds;
  #seen;
  #again;
  #error;
  #near;
  #line;
  #start;
  #pictures;
  #hub;
  /** @type {{sketch?: Sketch, isGiven?: boolean, isCentred?: boolean, shown?: Set<() => void>}} */
  #memory = {};
  /** @type {Set<() => void>} */
  #shown = new Set();
  #sketch = new Sketch();
  /** @type {import("../shared/sketch.js").Stroke | null} */
  #stroke = null;
  #tool = "brush";
  #width;
  #colour = "";
  #nearest = -1;
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
    const { hub, model, tell } = host;
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
    this.#tell = tell;
    this.#paper = context(".paper");
    this.#bounds = new Bounds(this.#paper.canvas);
    this.#seen = context(".seen");
    this.#near = context(".near");
    this.#again = new Painter(find(box, ".again", HTMLCanvasElement), imageShape);
    this.#error = new Painter(find(box, ".error", HTMLCanvasElement), imageShape);
    this.#line = hub.engine.line(URGENCY.picture);
    this.#start = hub.engine.line(URGENCY.reading);
    this.#pictures = new Pictures(hub.engine, model, () => {
      this.#showNearest();
      this.#startFromAwaited();
    });
    this.#hub = hub;
    this.#width = Math.max(1, Math.round(imageShape[1] / 5.6) / 2);
    this.#listen(this.#paper.canvas);
    this.#endSettings = hub.settings.onChange(this.#redraw);
  }

  /** @param {DrawData} data */
  update(data) {
    const isFirst = this.#data === null;
    this.#data = data;
    if (isFirst && data.refines) this.#refine = new Refine(this.#box, this.#host);
    this.#refine?.moved(data.z);
    if (!isFirst) return;
    this.#memory = this.#hub.memory(
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
    const tool = segments(
      "Tool",
      /** @type {const} */ ([["brush", "Brush"], ["eraser", "Eraser"]]), // prettier-ignore
      (value) => (this.#tool = value),
    );
    const most = Math.round(this.#model.header.imageShape[1] / 3);
    const size = slider(
      "Size",
      { min: 0.5, max: most, step: 0.5 },
      (value) => (this.#width = value),
    );
    const opposite = background.map((value) => (value < 128 ? 255 : 0));
    this.#colour = hex(opposite);
    const use = (/** @type {string} */ value) => (this.#colour = value);
    const ink =
      background.length > 1
        ? colour("Colour", use)
        : slider("Grey", { min: 0, max: 255, step: 1 }, (value) => use(hex([value])));
    tool.show("brush");
    size.show(this.#width);
    /** @type {{show: (value: any) => void}} */ (ink).show(
      background.length > 1 ? this.#colour : opposite[0],
    );
    find(this.#box, ".controls").append(tool.element, size.element, ink.element);
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
    const { background, fit, tones } = this.#data;
    const [height, width] = this.#model.header.imageShape;
    const { canvas } = newContext(width, height);
    let tone = { invert: false, stretch: false };
    if (background.length === 1) {
      const small = newContext(THUMBNAIL, THUMBNAIL);
      small.drawImage(picture, 0, 0, THUMBNAIL, THUMBNAIL);
      const { data } = small.getImageData(0, 0, THUMBNAIL, THUMBNAIL);
      const { isPlain, ...suggested } = suggestTone(data, THUMBNAIL, background[0], tones);
      tone = suggested;
      this.#centre?.show((this.#memory.isCentred = isPlain)); // else it has no one object
    }
    const opened = { picture, canvas, background, fit, tone };
    this.#change(() => this.#sketch.add({ picture: canvas, opened }));
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

  /** @param {HTMLCanvasElement} paper */
  #listen(paper) {
    paper.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      paper.setPointerCapture(event.pointerId);
      const background = hex(this.#data?.background ?? [0]);
      this.#stroke = {
        path: new Path2D(),
        width: this.#width,
        colour: this.#tool === "eraser" ? background : this.#colour,
      };
      const [x, y] = this.#placeOf(event);
      this.#stroke.path.moveTo(x - DOT, y); // or a tap would draw nothing
      this.#sketch.add(this.#stroke);
      this.#extend(event);
    });
    paper.addEventListener("pointermove", (event) => {
      if (!this.#stroke || !event.isPrimary) return;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.#extend(each);
    });
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      paper.addEventListener(end, ({ isPrimary }) => {
        if (!this.#stroke || !isPrimary) return; // a palm on the screen does not end a stroke
        this.#stroke = null;
        this.#settle();
      });
    }
  }

  /** @param {PointerEvent} event */
  #extend(event) {
    this.#stroke?.path.lineTo(...this.#placeOf(event));
    this.#drawSoon();
  }

  /** @param {PointerEvent} event @returns {[number, number]} in pixels of the image */
  #placeOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#bounds.rect;
    const { canvas } = this.#paper;
    return [((clientX - left) * canvas.width) / width, ((clientY - top) * canvas.height) / height];
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
        this.#tell("point", { z: Array.from(answer.z) });
      }
    });
    this.#refine?.show(this.#stroke || this.#sketch.isEmpty ? null : image);
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
    this.#tell("settled", { picture: this.#seen.canvas.toDataURL() });
  }

  /**
   * @param {{z: Float32Array, pixels: Uint8ClampedArray, reconstruction: number | null,
   *   kl: number | null, rows: number[]}} answer
   * @param {Uint8ClampedArray} original
   */
  #show({ z, pixels, reconstruction, kl, rows }, original) {
    if (!this.#data) return;
    this.#again.paint(pixels);
    this.#error.paint(errorMap(original, pixels, this.#data.errorColours));
    const terms = Object.entries({ "reconstruction without noise": reconstruction, KL: kl }).filter(
      ([, term]) => term !== null,
    );
    const told = terms.map(([name, term]) => `${name} ${term?.toFixed(1)} nats`);
    setText(this.#box, ".terms", told.join(" · "));
    this.#nearest = rows[0];
    this.#showNearest();
    setText(this.#box, ".classes-near", this.#describe(rows));
    const isLooked = !this.#sketch.isEmpty && (this.#data.moves || this.#stroke);
    this.#model.look(isLooked ? z : null, this);
  }

  #showNearest() {
    const { width, height } = this.#near.canvas;
    if (this.#nearest >= 0) this.#pictures.draw(this.#near, this.#nearest, 0, 0, width, height);
  }

  /** Classes of test images, the most frequent first. @param {number[]} rows */
  #describe(rows) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const row of rows) {
      const name = this.#model.classOf(row);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const sorted = [...counts].sort((a, b) => b[1] - a[1]);
    const listed = sorted.map(([name, count]) => `${name} (${count})`).join(", ");
    return `Classes of the ${rows.length} nearest test images: ${listed}`;
  }
}

/** A colour as CSS writes it. @param {number[]} channels one or three, 0 to 255 */
function hex(channels) {
  const [red, green = red, blue = red] = channels;
  return `#${[red, green, blue].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
