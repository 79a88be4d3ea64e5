/**
 * The manifold: images decoded on a grid over a map, drawn a few tiles at a time.
 *
 * @typedef {{content: string, name: string, z: number[],
 *   rows: import("./sliders.js").RowSpec[], reach: number, tiles: number}} GridData
 *   `rows`, `reach` and `tiles` are for sliders along the dimensions that do not span the plane
 */

import { chosenAxes, chosenMap, makeChoice } from "../shared/choice.js";
import { follow, framedButton, segments, slider, toggle } from "../shared/controls.js";
import { find, newContext, contextOf, textElement, same } from "../shared/elements.js";
import { downloadPicture } from "../shared/files.js";
import { Painter } from "../shared/paint.js";
import { decimal } from "../shared/plane.js";
import { EXTENTS, SIZES } from "../shared/settings.js";
import { coordinates } from "../shared/spacing.js";
import { TileDecoder } from "../shared/tiles.js";
import { Sliders } from "./sliders.js";
import { TileBox } from "./tilebox.js";

const HTML = `
  <div class="controls"></div>
  <div class="manifold">
    <div class="ticks up" aria-hidden="true"></div>
    <div class="picker grid" role="application">
      <canvas></canvas><canvas class="shade"></canvas>
      <div class="tile point" hidden></div><div class="tile cursor" hidden></div>
    </div>
    <div class="ticks across" aria-hidden="true"></div>
  </div>
  <div class="others"><p>Move the plane along the other dimensions:</p><div></div></div>`;

/** Longest name of an axis, in letters, for which there is room beside the grid. */
const LONG = 6;
/** Gap between tiles, in pixels of an image. */
const GAP = 1;
/** Opacity of the shade over holes and over empty places of a neighbourhood map. */
const SHADE = 0.75;
/** Number of sliders below the grid, for the most informative dimensions. */
const OTHERS = 8;
/** Largest number of values along an axis. */
const TICKS = 9;
/** Pixels of the downloaded picture for a pixel of an image, and for the margin. */
const [SCALE, MARGIN] = [2, 56];

export class Grid {
  #hub;
  #model;
  #root;
  #box;
  #canvas;
  #shade;
  #tiles;
  #decoder;
  #others;
  /** @type {Painter | null} */
  #painter = null;
  /** @type {GridData | null} */
  #data = null;
  #map;
  /** Coordinates of columns and rows on the map, ascending. @type {[number[], number[]]} */
  #places = [[], []];
  #latent;
  #ends;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub, model, tell }) {
    root.innerHTML = HTML;
    this.#root = root;
    this.#hub = hub;
    this.#model = model;
    this.#box = find(root, ".grid");
    this.#canvas = find(root, "canvas", HTMLCanvasElement);
    this.#shade = find(root, ".shade", HTMLCanvasElement);
    this.#latent = new Float32Array(model.header.latentDim);
    this.#map = chosenMap(model, hub.settings, this.#latent);
    this.#decoder = new TileDecoder(hub.engine, model);
    this.#others = new Sliders(find(root, ".others > div"), { hub, model, tell });
    const choose = (/** @type {number} */ tile) => {
      const z = Array.from(this.#latentOf(tile));
      this.#drawPoint(z);
      tell("settled", { z, row: null });
    };
    this.#tiles = new TileBox(this.#box, (tile) => this.#pointAt(tile), choose);
    this.#ends = [
      ...this.#makeBar(find(root, ".controls")),
      hub.settings.onChange(() => this.#restart()),
      model.onLook((z, source) => source !== this && this.#follow(z ?? this.#data?.z ?? [])),
    ];
  }

  /** @param {GridData} data */
  update(data) {
    const isFirst = this.#data === null;
    const isMoved = !same(data.z, this.#data?.z);
    this.#data = data;
    if (isFirst) this.#restart();
    else if (isMoved) this.#follow(data.z);
    this.#showOthers();
  }

  close() {
    this.#decoder.close();
    this.#others.close();
    for (const end of this.#ends) end();
    this.#model.look(null, this);
  }

  /** @param {HTMLElement} box @returns {(() => void)[]} functions to call at the end */
  #makeBar(box) {
    const { settings } = this.#hub;
    const ends = [makeChoice(box, this.#model, settings)];
    const size = slider("Tiles a side", SIZES, (v) => settings.set("size", v));
    const extent = slider(
      "Range",
      EXTENTS,
      (v) => settings.set("extent", v),
      (v) => `± ${v}`,
    );
    const spacings = /** @type {const} */ ([["normal", "Normal"], ["linear", "Linear"]]); // prettier-ignore
    const spacing = segments("Spacing", spacings, (v) => settings.set("spacing", v));
    const holes = toggle("Shade holes", (v) => settings.set("holes", v));
    holes.element.title =
      "Dim tiles where the data is thin; where there is none, they are always dimmed";
    const controls = { size, extent, spacing, holes }; // prettier-ignore
    for (const [name, control] of Object.entries(controls)) {
      box.append(control.element);
      ends.push(follow(settings, /** @type {keyof typeof controls} */ (name), control));
    }
    const bar = new ResizeObserver(([{ contentRect }]) =>
      this.#root.style.setProperty("--bar", `${contentRect.height}px`),
    );
    bar.observe(box);
    ends.push(() => bar.disconnect());
    this.#onMap = () => {
      const isPlane = this.#map.kind !== "neighbourhoods";
      for (const { element } of [extent, spacing]) element.hidden = !isPlane;
    };
    const save = framedButton(
      "PNG",
      () => this.#decoder.whenDone(() => this.#download()),
      "PNG of the picture as it is shown",
    );
    box.append(save);
    return ends;
  }

  /** Shows and hides controls after a change of the kind of map. */
  #onMap = () => {};

  #restart() {
    const { settings } = this.#hub;
    const { imageShape, latentDim } = this.#model.header;
    this.#map = chosenMap(this.#model, settings, this.#data?.z ?? this.#latent);
    this.#onMap();
    const size = settings.get("size");
    if (this.#map.kind === "neighbourhoods") {
      const [left, right, bottom, top] = this.#map.extent;
      this.#places = [middles(left, right, size), middles(bottom, top, size)];
    } else {
      const [spacing, extent] = [settings.get("spacing"), settings.get("extent")];
      const counts = [size, latentDim === 1 ? 1 : size];
      const [xs, ys] = counts.map((count) => coordinates(count, spacing, extent));
      this.#places = [xs, ys];
    }
    const [columns, rows] = this.#places.map(({ length }) => length);
    this.#painter = new Painter(this.#canvas, imageShape, columns, rows, GAP);
    [this.#shade.width, this.#shade.height] = [columns, rows];
    this.#box.parentElement?.style.setProperty(
      "--aspect",
      String(this.#canvas.width / this.#canvas.height),
    );
    const isShrunk = this.#canvas.width > this.#box.clientWidth;
    this.#canvas.style.imageRendering = isShrunk ? "auto" : "";
    const start = Math.floor(rows / 2) * columns + Math.floor(columns / 2);
    Object.assign(this.#tiles, { columns, rows, count: columns * rows, start });
    const over = this.#map.labels.filter(Boolean).join(" and ") || "a map of neighbourhoods";
    this.#box.setAttribute("aria-label", `${rows} by ${columns} decoded images over ${over}`);
    this.#drawTicks();
    this.#redraw();
    this.#drawPoint(this.#data?.z ?? []);
    this.#showOthers();
  }

  #redraw() {
    const [xs, ys] = this.#places;
    const { hole } = this.#model.header.trust;
    const shade = contextOf(this.#shade);
    shade.fillStyle = this.#paper;
    this.#decoder.start(
      xs.length * ys.length,
      (tile, z) => this.#latentOf(tile, z),
      (pixels, tile, share) => {
        this.#painter?.paint(pixels, tile);
        const [column, row] = [tile % xs.length, Math.floor(tile / xs.length)];
        shade.clearRect(column, row, 1, 1);
        const isEmpty = this.#map.isEmpty(xs[column], ys[ys.length - 1 - row]);
        if (isEmpty || share < hole) shade.fillRect(column, row, 1, 1);
      },
      { shares: this.#hub.settings.get("holes") },
    );
  }

  /** Colour of the page. */
  get #paper() {
    return getComputedStyle(this.#root).getPropertyValue("--st-background-color") || "white";
  }

  /** Follows the latent that is looked at; a plane may move. @param {ArrayLike<number>} z */
  #follow(z) {
    if (z.length !== this.#model.header.latentDim) return;
    if (this.#map.isMoving) {
      this.#map = chosenMap(this.#model, this.#hub.settings, z);
      this.#redraw();
    }
    this.#drawPoint(z);
  }

  /** @param {number} tile @param {Float32Array} [z] where to write it */
  #latentOf(tile, z = this.#latent) {
    const [xs, ys] = this.#places;
    const row = Math.floor(tile / xs.length);
    return this.#map.lift(xs[tile % xs.length], ys[ys.length - 1 - row], z);
  }

  /** @param {number | null} tile */
  #pointAt(tile) {
    this.#model.look(tile === null ? null : this.#latentOf(tile), this, null);
  }

  /** Marks the tile that is nearest to a latent. @param {ArrayLike<number>} z */
  #drawPoint(z) {
    if (z.length !== this.#latent.length) return;
    const place = this.#map.place(z);
    const [column, row] = this.#places.map((values, axis) => closest(values, place[axis]));
    const isOutside = this.#places.some(
      (values, axis) => Math.abs(place[axis] - middle(values)) > 1.1 * half(values) + 1e-6,
    );
    const isHidden = isOutside && this.#map.kind !== "neighbourhoods";
    const [xs, ys] = this.#places;
    const tile = (ys.length - 1 - row) * xs.length + column;
    this.#tiles.frame(find(this.#root, ".point"), isHidden ? null : tile);
  }

  /** Shows sliders for the dimensions that move a plane of dimensions. */
  #showOthers() {
    const data = this.#data;
    const axes = chosenAxes(this.#model, this.#hub.settings);
    const isMovable = this.#map.kind === "dimensions" && this.#map.isMoving;
    find(this.#root, ".others").hidden = !isMovable;
    if (!data || !isMovable) return;
    const rows = data.rows.filter(({ dimension }) => !axes.includes(dimension)).slice(0, OTHERS);
    this.#others.update({ ...data, rows });
  }

  /** Values along an axis, each with its place as a share of the length. @param {0 | 1} axis */
  #ticksOf(axis) {
    const values = this.#places[axis];
    if (!this.#map.labels[axis]) return [];
    const step = Math.ceil(values.length / TICKS);
    const last = values.length - 1;
    return values
      .map((value, i) => ({ text: decimal(value), share: (i + 0.5) / values.length }))
      .filter((_, i) => i === last || (i % step === 0 && last - i >= step));
  }

  #drawTicks() {
    const isBare = !this.#map.labels.some(Boolean);
    find(this.#root, ".manifold").classList.toggle("bare", isBare);
    for (const [axis, name] of /** @type {const} */ ([[0, ".across"], [1, ".up"]])) {
      const spans = this.#ticksOf(axis).map(({ text, share }) => {
        const span = textElement("span", text);
        span.style.setProperty(axis ? "bottom" : "left", `${100 * share}%`);
        return span;
      });
      const label = this.#map.labels[axis];
      const title = textElement("b", label && `${"→↑"[axis]} ${label}`);
      title.classList.toggle("long", this.#map.labels[1].length > LONG);
      find(this.#root, name).replaceChildren(...spans, title);
    } // prettier-ignore
  }

  /** Downloads the picture as it is shown, with the values along the axes. */
  #download() {
    const [width, height] = [SCALE * this.#canvas.width, SCALE * this.#canvas.height];
    const pen = newContext(width + MARGIN, height + MARGIN);
    pen.fillStyle = this.#paper;
    pen.fillRect(0, 0, width + MARGIN, height + MARGIN);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.#canvas, MARGIN, 0, width, height);
    pen.globalAlpha = SHADE;
    pen.drawImage(this.#shade, MARGIN, 0, width, height);
    pen.globalAlpha = 1;
    pen.fillStyle = getComputedStyle(this.#root).color;
    pen.font = "14px sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "center";
    for (const { text, share } of this.#ticksOf(0)) {
      pen.fillText(text, MARGIN + share * width, height + 14);
    }
    pen.textAlign = "right";
    for (const { text, share } of this.#ticksOf(1)) {
      pen.fillText(text, MARGIN - 6, (1 - share) * height);
    }
    const [across, up] = this.#map.labels;
    if (pen.measureText(up).width < MARGIN - 6) {
      pen.fillText(up, MARGIN - 6, height + 14);
      pen.textAlign = "center";
      pen.fillText(across, MARGIN + width / 2, height + 40);
    } else {
      pen.fillText(`→ ${across}`, MARGIN + width, height + 40, width / 2);
      pen.textAlign = "left";
      pen.fillText(`↑ ${up}`, 6, height + 40, width / 2);
    }
    downloadPicture(`${this.#data?.name}-manifold.png`, pen.canvas);
  }
}

/**
 * Midpoints of equal cells between two ends.
 *
 * @param {number} low @param {number} high @param {number} count
 */
function middles(low, high, count) {
  return Array.from({ length: count }, (_, i) => low + ((i + 0.5) * (high - low)) / count);
}

/** @param {number[]} values ascending */
const middle = (values) => (values[0] + values[values.length - 1]) / 2;
/** @param {number[]} values ascending */
const half = (values) => (values[values.length - 1] - values[0]) / 2;

/** @param {number[]} values @param {number} value */
function closest(values, value) {
  const distances = values.map((other) => Math.abs(other - value));
  return distances.indexOf(Math.min(...distances));
}
