/**
 * The single-file page: mounts the parts and keeps the point and the address, as Streamlit's page
 * does with the help of a server.
 *
 * @typedef {{name: string, title: string, content: string, start: number[], hasImages: boolean,
 *   classes: string[], isConditional: boolean, mapLabel: string, dimensions: RowSpec[],
 *   directions: Record<string, RowSpec>, reach: number, tiles: number, drawing: object,
 *   facts: [string, string, string][], kl: [string, string, number][], notice: string}} Entry
 *   what `explorer/web/document.py` says about a model
 * @typedef {{title: string, start: string, views: string[], models: Entry[], limit: number}} Contents
 *   coordinates beyond ± `limit` are treated as mistakes
 * @typedef {import("../parts/sliders.js").RowSpec} RowSpec
 * @typedef {{z: number[], past: number[][], future: number[][], label: number, ends: string[],
 *   pins: import("./pins.js").Pin[], directions: {text: string, row: RowSpec}[],
 *   direction: string}} State of one model; `directions` are the user's own, `direction` is the
 *   text of the direction that is shown
 */

import { Frame } from "../parts/frame.js";
import { Sprite } from "../parts/sprite.js";
import { Store } from "../parts/store.js";
import { button, select } from "../shared/controls.js";
import { alertOf, find, same, setText } from "../shared/elements.js";
import { Engine } from "../shared/engine.js";
import { Hub } from "../shared/hub.js";
import { readList, writeList } from "../shared/lists.js";
import { Mount } from "../shared/mount.js";
import { rounded } from "../shared/plane.js";
import { inVain } from "../shared/settings.js";
import { readDirection, unitOf } from "./directions.js";
import { Moves } from "./moves.js";
import { Pins, readPins, writePins } from "./pins.js";
import { VIEWS } from "./views.js";

/** Parameters of an address that name places of a model. */
const PLACES = ["pins", "directions", "direction", "a", "b"];
/** Largest number of points that undo goes back to. */
const KEPT = 100;

const HTML = `
  <header>
    <h1></h1>
    <div class="controls choice"></div>
    <div class="tabs" role="tablist" aria-label="Views"></div>
  </header>
  <div class="parts"></div>
  <main>
    <div class="controls moves"></div>
    <div class="stage" role="tabpanel"><div class="main"></div><div class="beside"></div></div>
    <div class="pins"></div>
  </main>
  <footer></footer>`;

export class Page {
  #root;
  #contents;
  #bytesOf;
  #tell;
  #entry;
  #view;
  /** @type {Record<string, State>} */
  #states = {};
  /** @type {{update: () => void, close: () => void}[]} */
  #mounted = [];
  #loaded = new Set();
  /** @type {import("./pins.js").Pin[] | null} */
  #pinned = null;
  /** What was last told, by name. @type {Record<string, unknown>} */
  #told;
  #frame;
  #classes = select("Class that is decoded", [], (label) => this.#condition(Number(label)));
  #choice;
  #moves;
  #pins;

  /**
   * @param {HTMLElement} root @param {Contents} contents
   * @param {(id: string) => Promise<Uint8Array>} bytesOf gives a content of the file by its name
   * @param {() => Worker} startWorker
   * @param {(name: string, value: unknown) => void} [tell] sends events to whatever shows the page
   */
  constructor(root, contents, bytesOf, startWorker, tell = () => {}) {
    this.#root = root;
    this.#contents = contents;
    this.#bytesOf = bytesOf;
    this.#tell = tell;
    [this.#entry] = contents.models;
    this.#told = { pins: { model: this.#entry.name, pins: [] } };
    [this.#view] = contents.views;
    root.innerHTML = HTML;
    document.title ||= contents.title;
    find(root, "h1").textContent = contents.title;
    this.hub = new Hub(new Engine(startWorker), {
      openView: (view) => this.#openView(view),
      move: (name) => this.#moves.move(name),
      choose() {},
      pin: () => this.#pins.add(),
      group: (_, { A = [], B = [] }) =>
        this.#tell("groups", { model: this.#entry.name, A: Array.from(A), B: Array.from(B) }),
      original: async () => null, // there is no more than what the page holds
    });
    const models = contents.models.map(({ name, title }) => /** @type {const} */ ([name, title]));
    this.#choice = select("Model", models, (name) => this.#openModel(name));
    find(root, ".choice").append(this.#choice.element, this.#classes.element);
    this.#choice.element.hidden = models.length === 1;
    this.#moves = new Moves(find(root, ".moves"), this);
    this.#pins = new Pins(find(root, ".pins"), this);
    this.#makeTabs();
    this.#frame = new Mount(Frame, this.#shadow(find(root, ".parts")), this.hub, () => {});
    this.hub.settings.onChange(() => this.#write());
    window.addEventListener("hashchange", () => this.#read(location.hash.slice(1)));
    const { name } = window; // of a frame that goes on where an earlier one was
    const address = location.hash || (name.startsWith("#") ? name : "");
    this.#read(address.slice(1) || contents.start);
  }

  /** The model that is shown. */
  get entry() {
    return this.#entry;
  }

  /** @returns {State} of the model that is shown */
  get state() {
    const { name, start } = this.#entry;
    return (this.#states[name] ??= {
      ...{ z: start, past: [], future: [], label: 0 },
      ...{ ends: [], pins: [], directions: [], direction: "" },
    });
  }

  /** Coordinates beyond ± this are treated as mistakes. */
  get limit() {
    return this.#contents.limit;
  }

  get model() {
    return this.hub.modelOf(this.#entry.content);
  }

  /**
   * Puts a part on the page until another view is opened.
   *
   * @param {import("../shared/mount.js").PartClass} Part @param {HTMLElement} box
   * @param {() => object} dataOf is called again after every change
   * @param {(name: string, value: any) => void} [use] handles its events; by default they move the
   *   point
   */
  mount(Part, box, dataOf, use = (_, { z }) => this.moveTo(z)) {
    const mount = new Mount(Part, this.#shadow(box), this.hub, use);
    let known = {};
    const update = () => {
      const data = { content: this.#entry.content, z: this.state.z, ...dataOf() };
      if (!same(data, known)) mount.update(data);
      known = data;
    };
    this.#mounted.push({ update, close: () => mount.close() });
    update();
  }

  /**
   * Reads a place of the model: `test-17`, or coordinates.
   *
   * @param {string} text
   * @returns {number[]} its latent; [] if the model, which must have been loaded, has no such place
   */
  placeOf(text) {
    const row = /^test-(\d{1,9})$/.exec(text)?.[1];
    return row ? Array.from(this.model?.meanOf(Number(row)) ?? []) : this.latentOf(text);
  }

  /** The directions that can be shown, by the texts that name them; the user's own come first. */
  get directions() {
    const own = Object.fromEntries(this.state.directions.map(({ text, row }) => [text, row]));
    return { ...own, ...this.#entry.directions, ...own };
  }

  /** Shows the paths between two latents. @param {number[]} from @param {number[]} to */
  join(from, to) {
    this.state.ends = [from.join(), to.join()];
    this.#reopen("Interpolate");
  }

  /** Keeps and shows a direction. @param {string} name @param {string} text as in addresses */
  direct(name, text) {
    if (!this.#keep(name, text)) return;
    this.state.direction = text;
    this.#reopen("Sliders");
  }

  /** Keeps a direction, if the model has it. @param {string} name @param {string} text */
  #keep(name, text) {
    const known = this.directions;
    const row = Object.hasOwn(known, text)
      ? { ...known[text], label: name }
      : this.model && readDirection(this.model, text, name, (place) => this.placeOf(place));
    if (!row) return false;
    const others = this.state.directions.filter((one) => one.row.label !== name);
    this.state.directions = [...others, { text, row }];
    return true;
  }

  /** Draws a view afresh, or the open one if the page lacks it. @param {string} view */
  #reopen(view) {
    this.#view = this.#contents.views.find((name) => name === view) ?? this.#view;
    this.#render();
  }

  /** Updates the data of all parts, and the address. */
  refresh() {
    this.#showPoint(); // first: it sets the class for which the parts then ask
    for (const { update } of this.#mounted) update();
    this.#write();
  }

  /** @param {number[]} z becomes the point @param {number} [label] the class that is decoded there */
  moveTo(z, label = this.state.label) {
    const { state } = this;
    if (z.length !== state.z.length) return; // from a model that is not loaded yet
    if (label !== state.label) this.#condition(label);
    const latent = rounded(z);
    if (String(latent) === String(state.z)) return;
    state.past = [...state.past, state.z].slice(-KEPT);
    state.future = [];
    this.#settle(latent);
  }

  /** @param {number[]} z */
  #settle(z) {
    this.state.z = z;
    this.refresh();
  }

  /** Goes back one point, or forward again. @param {"past" | "future"} way */
  go(way) {
    const { state } = this;
    const z = state[way].pop();
    if (!z) return;
    state[way === "past" ? "future" : "past"].push(state.z);
    this.#settle(z);
  }

  randomRow() {
    return Math.floor(Math.random() * (this.model?.labels.length ?? 0));
  }

  /** Reads the coordinates of a latent; [] if they do not fit the model. @param {string} text */
  latentOf(text) {
    const z = text.split(",").map((part) => (part.trim() ? Number(part) : NaN));
    const isOne = z.length === this.state.z.length && z.every((v) => Math.abs(v) <= this.limit);
    return isOne ? z : [];
  }

  #makeTabs() {
    const tabs = this.#contents.views.map((view) => {
      const tab = button(view, () => this.#openView(view));
      tab.setAttribute("role", "tab");
      return tab;
    });
    const box = find(this.#root, ".tabs");
    box.append(...tabs);
    box.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!step) return;
      const next = tabs.findIndex((tab) => tab.tabIndex === 0) + step;
      this.#openView((next + tabs.length) % tabs.length);
    });
  }

  /** @param {string | number} view its name, or its place among the tabs */
  #openView(view) {
    const { views } = this.#contents;
    const found = typeof view === "number" ? views[view] : views.find((name) => name === view);
    if (!found || found === this.#view) return;
    const tab = find(this.#root, ".tabs").children[views.indexOf(found)];
    /** @type {HTMLElement} */ (tab).focus(); // what the focus leaves may have something to tell
    this.#view = found;
    this.#render();
  }

  /** @param {string} name */
  #openModel(name) {
    const entry = this.#contents.models.find((one) => one.name === name);
    if (!entry || entry === this.#entry) return;
    this.#entry = entry;
    this.#render();
  }

  /** @param {number} label */
  #condition(label) {
    this.state.label = label;
    this.refresh();
  }

  /** Draws the view that is open. */
  #render() {
    const entry = this.#entry;
    for (const { close } of this.#mounted) close();
    this.#mounted = [];
    this.#load(entry);
    this.#choice.show(entry.name);
    this.#classes.element.hidden = !entry.isConditional;
    this.#classes.offer(entry.classes.map((name, label) => [String(label), name]));
    for (const tab of find(this.#root, ".tabs").children) {
      const isOpen = tab.textContent === this.#view;
      tab.setAttribute("aria-selected", String(isOpen));
      /** @type {HTMLElement} */ (tab).tabIndex = isOpen ? 0 : -1;
    }
    const [main, beside] = [find(this.#root, ".main"), find(this.#root, ".beside")];
    main.replaceChildren();
    beside.replaceChildren();
    this.#pinned = null;
    const panel = find(this.#root, ".stage");
    panel.setAttribute("aria-label", this.#view);
    panel.dataset.view = this.#view;
    setText(this.#root, "footer", entry.notice);
    this.#showPoint();
    this.#write();
    VIEWS[this.#view](this, main, beside);
  }

  #showPoint() {
    const { z, label, directions, pins } = this.state;
    const { name, content } = this.#entry;
    const axes = directions.map(({ row }) => ({ name: row.label, unit: unitOf(row) }));
    this.#classes.show(String(label));
    this.#moves.show();
    const choice = `${name} ${z}`;
    this.#frame.update({ view: this.#view, choice, model: content, label, directions: axes });
    if (!same(pins, this.#pinned)) this.#pins.show();
    this.#pinned = structuredClone(pins);
    this.#report("point", { model: name, z });
    this.#report("pins", { model: name, pins: this.#pinned });
  }

  /** Tells what has changed. @param {string} name @param {unknown} value */
  #report(name, value) {
    if (!same(value, this.#told[name])) this.#tell(name, value);
    this.#told[name] = value;
  }

  /** Gives the parts a model and its images, once. @param {Entry} entry */
  async #load({ name, content, hasImages }) {
    if (this.#loaded.has(name)) return;
    this.#loaded.add(name);
    const box = find(this.#root, ".parts");
    const warn = (/** @type {string} */ sentence) => box.append(alertOf(sentence));
    try {
      const store = new Mount(Store, this.#shadow(box), this.hub, () => {});
      store.update(await this.#bytesOf(`model-${name}`));
      await new Promise((use) => this.hub.withModel(content, use));
      await new Promise((use) => (window.requestIdleCallback ?? setTimeout)(use)); // after the first picture
      const hash = new TextEncoder().encode(content);
      const sprite = new Mount(Sprite, box, this.hub, () => {});
      sprite.update(hasImages ? await this.#bytesOf(`images-${name}`) : hash);
    } catch (error) {
      warn(
        `The model ${name} could not be read from this file: ${/** @type {Error} */ (error).message}`,
      );
    }
  }

  /** Makes a shadow root with the parts' style. @param {HTMLElement} box */
  #shadow(box) {
    const element = document.createElement("div");
    box.append(element);
    const root = element.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = document.getElementById("style")?.textContent ?? "";
    root.append(style);
    return /** @type {any} */ (root);
  }

  /** Applies an address. @param {string} text */
  #read(text) {
    const parameters = new URLSearchParams(text);
    const { models, views } = this.#contents;
    const problems = /** @type {string[]} */ ([]);
    const asked = (
      /** @type {string} */ name,
      /** @type {string[]} */ choices,
      /** @type {string} */ now,
    ) => {
      const text = parameters.get(name) ?? now;
      if (choices.includes(text)) return text;
      problems.push(inVain(name, text, now));
      return now;
    };
    const names = models.map(({ name }) => name);
    this.#entry = models[names.indexOf(asked("model", names, this.#entry.name))];
    this.#view = asked("view", views, this.#view);
    const { state } = this;
    const z = this.latentOf(parameters.get("z") ?? "");
    if (z.length) state.z = z;
    const entry = this.#entry;
    this.hub.withModel(entry.content, () => {
      const isMeant = PLACES.some((name) => parameters.has(name));
      if (isMeant && entry === this.#entry) this.#readPlaces(parameters);
    });
    const label = this.#entry.classes.indexOf(parameters.get("class") ?? "");
    if (label >= 0) state.label = label;
    this.hub.settings.take(parameters, problems);
    this.#render();
  }

  /** Applies the places of an address, which need the model. @param {URLSearchParams} parameters */
  #readPlaces(parameters) {
    const { state } = this;
    const { classes } = this.#entry;
    const pins = parameters.get("pins");
    if (pins) state.pins = readPins(pins, (place) => this.placeOf(place), classes.length);
    const kept = readList(parameters.get("directions"));
    for (const [name, text = ""] of kept) this.#keep(name, text);
    const shown = parameters.get("direction") ?? "";
    if (Object.hasOwn(this.directions, shown) || this.#keep(shown, shown)) state.direction = shown;
    for (const [i, name] of ["a", "b"].entries()) {
      const end = parameters.get(name) ?? "";
      if (this.placeOf(end).length) state.ends[i] = end;
    }
    this.#render();
  }

  /** Writes what is on the page into the address. */
  #write() {
    const { z, label, ends, pins, directions, direction } = this.state;
    const { name, isConditional, classes } = this.#entry;
    const parameters = new URLSearchParams({ model: name, view: this.#view, z: z.join() });
    if (isConditional) parameters.set("class", classes[label]);
    if (this.#view === "Interpolate" && ends[0] && ends[1]) {
      [["a", ends[0]], ["b", ends[1]]].forEach(([key, end]) => parameters.set(key, end)); // prettier-ignore
    }
    if (pins.length) parameters.set("pins", writePins(pins));
    const kept = writeList(directions.map(({ text, row }) => [row.label, text]));
    if (kept) parameters.set("directions", kept);
    if (this.#view === "Sliders" && direction) parameters.set("direction", direction);
    this.hub.settings.write(parameters);
    const hash = `#${parameters}`;
    if (hash === location.hash) return;
    this.#tell("address", hash);
    try {
      history.replaceState(null, "", hash);
    } catch {
      // in a frame without an address of its own
    }
  }
}
