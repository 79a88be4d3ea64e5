/**
 * Draws everything on the map: background, dots, thumbnails, axes, names, a path.
 *
 * Slow things (thumbnails, the background) are made when nothing has moved for a moment; until then
 * the former ones move with the map.
 *
 * @typedef {import("../../shared/maps.js").LatentMap} LatentMap
 * @typedef {Omit<Parameters<typeof shade>[0], "labels" | "palette" | "off">} Shades
 */

import { find, contextOf } from "../../shared/elements.js";
import { Background, chosenBackground } from "./background.js";
import { Palette, rgbOf } from "./colours.js";
import { Dots } from "./dots.js";
import { middles, Room, thumbnails } from "./labels.js";
import {
  drawAxes,
  drawNames,
  drawOutline,
  drawPath,
  drawThumbnails,
  placeNames,
} from "./overlay.js";
import { shade } from "./shade.js";
import { View } from "./view.js";

/** Pixels within which a dot is pointed at. */
const REACH = 8;
/** Milliseconds without a move before slow things are drawn. */
const REST = 120;
/** Diameters of a dot, CSS pixels: among 100 dots, among a million, and at most when zoomed in. */
const [FEW, MANY, CLOSEST] = [8, 2, 16];
/** The usual size of the page's type, CSS pixels. */
const USUAL = 16;

export class Scene {
  view = new View();
  /** @type {LatentMap} */
  map;
  palette;
  /** Colours and font of the page. */
  look;
  /** Latents that are joined by a line. @type {number[][]} */
  path = [];
  /** The corners of a region that is being drawn. @type {number[]} */
  outline = [];
  /** @type {{path: number[][], map: LatentMap, at: [number, number][]} | null} */
  #placed = null;
  #plot;
  #model;
  #settings;
  #pictures;
  #onDrawn;
  #under;
  #over;
  #dots;
  #background;
  /** @type {Shades} */
  #shades = { values: null, range: null, hidden: new Set(), isOver: false };
  #colours = new Uint8Array(0);
  /** @type {ReturnType<typeof middles>} */
  #middles = [];
  /** @type {ReturnType<typeof thumbnails>} */
  #thumbnails = { rows: [], size: 0 };
  #frame = 0;
  /** Whether more than the marks has to be drawn. */
  #isDue = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #resting;

  /**
   * @param {HTMLElement} plot @param {import("../../shared/hub.js").Host} host
   * @param {import("../../shared/pictures.js").Pictures} pictures @param {LatentMap} map
   * @param {() => void} onDrawn
   */
  constructor(plot, { hub, model }, pictures, map, onDrawn) {
    this.#plot = plot;
    this.#model = model;
    this.#settings = hub.settings;
    this.#pictures = pictures;
    this.#onDrawn = onDrawn;
    this.map = map;
    this.#under = find(plot, ".under", HTMLCanvasElement);
    this.#over = find(plot, ".over", HTMLCanvasElement);
    this.look = this.#readLook();
    this.palette = new Palette(model.header.classes.length, this.#isDark);
    this.#dots = new Dots(find(plot, ".layer"), () => this.drawSoon());
    this.#background = new Background(hub.engine, model, () => this.drawSoon());
  }

  close() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#resting);
    this.#background.close();
    this.#dots.close();
  }

  /** Shows another map, or the same one through another point. @param {LatentMap} map */
  show(map) {
    const { labels, header } = this.#model;
    const isOther = map.places !== this.map.places || !this.isShown;
    this.map = map;
    if (!isOther) return;
    this.#dots.setPlaces(map.places, this.#symbols);
    this.#middles = middles(map.places, labels, header.classes.length, map.extent);
    this.measure();
  }

  /** Colours the dots. @param {Shades} shades */
  paint(shades) {
    const { labels, header } = this.#model;
    this.look = this.#readLook();
    this.palette = new Palette(header.classes.length, this.#isDark);
    this.#shades = shades;
    this.#colours = shade({ ...shades, labels, palette: this.palette, off: this.map.off });
    this.#dots.setColours(this.#colours);
    this.changed();
  }

  /** Reads the size of the plot, and of the page's type, which may have changed with it. */
  measure() {
    this.look = this.#readLook();
    const { width, height } = this.#plot.getBoundingClientRect();
    this.view.resize(width, height, this.map.extent);
  }

  /** Updates everything after a change of the view or of the colours. */
  changed() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      this.#resting = undefined;
      const { map, view } = this;
      const kind = chosenBackground(this.#settings, this.#model);
      const dense = this.palette.scale[2];
      this.#background.start(kind, map, view, dense, this.look.text);
      const room = new Room();
      this.#placeNames(room);
      this.#thumbnails = this.#shades.isOver
        ? { rows: [], size: 0 }
        : thumbnails(view, map, this.isVisible, room);
      this.drawSoon();
    }, REST);
    this.drawSoon();
  }

  drawSoon() {
    this.#isDue = true;
    this.markSoon();
  }

  /** Draws the marks, which lie over the picture, in the next frame. */
  markSoon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#isDue) this.draw();
      else this.#onDrawn();
    });
  }

  /** Draws everything at once, so that a resized canvas is never seen empty. */
  draw() {
    this.#isDue = false;
    const ratio = Math.min(window.devicePixelRatio, 2);
    const [under, over] = [this.#under, this.#over].map((canvas) => {
      const [width, height] = [this.view.width, this.view.height].map((side) =>
        Math.round(side * ratio),
      );
      if (canvas.width !== width || canvas.height !== height)
        Object.assign(canvas, { width, height });
      const context = contextOf(canvas);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      return context;
    });
    this.#background.draw(under, this.view);
    this.#dots.draw(this.view, this.dotSize, ratio, this.#resting !== undefined);
    this.#drawOver(over);
    this.#onDrawn();
  }

  /**
   * Draws a copy.
   *
   * @param {CanvasRenderingContext2D} context in CSS pixels
   * @param {(size: number) => void} drawDots
   */
  copyTo(context, drawDots) {
    this.#background.draw(context, this.view);
    drawDots(this.dotSize);
    this.#drawOver(context);
  }

  /** A copy of the dots at another scale. @param {number} ratio pixels for a CSS pixel */
  dotsAt(ratio) {
    const dots = new Dots(document.createElement("div"));
    dots.setPlaces(this.map.places, this.#symbols);
    dots.setColours(this.#colours);
    dots.draw(this.view, this.dotSize, ratio);
    return dots;
  }

  get #symbols() {
    return Uint8Array.from(this.#model.labels, (label) => this.palette.symbolOf(label));
  }

  /** Diameter of a dot, CSS pixels: larger among few dots and when zoomed in. */
  get dotSize() {
    const share = (Math.log10(Math.max(this.#model.labels.length, 1)) - 2) / 4;
    const size = FEW + (MANY - FEW) * Math.min(Math.max(share, 0), 1);
    return Math.min(size * Math.max(this.view.zoomed, 1) ** 0.35, CLOSEST);
  }

  #readLook() {
    const style = getComputedStyle(this.#plot);
    const context = contextOf(this.#over);
    context.fillStyle = style.getPropertyValue("--st-background-color");
    const page = String(context.fillStyle); // as #rrggbb, however the theme writes it
    const zoom = parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL;
    const mark = style.getPropertyValue("--mark");
    return { text: style.color, page, mark, font: style.fontFamily, zoom };
  }

  get #isDark() {
    const [red, green, blue] = rgbOf(this.look.page);
    return red + green + blue < 384;
  }

  isVisible = (/** @type {number} */ row) => this.#colours[4 * row + 3] > 0;

  /** Whether a map has been shown. */
  get isShown() {
    return this.#middles.length > 0;
  }

  /** @param {number} row */
  labelOf(row) {
    return this.#model.labels[row];
  }

  /** Red, green, blue and alpha of a dot. @param {number} row */
  colourOf(row) {
    return this.#colours.subarray(4 * row, 4 * row + 4);
  }

  /** @param {number} row @returns {[number, number]} */
  placeOf(row) {
    const { places } = this.map;
    return [places[2 * row], places[2 * row + 1]];
  }

  /** The visible dot or picture within reach, or −1. @param {number} across @param {number} down */
  dotAt(across, down) {
    const { rows, size } = this.#thumbnails;
    const pictured = rows.findLast((row) => {
      const [x, y] = this.view.pixelOf(...this.placeOf(row));
      return Math.abs(x - across) <= size / 2 && Math.abs(y - down) <= size / 2;
    });
    if (pictured !== undefined && this.isVisible(pictured)) return pictured;
    const [x, y] = this.view.placeAt(across, down);
    return this.map.nearest(x, y, REACH / this.view.shown.scale, this.isVisible);
  }

  /** @param {Room} room */
  #placeNames(room) {
    const { hidden } = this.#shades;
    const shown = this.#middles.filter(({ label }) => !hidden.has(label));
    const context = contextOf(this.#over);
    return placeNames(context, this.view, shown, this.#model.header.classes, this.look, room);
  }

  /** The path's places on the map; found once, as this searches all images. */
  get #way() {
    const { path, map } = this;
    if (this.#placed?.path !== path || this.#placed.map !== map) {
      this.#placed = { path, map, at: path.map((z) => map.place(z)) };
    }
    return this.#placed.at;
  }

  /** @param {CanvasRenderingContext2D} context */
  #drawOver(context) {
    const { look, map, view } = this;
    context.globalAlpha = 1;
    const names = this.#placeNames(new Room());
    drawThumbnails(context, view, map.places, this.#thumbnails, this.#pictures, (row) => {
      const [red, green, blue, alpha] = this.colourOf(row);
      return alpha ? `rgb(${red},${green},${blue})` : null;
    });
    if (map.labels[0]) drawAxes(context, view, map.labels, look);
    drawNames(context, names, look);
    if (this.path.length) drawPath(context, view, this.#way, look);
    if (this.outline.length) drawOutline(context, this.outline, look);
  }
}
