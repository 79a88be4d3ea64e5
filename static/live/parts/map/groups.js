/** Two groups of test images, A and B: their contents, and how they differ. */

import { button, framedButton, segments } from "../../shared/controls.js";
import { find, newContext, contextOf, textElement, setText } from "../../shared/elements.js";
import { URGENCY } from "../../shared/engine.js";
import { download, downloadPicture } from "../../shared/files.js";
import { tilesOf } from "../../shared/paint.js";
import { classBars, tellDifferences } from "./group_facts.js";
import { csvOf, npzOf } from "./group_files.js";
import { moments, momentsOfImages } from "./statistics.js";
import { TileBox } from "../tilebox.js";

/** @typedef {"A" | "B"} Name */
/** @typedef {"make" | "add" | "remove"} How what a region does to a group */
/** @typedef {"groups" | "choice"} Changed the images in groups, or what the next region does */

/** Largest numbers of images in a list, reconstructions for a deviation, images on a sheet. */
const [LISTED, SAMPLE, SHEET] = [96, 200, 4000];
const TILE = 36;

const GROUP = `
  <header><strong></strong> <span class="actions"></span></header>
  <div class="facts"><ol class="classes"></ol><div class="pictures"></div></div>
  <div class="list"><div class="members" role="listbox"><canvas></canvas><div class="tile cursor" role="option" aria-selected="false" hidden></div></div></div>`;

export class Groups {
  #box;
  #host;
  #memory;
  #pictures;
  #means;
  /**
   * Lines for requests about the groups.
   *
   * @type {Record<Name, ReturnType<import("../../shared/engine.js").Engine["line"]>>}
   */
  #lines;
  /** 1 for rows of A, 2 for those of B, 3 for both. */
  #marks;
  #active;
  #how;
  #change = (/** @type {Changed} */ what) => {
    this.#showChoice();
    if (what === "choice") return;
    this.#refresh();
    this.#means.change();
  };
  /** @type {Record<string, HTMLElement>} */
  #shown = {};

  /**
   * @param {HTMLElement} box @param {import("../../shared/hub.js").Host} host
   * @param {{active: Name, how: How, A?: Uint32Array, B?: Uint32Array, changed: Set<(what: Changed) => void>}} memory
   *   shared by all maps of these test images; `changed`: what to call when it has changed
   * @param {import("../../shared/pictures.js").Pictures} pictures
   * @param {{change: () => void, look: (row: number | null) => void, choose: (row: number) => void,
   *   direct: (A: Uint32Array, B: Uint32Array) => void}} means what to do when a group changes,
   *   when one of its images is pointed at or chosen, and when a direction is wanted
   */
  constructor(box, host, memory, pictures, means) {
    this.#box = box;
    this.#host = host;
    this.#memory = memory;
    this.#pictures = pictures;
    this.#means = means;
    const { engine } = host.hub;
    this.#lines = { A: engine.line(URGENCY.tiles), B: engine.line(URGENCY.tiles) };
    this.#marks = new Uint8Array(host.model.labels.length);
    box.innerHTML = `
      <div class="head"></div>
      <div class="both"><section class="A"></section><section class="B"></section><section class="differ"></section></div>`;
    this.#how = segments("What the next region does", [["make", "makes"], ["add", "adds to"], ["remove", "removes from"]], (how) => {
      memory.how = how;
      this.#tell("choice");
    }); // prettier-ignore
    this.#active = segments("The group of the next region", [["A", "Group A"], ["B", "Group B"]], (name) => {
      memory.active = name;
      this.#tell("choice");
    }); // prettier-ignore
    memory.changed.add(this.#change);
    const close = framedButton("✕", () => this.#clear("A", "B"), "Clear both groups");
    find(box, ".head").append("The next region", this.#how.element, this.#active.element, close);
    this.#showChoice();
    this.#refresh();
  }

  close() {
    this.#memory.changed.delete(this.#change);
    for (const line of Object.values(this.#lines)) line.close();
  }

  /** Whether a dot stands out; undefined where there are no groups. */
  get isMarked() {
    if (!this.#memory.A && !this.#memory.B) return undefined;
    return (/** @type {number} */ row) => this.#marks[row] > 0;
  }

  /**
   * Makes rows the active group, adds them to it, or removes them from it.
   *
   * @param {Iterable<number>} rows @param {How} [how] as the user chose, unless given
   */
  take(rows, how = this.#memory.how) {
    const name = this.#memory.active;
    const isIn = new Uint8Array(this.#marks.length);
    if (how !== "make") for (const row of this.#memory[name] ?? []) isIn[row] = 1;
    for (const row of rows) isIn[row] = Number(how !== "remove");
    const members = rowsWith(isIn, 1);
    if (members.length) this.#memory[name] = members;
    else this.#delete(name);
    this.#tell("groups");
  }

  /**
   * Adds rows to a group, or removes them if it has them all.
   *
   * @param {Name} name @param {number[]} rows
   */
  toggle(name, rows) {
    const bit = name === "A" ? 1 : 2;
    this.#memory.active = name;
    this.take(rows, rows.every((row) => this.#marks[row] & bit) ? "remove" : "add");
  }

  /** Draws images that have arrived meanwhile. */
  redraw() {
    for (const name of /** @type {const} */ (["A", "B"])) this.#drawMembers(name);
  }

  /** @param {Name[]} names */
  #clear(...names) {
    this.#delete(...names);
    this.#tell("groups");
  }

  /** Without groups, the next region makes one, as the choice is hidden. @param {Name[]} names */
  #delete(...names) {
    for (const name of names) delete this.#memory[name];
    if (!this.#memory.A && !this.#memory.B) this.#memory.how = "make";
  }

  /** @param {Changed} what */
  #tell(what) {
    for (const change of this.#memory.changed) change(what);
  }

  #showChoice() {
    this.#active.show(this.#memory.active);
    this.#how.show(this.#memory.how);
  }

  /** Shows both groups, as each takes room from the other. */
  #refresh() {
    this.#marks.fill(0);
    /** @type {const} */ (["A", "B"]).forEach((name, i) => {
      for (const row of this.#memory[name] ?? []) this.#marks[row] |= i + 1;
    });
    this.#box.hidden = !this.#memory.A && !this.#memory.B;
    this.#showDifferences();
    for (const name of /** @type {const} */ (["A", "B"])) {
      find(this.#box, `section.${name}`).hidden = !this.#memory[name];
    }
    this.#showGroup("A");
    this.#showGroup("B");
  }

  /** @param {Name} name */
  #showGroup(name) {
    const section = find(this.#box, `section.${name}`);
    const rows = this.#memory[name];
    if (!rows) return;
    section.innerHTML = GROUP;
    this.#shown[name] = section;
    const images = `${rows.length.toLocaleString("en")} image${rows.length === 1 ? "" : "s"}`;
    setText(section, "strong", `Group ${name}: ${images}`);
    const clear = button("clear", () => this.#clear(name));
    const files = ["CSV", "NPZ", "PNG"].map((type) => button(type, () => this.#save(name, type)));
    files[2].title = `The images, up to ${SHEET.toLocaleString("en")}`;
    find(section, ".actions").append(...files, clear);
    find(section, ".classes").append(...classBars(this.#host.model, rows));
    this.#showPictures(section, name, rows);
    find(section, ".members .cursor").id = `cursor-${name}`;
    this.#listMembers(section, rows);
    this.#drawMembers(name);
  }

  /**
   * Shows means and deviations of the originals and of the reconstructions.
   *
   * @param {HTMLElement} section @param {Name} name @param {Uint32Array} rows
   */
  #showPictures(section, name, rows) {
    const { model } = this.#host;
    const { header, zMean, content, canDecode } = model;
    const [height, width] = header.imageShape;
    const box = find(section, ".pictures"); // belongs to these rows: other rows get a new one
    const show = (/** @type {string} */ caption, /** @type {Uint8ClampedArray} */ pixels) => {
      const figure = document.createElement("figure");
      const pen = newContext(width, height);
      const { canvas } = pen;
      pen.putImageData(new ImageData(/** @type {any} */ (pixels), width, height), 0, 0);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Group ${name}: ${caption}`);
      figure.append(canvas, textElement("figcaption", caption));
      box.append(figure);
    };
    const pictured = rows.filter((row) => model.tileOf(row) >= 0);
    if (pictured.length) {
      const { mean, deviation } = momentsOfImages(this.#originalsOf(pictured), 4 * width * height);
      show("mean of originals", mean);
      show("their standard deviation ×2", deviation);
    }
    if (!canDecode) return;
    const step = Math.max(1, Math.ceil(rows.length / SAMPLE));
    const sample = rows.filter((_, i) => i % step === 0);
    const { mean } = moments(zMean, header.latentDim, rows);
    const latents = new Float32Array((sample.length + 1) * mean.length);
    latents.set(mean);
    latents.set(model.meansOf(sample), mean.length);
    const labels = [undefined, ...sample.map((row) => model.labels[row])];
    const request = /** @type {const} */ ({ kind: "tiles", content, latents, labels });
    this.#lines[name].ask(request, ({ pixels }) => {
      const [atMean, ...tiles] = tilesOf(pixels, sample.length + 1);
      show("decoded at the mean latent", atMean);
      show("deviation of decoded ×2", momentsOfImages(tiles, atMean.length).deviation);
    });
  }

  /** The originals' pixels, one after the other. @param {Uint32Array} rows */
  *#originalsOf(rows) {
    for (const row of rows) yield this.#pictures.pixelsOf(row);
  }

  /** @param {HTMLElement} section @param {Uint32Array} rows */
  #listMembers(section, rows) {
    const list = find(section, ".members");
    const listed = rows.slice(0, LISTED);
    const columns = Math.max(1, Math.floor((list.parentElement?.clientWidth || 400) / TILE));
    const lines = Math.ceil(listed.length / columns);
    list.setAttribute("aria-label", "Images of the group; choose one to move the point there");
    Object.assign(list.style, { width: `${columns * TILE}px`, height: `${lines * TILE}px` });
    const tiles = new TileBox(
      list,
      (tile) => this.#means.look(tile === null ? null : listed[tile]),
      (tile) => this.#means.choose(listed[tile]),
    );
    Object.assign(tiles, { columns, rows: lines, count: listed.length });
    const { model } = this.#host;
    tiles.nameOf = (tile) => `#${listed[tile]} · ${model.classOf(listed[tile])}`;
  }

  /** @param {Name} name */
  #drawMembers(name) {
    const rows = this.#memory[name];
    const section = this.#shown[name];
    if (!rows || !section) return;
    const canvas = find(section, ".members canvas", HTMLCanvasElement);
    const columns = Math.max(1, Math.round((canvas.parentElement?.clientWidth ?? 0) / TILE));
    const lines = Math.ceil(Math.min(rows.length, LISTED) / columns);
    [canvas.width, canvas.height] = [columns * TILE, lines * TILE];
    this.#drawSheet(canvas, rows.subarray(0, LISTED), columns);
  }

  /** @param {HTMLCanvasElement} canvas @param {Uint32Array} rows @param {number} columns */
  #drawSheet(canvas, rows, columns) {
    const context = contextOf(canvas);
    context.imageSmoothingEnabled = false;
    rows.forEach((row, i) => {
      const [x, y] = [(i % columns) * TILE, Math.floor(i / columns) * TILE];
      this.#pictures.draw(context, row, x + 1, y + 1, TILE - 2, TILE - 2);
    });
  }

  #showDifferences() {
    const section = find(this.#box, ".differ");
    const { A, B } = this.#memory;
    const { model } = this.#host;
    const one = A ?? B;
    section.hidden = !one;
    if (!one) return;
    const isBoth = A && B;
    const other = isBoth ? B : rowsWith(this.#marks, 0);
    const title = isBoth ? "A minus B" : `${A ? "A" : "B"} minus all others`;
    section.innerHTML = `<header><strong></strong></header><small></small><ol class="classes"></ol>`;
    setText(section, "strong", title);
    tellDifferences(section, model, one, other);
    if (!isBoth) return;
    const direct = framedButton("Use A → B as a direction", () => this.#means.direct(A, B));
    direct.classList.add("direct");
    section.append(direct);
  }

  /** @param {Name} name @param {string} type */
  #save(name, type) {
    const { model } = this.#host;
    const rows = this.#memory[name] ?? new Uint32Array(0);
    const file = `${model.header.name}-group-${name}.${type.toLowerCase()}`;
    if (type === "CSV") download(file, csvOf(model, rows), "text/csv");
    else if (type === "NPZ") download(file, npzOf(model, rows), "application/zip");
    else this.#saveSheet(file, rows.subarray(0, SHEET));
  }

  /** @param {string} file @param {Uint32Array} rows */
  #saveSheet(file, rows) {
    const columns = Math.ceil(Math.sqrt(rows.length));
    const { canvas } = newContext(columns * TILE, Math.ceil(rows.length / columns) * TILE);
    this.#pictures.whenThere(rows, () => {
      this.#drawSheet(canvas, rows, columns);
      downloadPicture(file, canvas);
    });
  }
}

/** The name of the group whose key is pressed, or null. @param {KeyboardEvent} event */
export function groupOf({ key, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return null;
  const name = key.toUpperCase();
  return name === "A" || name === "B" ? name : null;
}

/** The rows that have a value. @param {Uint8Array} values @param {number} value */
function rowsWith(values, value) {
  const rows = [];
  for (let row = 0; row < values.length; row++) if (values[row] === value) rows.push(row);
  return Uint32Array.from(rows);
}
