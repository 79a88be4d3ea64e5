/** The map as a file: a PNG at several times its size, or an SVG, with axes, names and legend. */

import { newPen } from "../../shared/elements.js";
import { download, downloadPicture } from "../../shared/files.js";
import { SYMBOLS } from "./dots.js";
import { legendLines } from "./legend.js";
import { SvgContext } from "./svg.js";

/** Width of the legend and height of its lines, CSS pixels. */
const [LEGEND, LINE] = [170, 22];
/** More dots than this become a picture in an SVG, for which four pixels are drawn for one. */
const [SHAPES, FINE] = [50_000, 4];

/**
 * @param {import("./scene.js").Scene} scene
 * @param {import("./legend.js").Shown} shown what the legend tells
 * @param {"PNG" | "SVG"} type
 * @param {number} times so many pixels of a PNG for one of the page
 */
export function saveMap(scene, shown, type, times) {
  const { width, height } = scene.view;
  const size = /** @type {const} */ ([width + LEGEND, height]);
  if (type === "SVG") {
    const svg = new SvgContext(...size);
    draw(/** @type {any} */ (svg), scene, shown, (diameter) => {
      if (scene.map.places.length / 2 > SHAPES) drawPicture(svg, scene, FINE);
      else drawShapes(svg, scene, shown, diameter);
    });
    download("map.svg", String(svg), "image/svg+xml");
    return;
  }
  const context = newPen(Math.round(size[0] * times), Math.round(size[1] * times));
  context.scale(times, times);
  draw(context, scene, shown, () => drawPicture(context, scene, times));
  downloadPicture(`map-${times}x.png`, context.canvas);
}

/**
 * @param {CanvasRenderingContext2D} context @param {import("./scene.js").Scene} scene
 * @param {import("./legend.js").Shown} shown @param {(diameter: number) => void} drawDots
 */
function draw(context, scene, shown, drawDots) {
  const { view, look } = scene;
  context.fillStyle = look.page;
  context.fillRect(0, 0, view.width + LEGEND, view.height);
  scene.copyTo(context, drawDots);
  context.globalAlpha = 1;
  context.fillStyle = look.page;
  context.fillRect(view.width, 0, LEGEND, view.height); // where pictures reach over the edge
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.font = `13px ${look.font}`;
  legendLines(shown).forEach(({ colour, symbol, text }, i) => {
    const [x, y] = [view.width + 20, (i + 1) * LINE];
    context.fillStyle = colour;
    outline(context, symbol, x, y, 6);
    context.fill();
    context.fillStyle = look.text;
    context.fillText(text, x + 14, y);
  });
}

/** @param {CanvasRenderingContext2D | SvgContext} context @param {import("./scene.js").Scene} scene @param {number} times */
function drawPicture(context, scene, times) {
  const dots = scene.dotsAt(times);
  context.drawImage(dots.canvas, 0, 0, scene.view.width, scene.view.height);
  dots.close();
}

/** @param {SvgContext} svg @param {import("./scene.js").Scene} scene @param {import("./legend.js").Shown} shown @param {number} diameter */
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

/** The path of a dot. @param {CanvasRenderingContext2D | SvgContext} context @param {number} symbol @param {number} x @param {number} y @param {number} radius */
function outline(context, symbol, x, y, radius) {
  context.beginPath();
  const { corners } = SYMBOLS[symbol];
  if (corners.length) for (const [u, v] of corners) context.lineTo(x + u * radius, y + v * radius);
  else context.arc(x, y, radius, 0, 2 * Math.PI);
  context.closePath();
}
