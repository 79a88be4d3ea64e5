/**
 * The map: a dot for every test image, and every place between them can be decoded.
 *
 * Pointing at a dot looks at that image's own latent, pointing elsewhere at the latent of that
 * place; a click makes it the point. The hub remembers what is shown, for when this part is made
 * again.
 *
 * @typedef {{content: string, z: number[], label: string, path?: number[][], picks?: boolean,
 *   directs?: boolean, hasLens?: boolean, linked?: string, given?: number}} MapData `path` is joined
 *   by a line; if `picks`, a click chooses a place and leaves the point where it is; if `directs`,
 *   the host takes directions; `linked` is another model that follows this one; `given` is the
 *   class that a conditional model decodes
 * @typedef {{shown: Record<string, import("./view.js").Shown>,
 *   ranges: Record<string, [number, number] | null>}} Remembered by map and quantity
 */

import { chosenMap } from "../../shared/choice.js";
import { find, toggleFullScreen } from "../../shared/elements.js";
import { Link } from "../../shared/link.js";
import { Pictures } from "../../shared/pictures.js";
import { decimal } from "../../shared/plane.js";
import { ARROWS } from "../keys.js";
import { Lens } from "../lens.js";
import { chosenBackground } from "./background.js";
import { makeBar, makeTools } from "./bar.js";
import { Gestures } from "./gestures.js";
import { groupOf, Groups } from "./groups.js";
import { hiddenClasses, spellHidden } from "./hidden.js";
import { Legend } from "./legend.js";
import { Marks } from "./marks.js";
import { saveMap } from "./save.js";
import { Scene } from "./scene.js";
import { findRow } from "./search.js";
import { quantitiesOf, Values } from "./shade.js";
import { rowsInside } from "./view.js";

/** Pixels by which an arrow key moves the point, and with Shift. */
const [STEP, LEAP] = [6, 40];
/** Pause after the last arrow key, or after a click that may be half of a double one, milliseconds. */
const SETTLED = 300;
/** Pixels of the window left free below the explorer, and its least share of the window. */
const [BELOW, LEAST] = [16, 0.7];

const HTML = `
  <div class="around"><div class="explorer">
    <div class="bar controls"></div>
    <div class="plot" role="application" tabindex="0">
      <canvas class="under"></canvas><div class="layer"></div><canvas class="over"></canvas>
      <div class="mark looked" hidden></div><div class="mark point" hidden></div>
      <div class="tip" hidden></div>
    </div>
    <div class="tools" role="group" aria-label="Map"></div>
    <div class="legend" role="group" aria-label="Legend"></div>
    <div class="side"></div>
    <div class="groups" hidden></div>
  </div></div>`;

/** @typedef {import("./marks.js").Spot} Spot */

export class LiveMap {
  #host;
  #box;
  #plot;
  #memory;
  #scene;
  #marks;
  #gestures;
  #legend;
  #pictures;
  #groups;
  /** @type {Lens | null} */
  #lens = null;
  /** @type {Link | null} */
  #link = null;
  /** @type {MapData} */
  #data = { content: "", z: [], label: "" };
  /** @type {Values | null} */
  #values = null;
  #counts;
  /** The place of the point on this map, with its latent, if known. @type {Spot | null} */
  #put = null;
  /** @type {Spot | null} */
  #looked = null;
  /**
   * The state to restore if a click was half of a double click.
   *
   * @type {{put: Spot | null, z: number[]} | null}
   */
  #before = null;
  /** The last image that was found by a search. */
  #found = -1;
  #latent;
  /** The chosen spot of which the host has yet to be told. @type {Spot | null} */
  #untold = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #telling;
  #ends;

  /** @param {HTMLElement} root @param {import("../../shared/hub.js").Host} host */
  constructor(root, host) {
    const { hub, model } = host;
    const { classes, latentDim } = model.header;
    root.innerHTML = HTML;
    this.#host = host;
    this.#latent = new Float32Array(latentDim);
    this.#box = find(root, ".explorer");
    this.#plot = find(root, ".plot");
    const memory = hub.memory(model.content);
    memory.map ??= { shown: {}, ranges: {} };
    this.#memory = /** @type {Remembered} */ (memory.map);
    this.#counts = new Uint32Array(classes.length);
    for (const label of model.labels) this.#counts[label] += 1;
    this.#pictures = new Pictures(hub.engine, model, () => {
      this.#groups?.redraw();
      this.#scene?.drawSoon();
    });
    const map = chosenMap(model, hub.settings, new Float32Array(latentDim));
    const drawMarks = () => this.#marks.draw(this.#pointAt, this.#looked);
    this.#scene = new Scene(this.#plot, host, this.#pictures, map, drawMarks);
    this.#marks = new Marks(this.#plot, this.#scene.view, model);
    this.#legend = this.#makeLegend(find(root, ".legend"));
    this.#groups = this.#makeGroups(find(root, ".groups"));
    this.#gestures = this.#makeGestures();
    this.#plot.addEventListener("keydown", (event) => this.#onKey(event));
    this.#plot.addEventListener("blur", () => this.#tellSettled());
    this.#ends = [
      model.onLook((z, source, row) => source !== this && this.#onLook(z, row)),
      model.onWay(() => this.#showPath()),
      hub.settings.onChange((name) => this.#onSetting(name)),
      ...this.#followPage(),
      ...makeBar(find(root, ".bar"), hub.settings, model, (text) => this.#find(text)),
      ...makeTools(find(root, ".tools"), hub.settings, this.#tools()),
    ];
  }

  /** @param {HTMLElement} box */
  #makeLegend(box) {
    const { hub, model } = this.#host;
    return new Legend(box, {
      hide: (hidden) => hub.settings.set("classes", spellHidden(hidden, model.header.classes)),
      range: (range) => {
        this.#memory.ranges[hub.settings.get("colour")] = range;
        this.#paint();
      },
      group: (name, label) => {
        const rows = Array.from(model.labels.keys());
        const ofClass = rows.filter((row) => model.labels[row] === label);
        this.#groups.toggle(name, ofClass);
      },
    });
  }

  /** @param {HTMLElement} box */
  #makeGroups(box) {
    const { hub, model, tell } = this.#host;
    const common = hub.memory(model.header.testSet);
    common.groups ??= { active: "A", how: "make", changed: new Set() };
    return new Groups(box, this.#host, common.groups, this.#pictures, {
      change: () => {
        this.#paint();
        hub.actions.group(model.content, common.groups);
      },
      look: (row) => (row === null ? this.#leave() : this.#lookAt(this.#spotOf(row))),
      choose: (row) => this.#settle(this.#spotOf(row)),
      direct: (A, B) => tell("groups", { A: Array.from(A), B: Array.from(B) }),
    });
  }

  /** What the buttons beside the map do. */
  #tools() {
    const { name } = this.#host.model.header;
    return {
      zoom: (/** @type {number} */ factor) => this.#change((view) => view.zoom(factor)),
      reset: () => this.#reset(),
      full: toggleFullScreen,
      save: (/** @type {"PNG" | "SVG"} */ type, /** @type {number} */ times) =>
        saveMap(this.#scene, this.#legendShown, name, type, times, this.#pointAt),
    };
  }

  #makeGestures() {
    return new Gestures(this.#plot, {
      zoom: (factor, x, y) => this.#change((view) => view.zoom(factor, x, y)),
      reset: () => this.#reset(),
      pan: (x, y) => this.#change((view) => view.pan(x, y)),
      look: (x, y) => this.#lookAt(this.#spotAt(x, y)),
      leave: () => this.#leave(),
      choose: (x, y) => {
        this.#plot.focus({ preventScroll: true });
        this.#giveUpClick();
        this.#settle(this.#spotAt(x, y));
      },
      draw: (outline, event, isDone) => {
        this.#scene.outline = isDone ? [] : outline;
        if (event && isDone) this.#catch(outline, event);
        this.#scene.drawSoon();
      },
      drag: () => this.#host.hub.settings.get("drag"),
    });
  }

  /** Follows the page's size and theme; returns functions that end this. */
  #followPage() {
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(this.#plot);
    const listening = new AbortController();
    const { signal } = listening;
    const fill = () => this.#fill();
    requestAnimationFrame(fill); // once it is laid out
    window.addEventListener("resize", fill, { signal });
    window.addEventListener("fullscreenchange", fill, { signal });
    const recolour = () => this.#setColours();
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", recolour, { signal });
    window.addEventListener("themechange", recolour, { signal });
    return [() => sized.disconnect(), () => listening.abort()];
  }

  /** @param {MapData} data */
  update(data) {
    const isFirst = this.#data.content === "";
    this.#data = this.#untold ? { ...data, z: this.#data.z } : data; // it lacks the last keys
    const { content, z, label, directs, hasLens, linked, given } = this.#data;
    const { hub } = this.#host;
    if (given !== undefined) hub.condition(content, given);
    if (isFirst && linked) this.#link = new Link(this.#host, linked, this.#pictures);
    this.#box.classList.toggle("directs", Boolean(directs));
    this.#box.classList.toggle("paired", Boolean(linked));
    this.#plot.setAttribute("aria-label", label);
    if (hasLens && !this.#lens) {
      this.#box.classList.add("with-lens");
      const side = find(this.#box, ".side");
      side.tabIndex = 0; // it may scroll
      this.#lens = new Lens(side, this.#host);
      this.#lens.remark = (row) => {
        const off = this.#scene.map.off?.[row];
        return off === undefined ? "" : `${decimal(off)} off the plane`;
      };
    }
    this.#lens?.update({ content, z });
    if (isFirst || this.#scene.map.isMoving) {
      this.#setMap();
      this.#setColours();
    }
    this.#looked = null;
    this.#showPath();
  }

  #showPath() {
    this.#scene.path = this.#data.path ?? this.#host.model.way;
    this.#scene.drawSoon();
  }

  close() {
    clearTimeout(this.#telling);
    for (const end of this.#ends) end();
    for (const part of [this.#gestures, this.#pictures, this.#groups, this.#scene]) part.close();
    this.#lens?.close();
    this.#link?.close();
    this.#host.model.look(null, this);
  }

  // ---- What is shown ----

  /** @param {import("../../shared/settings.js").Name | null} name of what has changed; null for all */
  #onSetting(name) {
    if (name === "map" || name === "axes" || name === null) this.#setMap();
    if (name === "classes") this.#hide();
    else if (name !== "drag") this.#setColours();
  }

  #setMap() {
    const { hub, model } = this.#host;
    const former = this.#scene.map.places;
    const isFirst = !this.#scene.isShown;
    this.#scene.show(chosenMap(model, hub.settings, this.#data.z));
    if (!isFirst && this.#scene.map.places === former) return;
    const { view, map } = this.#scene;
    this.#put = null;
    const shown = this.#memory.shown[this.#key];
    if (shown) [view.shown, view.zoomed] = [{ ...shown }, shown.scale];
    else view.fit(map.extent);
  }

  /** A key that identifies a map of the model. */
  get #key() {
    return [this.#scene.map.kind, ...this.#scene.map.labels].join();
  }

  #setColours() {
    const { hub, model } = this.#host;
    const wanted = hub.settings.get("colour");
    const quantity = quantitiesOf(model).find(({ name }) => name === wanted);
    if (!quantity?.name) this.#values = null;
    else if (this.#values?.quantity.name !== wanted) this.#values = new Values(model, quantity);
    this.#paint();
    this.#legend.show(this.#legendShown);
  }

  /** What the legend shows. @returns {import("./legend.js").Shown} */
  get #legendShown() {
    const { hub, model } = this.#host;
    const { classes } = model.header;
    const { ranges } = this.#memory;
    return {
      palette: this.#scene.palette,
      classes,
      counts: this.#counts,
      values: this.#values,
      range: ranges[this.#values?.quantity.name ?? ""] ?? null,
      hidden: this.#values ? new Set() : hiddenClasses(hub.settings.get("classes"), classes),
    };
  }

  /** Hides classes if the dots are coloured by class. */
  #hide() {
    this.#legend.hide(this.#legendShown.hidden);
    this.#paint();
  }

  #paint() {
    const { values, range, hidden } = this.#legendShown;
    const { hub, model } = this.#host;
    const isOver = chosenBackground(hub.settings, model) === "manifold";
    this.#scene.paint({ values, range, hidden, isOver, isMarked: this.#groups.isMarked });
  }

  /** Fills the window; not called while the page scrolls, which would also change the size. */
  #fill() {
    const { top } = this.#box.getBoundingClientRect(); // the part of the window above
    const above = Math.min(Math.max(top, 0), (1 - LEAST) * window.innerHeight);
    this.#box.style.setProperty("--above", `${above + BELOW}px`);
  }

  #resize() {
    this.#scene.measure();
    this.#scene.changed();
    this.#scene.draw();
  }

  /** @param {(view: import("./view.js").View) => void} how changes the view */
  #change(how) {
    const { view } = this.#scene;
    how(view);
    this.#memory.shown[this.#key] = { ...view.shown, scale: view.zoomed };
    this.#scene.changed();
  }

  #reset() {
    this.#giveUpClick();
    this.#change((view) => view.fit(this.#scene.map.extent));
  }

  // ---- Looking and choosing ----

  /** @param {number} row of a test image @returns {Spot} */
  #spotOf(row) {
    return { z: this.#host.model.meanOf(row), at: this.#scene.placeOf(row), row };
  }

  /**
   * What lies at a pixel: a dot with its image's own latent, or the place with its latent.
   *
   * @param {number} x @param {number} y
   * @returns {Spot}
   */
  #spotAt(x, y) {
    const row = this.#scene.dotAt(x, y);
    if (row >= 0) return this.#spotOf(row);
    const at = this.#scene.view.placeAt(x, y);
    return { z: this.#scene.map.lift(...at, this.#latent), at, row: null };
  }

  /** @param {Spot} spot */
  #lookAt(spot) {
    this.#looked = spot;
    const z = Float32Array.from(spot.z);
    this.#host.model.look(z, this, spot.row);
    this.#link?.look(z, spot.row);
    this.#scene.markSoon();
  }

  #leave() {
    this.#looked = null;
    const chosen = this.#untold && !this.#data.picks ? this.#put : null; // not the point yet
    const z = chosen && Float32Array.from(chosen.z);
    this.#host.model.look(z, this, chosen?.row);
    this.#link?.look(z, chosen?.row);
    this.#scene.markSoon();
  }

  /** Another part looks elsewhere. @param {Float32Array | null} z @param {number | null} row */
  #onLook(z, row) {
    const { map } = this.#scene;
    this.#looked = z && { z, at: row === null ? map.place(z) : this.#scene.placeOf(row), row };
    this.#scene.markSoon();
  }

  /**
   * Makes a spot the point; tells the host unless the click is the first of a double click.
   *
   * @param {Spot} spot
   */
  #settle({ z, at, row }) {
    clearTimeout(this.#telling);
    const latent = Float32Array.from(z);
    this.#before = { put: this.#put, z: this.#data.z };
    if (!this.#data.picks) {
      this.#put = { z: latent, at, row };
      this.#data = { ...this.#data, z: Array.from(latent) };
      this.#host.model.look(latent, this, row);
      this.#link?.look(latent, row);
      this.#scene.markSoon();
    }
    this.#untold = { z: latent, at, row };
    this.#telling = setTimeout(() => this.#tellSettled(), SETTLED);
  }

  /** Tells the host what was chosen: after a pause, or before the user turns to something else. */
  #tellSettled() {
    clearTimeout(this.#telling);
    if (!this.#untold) return;
    const { z, row } = this.#untold;
    this.#untold = this.#before = null;
    this.#host.tell("settled", { z: Array.from(z), row });
  }

  #giveUpClick() {
    clearTimeout(this.#telling);
    this.#untold = null;
    if (!this.#before) return;
    this.#put = this.#before.put;
    this.#data = { ...this.#data, z: this.#before.z };
    this.#before = null;
  }

  /** Where the point lies. @returns {[number, number]} */
  get #pointAt() {
    const { z } = this.#data;
    const put = this.#put;
    if (put && this.#host.model.isSame(z, put.z)) return put.at;
    const at = this.#scene.map.place(z); // searches all images: once, not in every frame
    this.#put = { z, at, row: null };
    return at;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.target !== this.#plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const group = groupOf(event);
    if (arrow) this.#step(arrow, event.shiftKey ? LEAP : STEP);
    else if (event.key === "+" || event.key === "=") this.#change((view) => view.zoom(1.4));
    else if (event.key === "-") this.#change((view) => view.zoom(1 / 1.4));
    else if (event.key === "0") this.#reset();
    else if (event.key === "Escape") return this.#gestures.cancel();
    else if (event.key === "Enter") this.#settle(this.#spotOf(this.#nearest));
    else if (group) this.#groups.toggle(group, event.shiftKey ? this.#seen : [this.#nearest]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The image nearest to the point, of those that are not hidden, or of all if all are hidden. */
  get #nearest() {
    const { map, isVisible } = this.#scene;
    const row = map.nearest(...this.#pointAt, Infinity, isVisible);
    return row < 0 ? map.nearest(...this.#pointAt) : row;
  }

  /** Images whose dots are visible in the view. */
  get #seen() {
    const { view, map, isVisible } = this.#scene;
    const { left, right, bottom, top } = view.bounds();
    const window = [left, bottom, right, bottom, right, top, left, top];
    return rowsInside(window, map.places, isVisible);
  }

  /** Moves the point along the map. @param {[number, number]} direction @param {number} pixels */
  #step([right, down], pixels) {
    const { map, view } = this.#scene;
    const [x, y] = this.#pointAt;
    const step = pixels / view.shown.scale;
    const at = /** @type {[number, number]} */ ([x + right * step, y - down * step]);
    let z = map.lift(...at).slice();
    if (map.kind !== "neighbourhoods") {
      const from = map.lift(x, y); // keeps the component off the plane
      z = z.map((value, i) => value - from[i] + this.#data.z[i]);
    }
    this.#change(() => view.reveal(...at));
    this.#settle({ z, at, row: null });
    this.#before = null;
  }

  /**
   * Moves the point to the test image with this number, or to the next of this class; returns
   * whether there is one.
   *
   * @param {string} text
   */
  #find(text) {
    const { labels, header } = this.#host.model;
    const row = findRow(text, header.classes, labels, this.#found);
    if (row < 0) return false;
    this.#found = row;
    this.#giveUpClick();
    const spot = this.#spotOf(row);
    this.#change((view) => view.reveal(...spot.at));
    this.#settle(spot);
    return true;
  }

  /**
   * Makes a group of the visible dots in a region.
   *
   * @param {number[]} outline @param {PointerEvent} event
   */
  #catch(outline, { shiftKey, altKey }) {
    const { view, map, isVisible } = this.#scene;
    const polygon = outline.flatMap((x, i) => (i % 2 ? [] : view.placeAt(x, outline[i + 1])));
    const rows = rowsInside(polygon, map.places, isVisible);
    this.#groups.take(rows, altKey ? "remove" : shiftKey ? "add" : undefined);
  }
}
