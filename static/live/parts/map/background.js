/** The background behind the dots: places without data, the data's density, or decoded images. */

import { newContext } from "../../shared/elements.js";
import { Painter } from "../../shared/paint.js";
import { TileDecoder } from "../../shared/tiles.js";

/** Sides of a cell, CSS pixels. */
const CELL = { density: 16, manifold: 38, empty: 12 };
/** Opacity of the colour where the data is densest. */
const DENSEST = 0.55;
/** Opacity of the colour where there is no data. */
const EMPTY = 0.1;

/**
 * A picture over a part of a map, with a pixel or an image for each cell.
 *
 * @typedef {{canvas: HTMLCanvasElement, bounds: ReturnType<import("./view.js").View["bounds"]>}} Sheet
 * @typedef {import("../../shared/maps.js").LatentMap} LatentMap
 * @typedef {import("./view.js").View} View
 */

/**
 * The background that the user chose; none in place of images that cannot be decoded.
 *
 * @param {import("../../shared/settings.js").Settings} settings
 * @param {import("../../shared/model.js").Model} model
 */
export function chosenBackground(settings, model) {
  const chosen = settings.get("background");
  return chosen === "manifold" && !model.canDecode ? "none" : chosen;
}

export class Background {
  #model;
  #decoder;
  #onChanged;
  /** @type {Sheet | null} */
  #picture = null;
  /** @type {Sheet | null} */
  #empty = null;

  /**
   * @param {import("../../shared/engine.js").Engine} engine
   * @param {import("../../shared/model.js").Model} model
   * @param {() => void} onChanged is called when there is more to draw
   */
  constructor(engine, model, onChanged) {
    this.#model = model;
    this.#decoder = new TileDecoder(engine, model);
    this.#onChanged = onChanged;
  }

  close() {
    this.#decoder.close();
  }

  /**
   * Makes the background again for the current view.
   *
   * @param {"none" | "density" | "manifold"} kind @param {LatentMap} map @param {View} view
   * @param {string} dense colour of a dense place
   * @param {string} empty colour of an empty place
   */
  start(kind, map, view, dense, empty) {
    this.#empty = map.kind === "neighbourhoods" ? emptiness(map, view, empty) : null;
    if (kind === "none") {
      this.#decoder.clear();
      this.#picture = null;
      return;
    }
    const isManifold = kind === "manifold";
    const { columns, rows, placeOf, bounds } = cells(view, CELL[kind]);
    const context = newContext(columns, rows);
    const { canvas } = context;
    const { imageShape } = this.#model.header;
    const painter = isManifold ? new Painter(canvas, imageShape, columns, rows) : null;
    context.fillStyle = dense;
    const before = this.#picture;
    this.#decoder.start(
      columns * rows,
      (tile, z) => map.lift(...placeOf(tile), z),
      (pixels, tile, share) => {
        if (this.#picture === before) this.#picture = { canvas, bounds };
        const [column, row] = [tile % columns, Math.floor(tile / columns)];
        if (!painter) context.clearRect(column, row, 1, 1); // a tile may come twice
        if (map.isEmpty(...placeOf(tile))) return;
        if (painter) painter.paint(pixels, tile);
        else {
          context.globalAlpha = (DENSEST * share) / 100;
          context.fillRect(column, row, 1, 1);
        }
        this.#onChanged();
      },
      { shares: !isManifold, pictures: isManifold },
    );
  }

  /** @param {CanvasRenderingContext2D} context in CSS pixels @param {View} view */
  draw(context, view) {
    context.imageSmoothingEnabled = true;
    context.globalAlpha = EMPTY;
    if (this.#empty) drawSheet(context, view, this.#empty);
    context.globalAlpha = 1;
    if (!this.#picture) return;
    context.imageSmoothingEnabled = this.#picture.canvas.width < view.width / 8;
    drawSheet(context, view, this.#picture);
  }
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Sheet} sheet */
function drawSheet(context, view, { canvas, bounds: { left, right, bottom, top } }) {
  const [x, y] = view.pixelOf(left, top);
  const [endX, endY] = view.pixelOf(right, bottom);
  context.drawImage(canvas, x, y, endX - x, endY - y);
}

/**
 * A picture of the places without data.
 *
 * @param {LatentMap} map @param {View} view @param {string} colour
 * @returns {Sheet}
 */
function emptiness(map, view, colour) {
  const { columns, rows, placeOf, bounds } = cells(view, CELL.empty);
  const image = new ImageData(columns, rows);
  for (let cell = 0; cell < columns * rows; cell++) {
    if (map.isEmpty(...placeOf(cell))) image.data[4 * cell + 3] = 255;
  }
  const context = newContext(columns, rows);
  context.putImageData(image, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, columns, rows);
  return { canvas: context.canvas, bounds };
}

/**
 * Cells of a given size that fill the view, row by row from the top.
 *
 * @param {View} view @param {number} size
 */
function cells(view, size) {
  const [columns, rows] = [Math.ceil(view.width / size), Math.ceil(view.height / size)];
  const [left, top] = view.placeAt(0, 0);
  const step = size / view.shown.scale;
  const placeOf = (/** @type {number} */ cell) =>
    /** @type {[number, number]} */ ([
      left + ((cell % columns) + 0.5) * step,
      top - (Math.floor(cell / columns) + 0.5) * step,
    ]);
  const bounds = { left, right: left + columns * step, bottom: top - rows * step, top };
  return { columns, rows, placeOf, bounds };
}
