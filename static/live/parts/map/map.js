/**
 * The map: every test image a dot, every place between them alive.
 *
 * Pointing at a dot looks at that image's own latent, pointing elsewhere at the latent of that
 * place; a click makes it the point. What is shown is remembered by the hub, for when this
 * part is made again.
 *
 * @typedef {import("../../shared/maps.js").Kind} Kind
 * @typedef {{content: string, z: number[], label: string, path?: number[][], picks?: boolean,
 *   hasLens?: boolean}} MapData `path` is joined by a line; if `picks`, a click chooses a place
 *   and leaves the point where it is
 * @typedef {{shown: Record<string, import("./view.js").Shown>, hidden: Set<number>,
 *   ranges: Record<string, [number, number] | null>,
 *   groups: ConstructorParameters<typeof Groups>[2]}} Remembered by kind of map and quantity
 */

import { chosenMap } from "../../shared/choice.js";
import { find, write } from "../../shared/elements.js";
import { decimal } from "../../shared/plane.js";
import { Pictures } from "../../shared/pictures.js";
import { Lens } from "../lens.js";
import { Background } from "./background.js";
import { makeBar, makeTools } from "./bar.js";
import { Palette } from "./colours.js";
import { Dots } from "./dots.js";
import { Gestures } from "./gestures.js";
import { middles, Room, thumbnails } from "./labels.js";
import { Groups } from "./groups.js";
import { Legend } from "./legend.js";
import { drawAxes, drawNames, drawPath, drawThumbnails, placeNames } from "./overlay.js";
import { quantitiesOf, shade, Values } from "./shade.js";
import { isInside, View } from "./view.js";

/** A dot is pointed at within so many pixels. */
const REACH = 8;
/** An arrow key moves the point by so many pixels; with Shift by more. */
const [STEP, LEAP] = [6, 40];
/** Pause after the last arrow key, or after a click that may be half of a double one, milliseconds. */
const SETTLED = 300;
/** What takes longer to draw waits until nothing has moved for so long, milliseconds. */
const REST = 120;
/** Point and settled place differ by what the host rounds off. */
const ROUNDED = 0.001;

const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
});

const HTML = `
  <div class="explorer">
    <div class="bar controls"></div>
    <div class="plot" role="application" tabindex="0">
      <canvas class="under"></canvas><div class="layer"></div><canvas class="over"></canvas>
      <div class="mark looked" hidden></div><div class="mark point" hidden></div>
      <div class="tip" hidden></div>
      <div class="tools"></div>
    </div>
    <aside class="legend"></aside>
    <div class="side"></div>
    <div class="groups" hidden></div>
  </div>`;

export class LiveMap {
  #hub;
  #model;
  #tell;
  #box;
  #plot;
  #marks;
  #tip;
  #contexts;
  #dots;
  #view = new View();
  #gestures;
  #legend;
  #pictures;
  #background;
  #groups;
  /** @type {Lens | null} */
  #lens = null;
  /** @type {Remembered} */
  #memory;
  /** @type {MapData} */
  #data = { content: "", z: [], label: "" };
  /** @type {import("../../shared/maps.js").LatentMap} */
  #map;
  #palette;
  /** @type {Values | null} */
  #values = null;
  #counts;
  /** @type {Uint8Array} */
  #colours = new Uint8Array(0);
  /** @type {ReturnType<typeof middles>} */
  #middles = [];
  /** @type {ReturnType<typeof thumbnails>} */
  #thumbnails = { rows: [], size: 0 };
  /** Where the point was put on this map, and its latent. @type {{at: [number, number], z: ArrayLike<number>} | null} */
  #put = null;
  /** What is looked at, and where. @type {{z: Float32Array, at: [number, number], row: number | null} | null} */
  #looked = null;
  /** The corners of a region that is being drawn. @type {number[]} */
  #outline = [];
  #latent;
  #frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #resting;
  #ends;

  /** @param {HTMLElement} root @param {import("../../shared/hub.js").Host} host */
  constructor(root, { hub, model, tell }) {
    root.innerHTML = HTML;
    this.#hub = hub;
    this.#model = model;
    this.#tell = tell;
    this.#latent = new Float32Array(model.header.latentDim);
    this.#box = find(root, ".explorer");
    this.#plot = find(root, ".plot");
    this.#marks = { point: find(root, ".mark.point"), looked: find(root, ".mark.looked") };
    this.#tip = find(root, ".tip");
    this.#contexts = [".under", ".over"].map(
      (name) =>
        /** @type {CanvasRenderingContext2D} */ (
          find(root, name, HTMLCanvasElement).getContext("2d")
        ),
    );
    this.#memory = hub.memory(model.content).map ??= {
      shown: {},
      hidden: new Set(),
      ranges: {},
      groups: { active: "A" },
    };
    this.#counts = new Uint32Array(model.header.classes.length);
    for (const label of model.labels) this.#counts[label] += 1;
    this.#palette = new Palette(model.header.classes.length, this.#isDark);
    this.#dots = new Dots(find(root, ".layer"), () => this.#drawSoon());
    this.#background = new Background(hub.engine, model, () => this.#drawSoon());
    this.#pictures = new Pictures(hub.engine, model, () => {
      this.#groups?.redraw();
      this.#drawSoon();
    });
    this.#legend = new Legend(find(root, ".legend"), (hidden, range) => {
      this.#memory.hidden = hidden;
      this.#memory.ranges[hub.settings.get("colour")] = range;
      this.#paint();
    });
    this.#groups = new Groups(
      find(root, ".groups"),
      this.#host,
      this.#memory.groups,
      this.#pictures,
      {
        change: () => this.#paint(),
        look: (row) => (row === null ? this.#leave() : this.#lookAtRow(row)),
        choose: (row) =>
          this.#settle(Float32Array.from(model.meanOf(row)), this.#placeOf(row), row),
      },
    );
    this.#gestures = new Gestures(this.#plot, {
      look: (across, down) => this.#lookAt(across, down),
      leave: () => this.#leave(),
      choose: (across, down) => this.#choose(across, down),
      pan: (across, down) => this.#change(() => this.#view.pan(across, down)),
      zoom: (factor, across, down) => this.#change(() => this.#view.zoom(factor, across, down)),
      reset: () => this.#reset(),
      draw: (outline, event, isDone) => {
        this.#outline = isDone ? [] : outline;
        if (event && isDone) this.#catch(outline, event);
        this.#drawSoon();
      },
      drag: () => hub.settings.get("drag"),
    });
    this.#plot.addEventListener("keydown", (event) => this.#onKey(event));
    const bar = makeBar(find(root, ".bar"), hub.settings, model, (text) => this.#find(text));
    const tools = makeTools(find(root, ".tools"), hub.settings, {
      zoom: (factor) => this.#change(() => this.#view.zoom(factor)),
      reset: () => this.#reset(),
      full: () =>
        document.fullscreenElement ? document.exitFullscreen() : this.#box.requestFullscreen(),
    });
    this.#map = chosenMap(model, hub.settings, this.#data.z);
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(this.#plot);
    sized.observe(document.documentElement);
    this.#ends = [
      hub.onLook((z, source) => source !== this && this.#onLook(z)),
      hub.settings.onChange((name) => this.#onSetting(name)),
      () => sized.disconnect(),
      ...bar,
      ...tools,
    ];
  }

  /** @param {MapData} data */
  update(data) {
    const isFirst = this.#data.content === "";
    this.#data = this.#settling ? { ...data, z: this.#data.z } : data; // the host does not know of the last keys yet
    this.#plot.setAttribute("aria-label", data.label);
    if (data.hasLens && !this.#lens) {
      this.#lens = new Lens(find(this.#box, ".side"), this.#host);
      this.#box.classList.add("with-lens");
      this.#lens.remark = (row) => {
        const off = this.#map.off?.[row];
        return off === undefined ? "" : `${decimal(off)} off the plane`;
      };
    }
    this.#lens?.update({ content: data.content, z: this.#data.z });
    if (isFirst || this.#map.kind === "dimensions") this.#setMap(isFirst);
    this.#looked = null;
    this.#drawSoon();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#settling);
    clearTimeout(this.#resting);
    for (const end of this.#ends) end();
    this.#gestures.close();
    this.#pictures.close();
    this.#background.close();
    this.#groups.close();
    this.#lens?.close();
    this.#dots.close();
    this.#hub.look(null, this);
  }

  get #host() {
    return { hub: this.#hub, model: this.#model, tell: this.#tell };
  }

  get #isDark() {
    const colour = getComputedStyle(this.#box).getPropertyValue("--st-background-color");
    const [red, green, blue] = (colour.match(/^#(..)(..)(..)/) ?? [])
      .slice(1)
      .map((c) => parseInt(c, 16));
    return red + green + blue < 384;
  }

  // ---- What is shown ----

  /** Takes the map that the settings ask for. @param {boolean} [isOther] whether its dots lie elsewhere */
  #setMap(isOther = true) {
    const { labels, header } = this.#model;
    this.#map = chosenMap(this.#model, this.#hub.settings, this.#data.z);
    if (isOther) {
      const symbols = Uint8Array.from(labels, (label) => this.#palette.symbolOf(label));
      this.#dots.setPlaces(this.#map.places, symbols);
      this.#middles = middles(this.#map.places, labels, header.classes.length, this.#map.extent);
      this.#put = null;
      const shown = this.#memory.shown[this.#key];
      this.#measure();
      if (shown) [this.#view.shown, this.#view.zoomed] = [{ ...shown }, shown.scale];
      else this.#view.fit(this.#map.extent);
    }
    this.#setColours();
  }

  /** What tells maps of a model apart. */
  get #key() {
    return [this.#map.kind, ...this.#map.labels].join();
  }

  #setColours() {
    const { settings } = this.#hub;
    const { header } = this.#model;
    this.#palette = new Palette(header.classes.length, this.#isDark);
    const quantity = quantitiesOf(this.#model).find(({ name }) => name === settings.get("colour"));
    if (!quantity?.name) this.#values = null;
    else if (this.#values?.quantity.name !== quantity.name) {
      this.#values = new Values(this.#model, quantity);
    }
    this.#legend.show({
      palette: this.#palette,
      classes: header.classes,
      counts: this.#counts,
      hidden: this.#memory.hidden,
      values: this.#values,
      range: this.#range,
    });
    this.#paint();
  }

  get #range() {
    return this.#memory.ranges[this.#values?.quantity.name ?? ""] ?? null;
  }

  #paint() {
    this.#colours = shade({
      labels: this.#model.labels,
      palette: this.#palette,
      values: this.#values,
      range: this.#range,
      hidden: this.#values ? new Set() : this.#memory.hidden,
      off: this.#map.off,
      isMarked: this.#groups.isMarked,
      isOver: this.#hub.settings.get("background") === "manifold",
    });
    this.#dots.setColours(this.#colours);
    this.#restSoon();
    this.#drawSoon();
  }

  #isVisible = (/** @type {number} */ row) => this.#colours[4 * row + 3] > 0;

  /** @param {import("../../shared/settings.js").Name | null} name */
  #onSetting(name) {
    if (name === "map" || name === "axes" || name === null) this.#setMap();
    else this.#setColours();
  }

  #resize() {
    const above = this.#box.getBoundingClientRect().top; // so much of the window is taken
    this.#box.style.setProperty(
      "--above",
      `${Math.min(Math.max(above, 0), 0.3 * innerHeight) + 16}px`,
    );
    this.#measure();
    this.#restSoon();
    this.#draw(); // at once: an empty frame would flicker
  }

  #measure() {
    const { width, height } = this.#plot.getBoundingClientRect();
    this.#view.resize(width, height, this.#map.extent);
  }

  /** Changes what is seen. @param {() => void} how */
  #change(how) {
    how();
    this.#memory.shown[this.#key] = { ...this.#view.shown, scale: this.#view.zoomed };
    this.#restSoon();
    this.#drawSoon();
  }

  #reset() {
    this.#giveUpClick();
    this.#change(() => this.#view.fit(this.#map.extent));
  }

  // ---- Looking and choosing ----

  /** The visible dot or picture within reach, or −1. @param {number} across @param {number} down */
  #dotAt(across, down) {
    const { rows, size } = this.#thumbnails;
    const pictured = rows.findLast((row) => {
      const [x, y] = this.#view.pixelOf(...this.#placeOf(row));
      return Math.abs(x - across) <= size / 2 && Math.abs(y - down) <= size / 2;
    });
    if (pictured !== undefined && this.#isVisible(pictured)) return pictured;
    const [x, y] = this.#view.placeAt(across, down);
    return this.#map.nearest(x, y, REACH / this.#view.shown.scale, this.#isVisible);
  }

  /** What lies at a pixel: a dot's own latent, or the place's. @param {number} across @param {number} down */
  #at(across, down) {
    const row = this.#dotAt(across, down);
    if (row < 0) {
      const at = this.#view.placeAt(across, down);
      return { z: this.#map.lift(...at, this.#latent), at, row: null };
    }
    return { z: this.#model.meanOf(row), at: this.#placeOf(row), row };
  }

  /** @param {number} row @returns {[number, number]} */
  #placeOf(row) {
    const { places } = this.#map;
    return [places[2 * row], places[2 * row + 1]];
  }

  /** @param {number} across @param {number} down */
  #lookAt(across, down) {
    this.#looked = this.#at(across, down);
    this.#hub.look(this.#looked.z, this, this.#looked.row);
    this.#drawSoon();
  }

  /** @param {number} row */
  #lookAtRow(row) {
    this.#looked = { z: this.#model.meanOf(row), at: this.#placeOf(row), row };
    this.#hub.look(this.#looked.z, this, row);
    this.#drawSoon();
  }

  /** Makes a group of the visible dots in a region. @param {number[]} outline @param {PointerEvent} event */
  #catch(outline, { shiftKey, altKey }) {
    const view = this.#view;
    const [left, top] = view.pixelOf(0, 0);
    const { scale } = view.shown;
    const { places } = this.#map;
    const rows = [];
    for (let row = 0; row < places.length / 2; row++) {
      const [x, y] = [left + places[2 * row] * scale, top - places[2 * row + 1] * scale];
      if (this.#isVisible(row) && isInside(outline, x, y)) rows.push(row);
    }
    this.#groups.take(Uint32Array.from(rows), altKey ? "remove" : shiftKey ? "add" : "make");
  }

  #leave() {
    this.#looked = null;
    this.#hub.look(null, this);
    this.#drawSoon();
  }

  /** Another part looks elsewhere. @param {Float32Array | null} z */
  #onLook(z) {
    this.#looked = z && { z, at: this.#map.place(z), row: null };
    this.#drawSoon();
  }

  /** @param {number} across @param {number} down */
  #choose(across, down) {
    this.#plot.focus({ preventScroll: true });
    this.#giveUpClick();
    const { z, at, row } = this.#at(across, down);
    this.#settle(Float32Array.from(z), at, row);
  }

  /** @param {Float32Array} z @param {[number, number]} at @param {number | null} row */
  #settle(z, at, row) {
    const before = { put: this.#put, z: this.#data.z };
    if (!this.#data.picks) this.#moveTo(z, at, row);
    this.#before = before;
    this.#settling = setTimeout(() => {
      this.#settling = this.#before = undefined;
      this.#tell("settled", { z: Array.from(z), row });
    }, SETTLED);
  }

  /** What to go back to if a click was half of a double one. @type {{put: any, z: number[]} | undefined} */
  #before;

  #giveUpClick() {
    clearTimeout(this.#settling);
    this.#settling = undefined;
    if (!this.#before) return;
    [this.#put, this.#data] = [this.#before.put, { ...this.#data, z: this.#before.z }];
    this.#before = undefined;
  }

  /** @param {Float32Array} z @param {[number, number]} at @param {number | null} row */
  #moveTo(z, at, row) {
    this.#put = { at, z };
    this.#data = { ...this.#data, z: Array.from(z) };
    this.#hub.look(z, this, row);
    this.#drawSoon();
  }

  /** Where the point lies. @returns {[number, number]} */
  get #pointAt() {
    const { z } = this.#data;
    const put = this.#put;
    if (put && z.every((value, i) => Math.abs(value - put.z[i]) <= ROUNDED)) return put.at;
    return this.#map.place(z);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.target !== this.#plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) this.#step(arrow, event.shiftKey ? LEAP : STEP);
    else if (event.key === "+" || event.key === "=") this.#change(() => this.#view.zoom(1.4));
    else if (event.key === "-") this.#change(() => this.#view.zoom(1 / 1.4));
    else if (event.key === "0") this.#reset();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Moves the point along the map. @param {[number, number]} direction @param {number} pixels */
  #step([right, up], pixels) {
    const [x, y] = this.#pointAt;
    const step = pixels / this.#view.shown.scale;
    const at = /** @type {[number, number]} */ ([x + right * step, y + up * step]);
    let z = Float32Array.from(this.#map.lift(...at));
    if (this.#map.kind !== "neighbourhoods") {
      const from = this.#map.lift(x, y); // what is off the plane stays off it
      z = z.map((value, i) => value - from[i] + this.#data.z[i]);
    }
    clearTimeout(this.#settling);
    this.#view.reveal(...at);
    this.#settle(z, at, null);
    this.#before = undefined;
  }

  /** Moves the point to a test image with this number, or to the next one of this class. @param {string} text */
  #find(text) {
    const { labels, header } = this.#model;
    const wanted = text.trim().replace(/^#/, "");
    let row = /^\d+$/.test(wanted) ? Number(wanted) : -1;
    const name = wanted.toLowerCase();
    const label = header.classes.findIndex((one) => one.toLowerCase() === name);
    if (label >= 0 && (row < 0 || row >= labels.length || header.classes[label] === wanted)) {
      const after = labels.indexOf(label, (this.#found ?? -1) + 1);
      row = after < 0 ? labels.indexOf(label) : after;
    }
    if (row < 0 || row >= labels.length) return false;
    this.#found = row;
    const at = this.#placeOf(row);
    this.#change(() => this.#view.reveal(...at));
    this.#giveUpClick();
    this.#settle(Float32Array.from(this.#model.meanOf(row)), at, row);
    return true;
  }

  /** @type {number | undefined} */
  #found;

  // ---- Drawing ----

  #restSoon() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      const background = this.#hub.settings.get("background");
      this.#background.start(background, this.#map, this.#view, this.#palette.scale[2]);
      const room = new Room();
      this.#placeNames(room);
      this.#thumbnails = thumbnails(this.#view, this.#map, this.#isVisible, room);
      this.#drawSoon();
    }, REST);
  }

  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const view = this.#view;
    const ratio = Math.min(window.devicePixelRatio, 2);
    for (const context of this.#contexts) {
      const { canvas } = context;
      const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
      if (canvas.width !== width || canvas.height !== height) {
        [canvas.width, canvas.height] = [width, height];
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, view.width, view.height);
    }
    this.#background.draw(this.#contexts[0], view, this.#look.text);
    this.#dots.draw(view, this.#dotSize, ratio);
    this.#drawOver(this.#contexts[1]);
    this.#place(this.#marks.point, this.#pointAt);
    this.#place(this.#marks.looked, this.#looked?.at ?? null);
    this.#drawTip();
  }

  /** Few dots are large, and all grow as one comes closer. */
  get #dotSize() {
    const share = (Math.log10(Math.max(this.#model.labels.length, 1)) - 2) / 4;
    const size = 8 - 6 * Math.min(Math.max(share, 0), 1);
    return Math.min(size * Math.max(this.#view.zoomed, 1) ** 0.35, 16);
  }

  get #look() {
    const style = getComputedStyle(this.#box);
    const page = style.getPropertyValue("--st-background-color");
    return { text: style.color, page, font: style.fontFamily };
  }

  /** @param {Room} room */
  #placeNames(room) {
    const { classes } = this.#model.header;
    const { hidden } = this.#memory;
    const shown = this.#middles.filter(({ label }) => this.#values || !hidden.has(label));
    return placeNames(this.#contexts[1], this.#view, shown, classes, this.#look, room);
  }

  /** @param {CanvasRenderingContext2D} context */
  #drawOver(context) {
    const look = this.#look;
    drawThumbnails(
      context,
      this.#view,
      this.#map.places,
      this.#thumbnails,
      this.#pictures,
      (row) => {
        const [r, g, b] = this.#colours.subarray(4 * row);
        return this.#isVisible(row) ? `rgb(${r},${g},${b})` : null;
      },
    );
    if (this.#map.labels[0]) drawAxes(context, this.#view, this.#map.labels, look);
    drawNames(context, this.#placeNames(new Room()), look);
    if (this.#data.path)
      drawPath(
        context,
        this.#view,
        this.#data.path.map((z) => this.#map.place(z)),
      );
    if (this.#outline.length) {
      context.beginPath();
      for (let i = 0; i < this.#outline.length; i += 2) {
        context.lineTo(this.#outline[i], this.#outline[i + 1]);
      }
      context.closePath();
      context.setLineDash([5, 4]);
      context.strokeStyle = look.text;
      context.stroke();
      context.setLineDash([]);
    }
  }

  /** @param {HTMLElement} mark @param {[number, number] | null} at */
  #place(mark, at) {
    mark.hidden = at === null;
    if (!at) return;
    const { width, height } = this.#view;
    const [across, down] = this.#view.pixelOf(...at);
    const [x, y] = [Math.min(Math.max(across, 0), width), Math.min(Math.max(down, 0), height)];
    mark.classList.toggle("outside", x !== across || y !== down);
    mark.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
  }

  #drawTip() {
    const looked = this.#looked;
    const row = looked?.row ?? null;
    this.#tip.hidden = row === null;
    if (!looked || row === null) return;
    write(this.#tip, `#${row} ${this.#model.classOf(row)}`);
    const [x, y] = this.#view.pixelOf(...looked.at);
    const side = x > this.#view.width / 2 ? "calc(-100% - 10px)" : "10px";
    this.#tip.style.transform = `translate(${x}px, ${y}px) translate(${side}, -130%)`;
  }
}
