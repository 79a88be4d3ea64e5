/**
 * The views of a single-file page: the parts in each view, and the data that they get.
 *
 * @typedef {import("./page.js").Page} Page
 * @typedef {(page: Page, main: HTMLElement, beside: HTMLElement) => void} View
 */

import { Draw } from "../parts/draw.js";
import { Grid } from "../parts/grid.js";
import { Lens } from "../parts/lens.js";
import { LiveMap } from "../parts/map/map.js";
import { directionBetween } from "./directions.js";
import { moments } from "../parts/map/statistics.js";
import { Path } from "../parts/path.js";
import { Sliders } from "../parts/sliders.js";
import { framedButton, segments, select, slider } from "../shared/controls.js";
import { build, textElement } from "../shared/elements.js";
import { rounded } from "../shared/plane.js";
import { kindsOfPath } from "../shared/walk.js";

/** Number of sliders shown at once; the rest are behind 'more'. */
const FIRST = 10;
const SPACINGS = /** @type {const} */ ([["true", "in the picture"], ["false", "in the latent space"]]); // prettier-ignore

/** Adds a sentence on what a view is for. @param {HTMLElement} box @param {string} text */
const lead = (box, text) => box.append(textElement("p", text));

/** @param {Page} page @param {HTMLElement} box */
function showLens(page, box) {
  page.mount(Lens, box, () => ({}));
}

/** @type {View} */
function showMap(page, main) {
  lead(
    main,
    "Move the pointer over the map. Each dot is a test image where the encoder puts it; its colour is its class.",
  );
  const given = () => ({ label: page.entry.mapLabel, hasLens: true, directs: true });
  page.mount(LiveMap, main, given, (event, { z, A, B }) => {
    if (event !== "groups") return page.moveTo(z);
    const { model } = page;
    if (!model) return;
    const meanOf = (/** @type {number[]} */ rows) =>
      moments(model.zMean, model.header.latentDim, Uint32Array.from(rows)).mean;
    page.direct(`A (${A.length}) → B (${B.length})`, directionBetween(meanOf(A), meanOf(B)));
  });
}

/** @type {View} */
function showManifold(page, main, beside) {
  const { name, dimensions: rows, reach, tiles } = page.entry;
  lead(main, "The decoder's pictures, laid out as the map is.");
  page.mount(Grid, main, () => ({ name, rows, reach, tiles }));
  showLens(page, beside);
}

/** @type {View} */
function showSliders(page, main, beside) {
  const { state } = page;
  const { dimensions, reach, tiles } = page.entry;
  const show = (/** @type {HTMLElement} */ box, /** @type {object[]} */ rows) =>
    page.mount(Sliders, box, () => ({ rows, reach, tiles }));
  lead(
    main,
    "Drag a slider to move along one latent dimension: its strip shows where that leads, its KL (in nats, a unit of information) how much it tells about an image.",
  );
  show(main, dimensions.slice(0, FIRST));
  if (dimensions.length > FIRST) {
    const more = document.createElement("details");
    more.innerHTML = `<summary>${dimensions.length - FIRST} more dimensions</summary>`;
    more.addEventListener("toggle", () => show(more, dimensions.slice(FIRST)), { once: true });
    main.append(more);
  }
  const names = Object.entries(page.directions).map(
    ([text, { label }]) => /** @type {const} */ ([text, label]),
  );
  if (names.length) {
    lead(
      main,
      "Or along a direction: from one class to another, a principal component, or your own, from two pins or two groups on the map.",
    );
    const box = build("direction");
    state.direction ||= names[0][0];
    const list = select("Direction", names, (text) => {
      state.direction = text;
      page.refresh();
    });
    list.show(state.direction);
    main.append(list.element, box);
    page.mount(Sliders, box, () => ({ rows: [page.directions[state.direction]], reach, tiles }));
  }
  showLens(page, beside);
}

/** @type {View} */
function showInterpolate(page, main, beside) {
  const { entry, state } = page;
  const chosen = { kind: "Straight line", steps: 12, isEven: true, isSecond: false };
  lead(main, "Choose two images on the map and see what lies between them.");
  const bar = build("controls");
  main.append(bar);
  page.hub.withModel(entry.content, (model) => {
    if (page.entry !== entry || !bar.isConnected) return; // another model is shown meanwhile
    state.ends[0] ??= `test-${page.randomRow()}`;
    state.ends[1] ??= `test-${page.randomRow()}`;
    /** @type {number[][]} */
    let path = [];
    const control = (/** @type {any} */ made, /** @type {any} */ value) => {
      made.show(value);
      bar.append(made.element);
    };
    const change = (/** @type {object} */ changed) => {
      Object.assign(chosen, changed);
      page.refresh();
    };
    const two = /** @type {const} */ ([["a", "From"], ["b", "To"]]); // prettier-ignore
    const kinds = kindsOfPath(model).map((kind) => /** @type {const} */ ([kind, kind]));
    control(segments("Path", kinds, (kind) => change({ kind })), chosen.kind); // prettier-ignore
    bar.append("Evenly spaced");
    control(segments("Evenly spaced", SPACINGS, (is) => change({ isEven: is === "true" })), "true"); // prettier-ignore
    control(slider("Images", { min: 3, max: 40, step: 1 }, (steps) => change({ steps })), 12); // prettier-ignore
    const random = framedButton("Two random images", () => {
      state.ends = [`test-${page.randomRow()}`, `test-${page.randomRow()}`];
      page.refresh();
    });
    bar.append(random);
    const given = () => ({
      from: page.placeOf(state.ends[0]),
      to: page.placeOf(state.ends[1]),
      label: state.label,
      ...chosen,
    });
    page.mount(Path, main, given, (event, value) => {
      if (event !== "path") return page.moveTo(value.z);
      ({ path } = value);
      page.refresh();
    });
    const what = "A click on the map chooses the end";
    const target = segments(what, two, (end) => (chosen.isSecond = end === "b"));
    target.show("a");
    const asked = build("controls");
    asked.append(what, target.element);
    main.append(asked);
    const pick = (/** @type {string} */ _, /** @type {any} */ { z, row }) => {
      state.ends[Number(chosen.isSecond)] = row === null ? rounded(z).join() : `test-${row}`;
      page.refresh();
    };
    page.mount(LiveMap, main, () => ({ label: entry.mapLabel, path, picks: true }), pick);
    showLens(page, beside);
  });
}

/** @type {View} */
function showReconstruct(page, main, beside) {
  const { drawing, mapLabel } = page.entry;
  lead(
    main,
    "Draw something, or open a picture and frame what the model should see; the reconstruction follows.",
  );
  page.mount(
    Draw,
    main,
    () => ({ ...drawing, moves: true, opens: true, refines: true }),
    (event, { z }) => {
      if (event === "point") page.moveTo(z);
    },
  );
  page.mount(LiveMap, main, () => ({ label: mapLabel }));
  showLens(page, beside);
}

/** @type {View} */
function showModel(page, main) {
  const { title, facts, kl } = page.entry;
  lead(main, title);
  const table = document.createElement("table");
  for (const [name, value, definition] of facts) {
    const row = table.insertRow();
    for (const text of [name, value, definition]) row.insertCell().textContent = text;
  }
  main.append(table);
  if (!kl.length) return;
  lead(main, "How much each latent dimension tells about an image (its KL):");
  const bars = build("bars");
  const most = Math.max(...kl.map(([, , value]) => value));
  for (const [name, note, value] of kl) {
    const bar = build("bar");
    bar.style.setProperty("--share", String(value / most));
    bar.append(textElement("span", name), textElement("span", note));
    bars.append(bar);
  }
  main.append(bars);
}

/** @type {Record<string, View>} */
export const VIEWS = {
  Map: showMap,
  Manifold: showManifold,
  Sliders: showSliders,
  Interpolate: showInterpolate,
  Reconstruct: showReconstruct,
  Model: showModel,
};
