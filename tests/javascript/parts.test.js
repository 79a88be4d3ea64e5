import { anything, element, FakeElement } from "./browser.js"; // before what needs a browser
import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, Crop, firstFrame, placeOf } from "../../static/live/parts/crop.js";
import { listen } from "../../static/live/parts/keys.js";
import { Background, chosenBackground } from "../../static/live/parts/map/background.js";
import { Dots } from "../../static/live/parts/map/dots.js";
import { View } from "../../static/live/parts/map/view.js";
import { Scrubber } from "../../static/live/parts/scrubber.js";
import { Sprite } from "../../static/live/parts/sprite.js";
import { TileBox } from "../../static/live/parts/tilebox.js";
import { Draw } from "../../static/live/parts/draw.js";
import { undoScrolling } from "../../static/live/shared/controls.js";
import { Focus } from "../../static/live/shared/focus.js";
import { Model } from "../../static/live/shared/model.js";
import { Pictures } from "../../static/live/shared/pictures.js";
import { Settings } from "../../static/live/shared/settings.js";
import { payload } from "./models.js";

/** @typedef {{request: any, use: (answer: any) => void}} Asked */

/** A hub whose engine records its requests, and a model in it. */
function host() {
  const model = new Model(payload());
  /** @type {Asked[]} */
  const asked = [];
  const ask = (/** @type {any} */ request, /** @type {any} */ use) => asked.push({ request, use });
  const engine = { line: () => ({ ask, close() {} }), labels: new Map() };
  const remembered = {};
  const memory = () => remembered;
  /** @type {[string, any][]} */
  const told = [];
  const settings = { onChange: () => () => {} };
  const hub = { engine, memory, settings, withModel: (/** @type {string} */ _, use = anything) => use(model) }; // prettier-ignore
  const tell = (/** @type {string} */ name, /** @type {any} */ value) => told.push([name, value]);
  return { hub: /** @type {any} */ (hub), model, tell, told, asked };
}

test("letters in a list choose from it, elsewhere they are keys of the page", () => {
  /** @type {string[]} */
  const pressed = [];
  const names = ["r", "ctrl+z", "ctrl+shift+z"];
  const actions = Object.fromEntries(names.map((name) => [name, () => void pressed.push(name)]));
  const end = new AbortController();
  listen(actions, end.signal);
  const others = /** @type {string[]} */ ([]); // keys that reach the host, which may use R too
  window.addEventListener("keydown", ({ key }) => others.push(key), { signal: end.signal });
  const press = (/** @type {object} */ event, type = "button") => {
    const matches = (/** @type {string} */ tags) => type.startsWith(tags.split(",")[0]);
    const target = Object.assign(element(), { matches, type });
    /** @type {any} */ (window).fire("keydown", { ...event, composedPath: () => [target] });
  };
  press({ key: "r" });
  press({ key: "r" }, "select-one");
  press({ key: "Z", ctrlKey: true, shiftKey: true });
  press({ key: "z", metaKey: true });
  press({ key: "x" });
  press({}, "search"); // Chrome's event when an entry of a field's list is chosen
  end.abort();
  assert.deepEqual(pressed, ["r", "ctrl+shift+z", "ctrl+z"]);
  assert.deepEqual(others, ["r", "x", undefined]); // the first of them in a list
});

test("nothing is chosen of tiles that are not there yet", () => {
  const box = element();
  /** @type {number[]} */
  const chosen = [];
  const tiles = new TileBox(box, () => {}, (tile) => chosen.push(tile)); // prettier-ignore
  box.fire("keydown", { key: "Enter" });
  box.fire("click", { clientX: 50, clientY: 50 });
  assert.deepEqual(chosen, []);
  tiles.count = 1;
  box.fire("keydown", { key: "Enter" });
  assert.deepEqual(chosen, [0]);
});

test("the tile that is reached with the keys has its name for screen readers", () => {
  const box = element();
  const cursor = box.querySelector(".cursor");
  cursor.id = "cursor";
  const tiles = new TileBox(box, () => {}, () => {}); // prettier-ignore
  Object.assign(tiles, { columns: 2, count: 2, nameOf: (/** @type {number} */ n) => `tile ${n}` });
  box.fire("keydown", { key: "ArrowRight" });
  assert.equal(box.attributes["aria-activedescendant"], "cursor");
  assert.equal(cursor.attributes["aria-label"], "tile 1");
  box.fire("blur");
  assert.equal(box.attributes["aria-activedescendant"], "");
});

test("a scrubber that is moved before its model is there tells nothing", async () => {
  const { hub, model, tell, told } = host();
  const later = /** @type {(() => void)[]} */ ([]);
  const waiting = {
    ...hub,
    withModel: (/** @type {any} */ _, /** @type {any} */ use) => later.push(() => use(model)),
  };
  const root = element();
  const scrubber = new Scrubber(root, { hub: waiting, model, tell });
  scrubber.update({ content: "plain", path: [[0, 0], [2, 4]] }); // prettier-ignore
  const range = root.children[0].querySelector(".range");
  range.fire("change");
  await new Promise(setImmediate); // for what it may throw
  assert.deepEqual(told, []);
  later.forEach((come) => come());
  range.value = "0.5";
  range.fire("input");
  range.fire("change");
  assert.deepEqual(told, [["settled", { z: [1, 2], row: null }]]);
});

test("a finger that scrolls the page past a slider leaves it where it was", () => {
  const range = element();
  const values = /** @type {string[]} */ ([]);
  range.value = "3";
  undoScrolling(range, () => {
    const { value } = range;
    return () => (range.value = value);
  });
  range.addEventListener("change", () => values.push(range.value));
  const move = (/** @type {string} */ value) => {
    range.value = value;
    range.fire("input");
  };
  range.fire("pointerdown");
  move("7");
  range.fire("pointercancel");
  range.fire("change");
  assert.deepEqual([range.value, values], ["3", []]);
  move("4"); // with a key
  range.fire("change");
  range.fire("pointerdown");
  move("9");
  range.fire("change");
  assert.deepEqual(values, ["4", "9"]);
});

test("dots that are closed leave no context of WebGL behind", () => {
  const contexts = () => FakeElement.contexts.filter((kind) => kind === "webgl2").length;
  const dots = new Dots(element());
  const before = contexts();
  dots.canvas.dispatchEvent(new Event("webglcontextlost"));
  assert.equal(contexts(), before + 1); // a lost one is replaced
  dots.close();
  assert.equal(contexts(), before + 2); // requested once more, to be released
});

test("images are no background for a model that cannot decode them", () => {
  const settings = new Settings();
  const decoder = new Model(payload());
  const none = new Model(payload({ hasDecoder: false }));
  settings.set("background", "manifold");
  assert.deepEqual([decoder, none].map((model) => chosenBackground(settings, model)), ["manifold", "none"]); // prettier-ignore
  settings.set("background", "density");
  assert.equal(chosenBackground(settings, none), "density");
});

test("a background that was taken away does not come back with late tiles", () => {
  const { hub, model, asked } = host();
  let drawn = 0;
  const background = new Background(hub.engine, model, () => {});
  const context = /** @type {any} */ ({ drawImage: () => drawn++ });
  const view = new View();
  view.resize(400, 400, [-1, 1, -1, 1]);
  const map = /** @type {any} */ ({ kind: "dimensions", isEmpty: () => false, lift: () => {} });
  const start = (/** @type {"none" | "density"} */ kind) =>
    background.start(kind, map, view, "red", "grey");
  const answer = (/** @type {Asked} */ { request, use }) => {
    const some = request.latents.length / 2;
    use({ pixels: new Uint8ClampedArray(0), shares: new Float32Array(some).fill(50), time: some });
  };
  start("density");
  answer(asked[0]);
  background.draw(context, view);
  assert.equal(drawn, 1);
  start("none");
  answer(asked[1]);
  background.draw(context, view);
  assert.equal(drawn, 1);
  assert.equal(asked.length, 2); // and no more are asked for
});

test("what the worker still decodes does not replace what the page has shown since", ({ mock }) => {
  const { hub, model, asked } = host();
  const shown = /** @type {number[][]} */ ([]);
  const focus = new Focus(hub.engine, model, (_, z) => shown.push(Array.from(z)));
  focus.show([1, 1]);
  model.decoderHere = /** @type {any} */ ({ run: () => new Float32Array(2) });
  const frame = mock.method(globalThis, "requestAnimationFrame", () => 1);
  focus.show([2, 2]);
  frame.mock.calls[0].arguments[0]?.(0);
  asked[0].use({ pixels: new Uint8ClampedArray(8) });
  assert.deepEqual(shown, [[2, 2]]);
});

test("a sheet of pictures is drawn once all of them are there, or if none can come", () => {
  const { hub, model, asked } = host();
  const pictures = new Pictures(hub.engine, model, () => {});
  let count = 0;
  pictures.whenThere([0, 1], () => count++);
  assert.equal(asked.length, 0); // they may come with the sprite
  model.setSprite(null);
  assert.deepEqual([asked.length, count], [1, 0]);
  asked[0].use({ pixels: new Uint8ClampedArray(16) });
  assert.equal(count, 1);
  model.problem = "no decoder";
  pictures.whenThere([7], () => count++);
  assert.equal(count, 2);
});

test("pictures that cannot be read are none", async () => {
  const { hub, model } = host();
  new Sprite(element(), { hub, model, tell: () => {} }).update(new Uint8Array(70));
  await new Promise((use) => setTimeout(use, 5));
  assert.equal(model.sprite, null);
});

/** @param {any} paper of a drawing @param {boolean} isWhole whether the finger is lifted */
function tap(paper, isWhole = true) {
  paper.fire("pointerdown", { isPrimary: true, button: 0, pointerId: 1, clientX: 1, clientY: 1 });
  if (isWhole) paper.fire("pointerup", { isPrimary: true, pointerId: 1 });
}

/** Data of a canvas to draw on. */
const CANVAS = {
  content: "plain",
  z: [0, 0],
  background: [0],
  side: null,
  follows: true,
  neighbours: 1,
  errorColours: [[0, 0, 0], [0, 0, 0]], // prettier-ignore
  fit: /** @type {const} */ ("crop"),
  tones: { plain: 0.15, hardlyVisible: 0.25 },
};

test("a drawing is given to the host again by each canvas that is made for it", () => {
  const { hub, model, tell, told } = host();
  const open = (/** @type {object} */ data) => {
    const root = element();
    new Draw(root, { hub, model, tell }).update({ ...CANVAS, ...data });
    return root.children[0].querySelector(".paper");
  };
  const names = () => told.map(([name]) => name);
  const paper = open({});
  assert.deepEqual(names(), []); // nothing was drawn yet
  tap(paper);
  open({});
  assert.deepEqual(names(), ["settled"]); // one that follows gives nothing
  open({ follows: false });
  assert.deepEqual(names(), ["settled", "settled"]);
});

test("the page looks at a finished drawing only if the point moves there", ({ mock }) => {
  for (const moves of [true, false]) {
    const { hub, model, tell, asked } = host();
    const looks = /** @type {boolean[]} */ ([]);
    mock.method(model, "look", (/** @type {unknown} */ z) => looks.push(z !== null));
    const root = element();
    new Draw(root, { hub, model, tell }).update({ ...CANVAS, moves });
    const paper = root.children[0].querySelector(".paper");
    const answer = () => {
      const pixels = new Uint8ClampedArray(8);
      asked.at(-1)?.use({ z: [1, 2], pixels, reconstruction: null, kl: null, rows: [0] });
    };
    tap(paper, false);
    answer();
    paper.fire("pointerup", { isPrimary: true, pointerId: 1 });
    answer();
    assert.deepEqual(looks, [true, moves]);
  }
});

test("a tap draws a dot, and a palm on the screen ends no stroke", () => {
  const places = /** @type {number[][]} */ ([]);
  /** @type {any} */ (globalThis).Path2D = class {
    moveTo(/** @type {number[]} */ ...place) {
      places.push(place);
    }
    lineTo(/** @type {number[]} */ ...place) {
      places.push(place);
    }
  };
  const { hub, model, tell, told } = host();
  const root = element();
  new Draw(root, { hub, model, tell }).update(CANVAS);
  const paper = root.children[0].querySelector(".paper");
  tap(paper, false);
  paper.fire("pointerup", { isPrimary: false, pointerId: 2 });
  assert.equal(told.length, 0);
  paper.fire("pointerup", { isPrimary: true, pointerId: 1 });
  assert.deepEqual(told.map(([name]) => name), ["settled"]); // prettier-ignore
  assert.equal(places.length, 2);
  assert.notDeepEqual(places[0], places[1]); // a line of no length is not drawn
});

test("a picture is cut as the data set's are, until its frame is moved or resized", () => {
  const wide = placeOf(2, "crop");
  assert.deepEqual(wide, { x: 0, y: 0.25, width: 1, height: 0.5 });
  assert.deepEqual(firstFrame(wide, "crop"), { x: 0.25, y: 0.25, size: 0.5 });
  assert.deepEqual(firstFrame(placeOf(0.5, "pad"), "pad"), { x: 0, y: 0, size: 1 });
  assert.deepEqual(placeOf(0.5, "stretch"), { x: 0, y: 0, width: 1, height: 1 });
  const frame = { x: 0.25, y: 0.25, size: 0.5 };
  assert.deepEqual(changed(frame, 0.125, -1), { x: 0.375, y: 0, size: 0.5 });
  assert.deepEqual(changed(frame, 0, 0, 3), { x: 0, y: 0, size: 1 });
});

test("a frame is dragged, resized by its corner, and moved and resized by keys", () => {
  const box = element();
  const [cut, corner] = [box.querySelector(".cut"), element()];
  const drawn = /** @type {number[][]} */ ([]);
  const context = {
    clearRect() {},
    drawImage: (/** @type {any} */ _, /** @type {number[]} */ ...at) => drawn.push(at),
    getImageData: () => ({ data: new Uint8ClampedArray(4) }),
    putImageData() {},
  };
  const canvas = /** @type {any} */ ({ width: 28, height: 28, getContext: () => context });
  Object.assign(context, { canvas });
  const picture = /** @type {any} */ ({ width: 200, height: 100 });
  const used = /** @type {boolean[]} */ ([]);
  const fit = /** @type {const} */ ("crop");
  const tone = { invert: false, stretch: false, even: false };
  const opened = { picture, light: canvas, canvas, background: [0], fit, tone };
  new Crop(box, opened, (isDone) => used.push(isDone));
  const last = () => drawn.at(-1)?.map(Math.round);
  assert.deepEqual(last(), [-14, 0, 56, 28]); // both ends are cut off
  const drag = (/** @type {any} */ target, /** @type {number} */ right) => {
    const event = { isPrimary: true, pointerId: 1, clientY: 0 };
    // The frame gets the event, whichever element in it was hit
    const down = Object.assign(new Event("pointerdown"), { ...event, clientX: 0 });
    Object.defineProperty(down, "target", { value: target });
    cut.dispatchEvent(down);
    cut.fire("pointermove", { ...event, clientX: right });
    cut.fire("pointerup", event);
  };
  drag(cut, -25); // of 100 pixels
  assert.deepEqual(last(), [0, 0, 56, 28]);
  drag(corner, 50);
  assert.deepEqual(last(), [0, 7, 28, 14]); // the whole picture, with background above and below
  cut.fire("keydown", { key: "-" });
  cut.fire("keydown", { key: "ArrowUp" });
  assert.deepEqual(used, [false, true, false, true, true, true]);
  assert.deepEqual(last(), [-1, 7, 31, 15]);
  for (let i = 0; i < 50; i++) cut.fire("keydown", { key: "-" });
  const smallest = last();
  cut.fire("keydown", { key: "-" });
  assert.deepEqual(last(), smallest); // it does not drift
});
