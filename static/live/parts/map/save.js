/** Saves the map: as a PNG at several times its size, or as an SVG, with axes, names and legend. */

import { newContext } from "../../shared/elements.js";
import { download, downloadPicture } from "../../shared/files.js";
import { SYMBOLS } from "./symbols.js";
import { legendLines } from "./legend.js";
import { SvgContext } from "./svg.js";

/** Least width of a column of the legend, and height of its lines, CSS pixels. */
const [COLUMN, LINE] = [170, 22];
/** Dots above which an SVG has a picture of them instead, and pixels of that for a CSS pixel. */
const [SHAPES, FINE] = [50_000, 4];

/**
 * @param {import("./scene.js").Scene} scene
 * @param {import("./legend.js").Shown} shown what the legend shows
 * @param {string} name of the model, with which the file's name begins
 * @param {"PNG" | "SVG"} type
 * @param {number} times pixels of a PNG for a CSS pixel
 * @param {[number, number] | null} point place of the point on the map
 */
export function saveMap(scene, shown, name, type, times, point) {
  const { width, height } = scene.view;
  const legend = layOut(shown, scene);
  const size = /** @type {const} */ ([width + legend.columns * legend.width, height]);
  if (type === "SVG") {
    const svg = new SvgContext(...size);
    draw(/** @type {any} */ (svg), scene, legend, point, (diameter) => {
      if (scene.map.places.length / 2 > SHAPES) drawPicture(svg, scene, FINE);
      else drawShapes(svg, scene, shown, diameter);
    });
    download(`${name}-map.svg`, String(svg), "image/svg+xml");
    return;
  }
  const context = newContext(Math.round(size[0] * times), Math.round(size[1] * times));
  context.scale(times, times);
  draw(context, scene, legend, point, () => drawPicture(context, scene, times));
  downloadPicture(`${name}-map-${times}x.png`, context.canvas);
}

/** @typedef {{lines: ReturnType<typeof legendLines>, columns: number, width: number, rows: number}} Columns */

/**
 * Lays out the lines of the legend in columns.
 *
 * @param {import("./legend.js").Shown} shown @param {import("./scene.js").Scene} scene
 * @returns {Columns}
 */
function layOut(shown, { view, look }) {
  const lines = legendLines(shown);
  const pen = newContext(1, 1);
  pen.font = fontOf(look);
  const longest = Math.max(0, ...lines.map(({ text }) => pen.measureText(text).width));
  const rows = Math.max(1, Math.floor(view.height / LINE) - 1);
  const columns = Math.max(1, Math.ceil(lines.length / rows));
  return { lines, columns, width: Math.max(COLUMN, Math.ceil(longest) + 44), rows };
}

/** @param {import("./scene.js").Scene["look"]} look */
const fontOf = (look) => `13px ${look.font}`;

/**
 * @param {CanvasRenderingContext2D} context @param {import("./scene.js").Scene} scene
 * @param {Columns} legend @param {[number, number] | null} point
 * @param {(diameter: number) => void} drawDots
 */
function draw(context, scene, { lines, columns, width, rows }, point, drawDots) {
  const { view, look } = scene;
  context.fillStyle = look.page;
  context.fillRect(0, 0, view.width + columns * width, view.height);
  scene.copyTo(context, drawDots);
  context.globalAlpha = 1;
  if (point) ring(context, ...view.pixelOf(...point), look.mark);
  context.fillStyle = look.page;
  context.fillRect(view.width, 0, columns * width, view.height); // where pictures reach over the edge
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.font = fontOf(look);
  lines.forEach(({ colour, symbol, text }, i) => {
    const [x, y] = [view.width + 20 + width * Math.floor(i / rows), ((i % rows) + 1) * LINE];
    context.fillStyle = colour;
    outline(context, symbol, x, y, 6);
    context.fill();
    context.fillStyle = look.text;
    context.fillText(text, x + 14, y);
  });
}

/**
 * Marks the point as the page does.
 *
 * @param {CanvasRenderingContext2D} context @param {number} x @param {number} y
 * @param {string} mark its colour
 */
function ring(context, x, y, mark) {
  context.beginPath();
  context.arc(x, y, 9.5, 0, 2 * Math.PI);
  for (const [colour, lineWidth] of /** @type {const} */ ([["white", 7], [mark, 3]])) {
    Object.assign(context, { strokeStyle: colour, lineWidth });
    context.stroke();
  } // prettier-ignore
}

/**
 * Draws the dots as a picture.
 *
 * @param {CanvasRenderingContext2D | SvgContext} context
 * @param {import("./scene.js").Scene} scene @param {number} times
 */
function drawPicture(context, scene, times) {
  const dots = scene.dotsAt(times);
  context.drawImage(dots.canvas, 0, 0, scene.view.width, scene.view.height);
  dots.close();
}

/**
 * Draws the dots as shapes.
 *
 * @param {SvgContext} svg @param {import("./scene.js").Scene} scene
 * @param {import("./legend.js").Shown} shown @param {number} diameter
 */
function drawShapes(svg, scene, { palette }, diameter) {
  const { width, height } = scene.view;
  for (let row = 0; row < scene.map.places.length / 2; row++) {
    const [red, green, blue, alpha] = scene.colourOf(row);
    const [x, y] = scene.view.pixelOf(...scene.placeOf(row));
    if (!alpha || x < 0 || y < 0 || x > width || y > height) continue;
    svg.fillStyle = `rgb(${red},${green},${blue})`;
    svg.globalAlpha = alpha / 255;
    outline(svg, palette.symbolOf(scene.labelOf(row)), x, y, 0.425 * diameter);
    svg.fill();
  }
}

/**
 * Traces the outline of a dot.
 *
 * @param {CanvasRenderingContext2D | SvgContext} context @param {number} symbol
 * @param {number} x @param {number} y @param {number} radius
 */
function outline(context, symbol, x, y, radius) {
  context.beginPath();
  const { corners } = SYMBOLS[symbol];
  if (corners.length) for (const [u, v] of corners) context.lineTo(x + u * radius, y + v * radius);
  else context.arc(x, y, radius, 0, 2 * Math.PI);
  context.closePath();
}
