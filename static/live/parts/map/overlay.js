/** Draws what lies over the dots: axes, names, thumbnails, a path. */

import { ticks } from "./view.js";

/**
 * @typedef {CanvasRenderingContext2D} Context in CSS pixels
 * @typedef {import("./view.js").View} View
 * @typedef {import("./labels.js").Room} Room
 * @typedef {{text: string, page: string, mark: string, font: string, zoom: number}} Look colours of
 *   text, page and marks, the page's font, and the factor by which its type is larger than usual
 */

/** Least distances between two numbers on the horizontal and on the vertical axis, pixels. */
const [ACROSS, UP] = [90, 60];
/** Height of a class's name. */
const NAME = 15;
/** Shifts of a name from its class's centre, in heights: farther, it would seem another class's. */
const SHIFTS = [0, -1, 1];

/**
 * Writes a text that can be read on any background.
 *
 * @param {Context} context @param {string} text @param {number} x @param {number} y
 * @param {Look} look
 */
function write(context, text, x, y, { text: colour, page, zoom }) {
  context.lineJoin = "round";
  context.lineWidth = 4 * zoom;
  context.strokeStyle = page;
  context.fillStyle = colour;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/**
 * Draws numbers along the lower and the left edge, and the axes' titles.
 *
 * @param {Context} context @param {View} view @param {[string, string]} titles @param {Look} look
 */
export function drawAxes(context, view, [across, up], look) {
  const { left, right, bottom, top } = view.bounds();
  const { width, height } = view;
  const { zoom } = look;
  context.font = `${12 * zoom}px ${look.font}`;
  context.textBaseline = "alphabetic";
  context.textAlign = "center";
  context.globalAlpha = 0.85;
  for (const { value, text } of ticks(left, right, width / (ACROSS * zoom))) {
    const [x] = view.pixelOf(value, 0);
    if (x > 40 * zoom && x < width - 60 * zoom) write(context, text, x, height - 6, look);
  }
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const { value, text } of up ? ticks(bottom, top, height / (UP * zoom)) : []) {
    const [, y] = view.pixelOf(0, value);
    if (y > 34 * zoom && y < height - 24 * zoom) write(context, text, 6, y, look);
  }
  context.font = `600 ${13 * zoom}px ${look.font}`;
  context.globalAlpha = 1;
  write(context, up && `↑ ${up}`, 6, 14 * zoom, look);
  context.textAlign = "right";
  write(context, `${across} →`, width - 8, height - 12 * zoom, look);
}

/**
 * Places names at the centres of their classes, the largest class first, without overlaps.
 *
 * @param {Context} context @param {View} view
 * @param {{label: number, x: number, y: number}[]} middles @param {string[]} classes
 * @param {Look} look
 * @param {Room} room gets the names
 * @returns {{name: string, x: number, y: number}[]} with centres in pixels
 */
export function placeNames(context, view, middles, classes, look, room) {
  context.font = nameFont(look);
  const size = NAME * look.zoom;
  const placed = [];
  for (const { label, x, y } of middles) {
    const [across, down] = view.pixelOf(x, y);
    if (across < 0 || down < 0 || across > view.width || down > view.height) continue;
    const half = context.measureText(classes[label]).width / 2 + 4;
    const middle = Math.min(Math.max(across, half), view.width - half);
    const lines = SHIFTS.map((shift) => down + shift * 1.25 * size);
    const line = lines.find((one) => room.take(middle, one, half, 0.6 * size));
    if (line !== undefined) placed.push({ name: classes[label], x: middle, y: line });
  }
  return placed;
}

/** @param {Context} context @param {ReturnType<typeof placeNames>} placed @param {Look} look */
export function drawNames(context, placed, look) {
  context.font = nameFont(look);
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { name, x, y } of placed) write(context, name, x, y, look);
}

/** @param {Look} look */
function nameFont({ font, zoom }) {
  return `650 ${NAME * zoom}px ${font}`;
}

/**
 * @param {Context} context @param {View} view @param {Float32Array} places
 * @param {{rows: number[], size: number}} shown
 * @param {import("../../shared/pictures.js").Pictures} pictures
 * @param {(row: number) => string | null} colourOf null where the dot is hidden
 */
export function drawThumbnails(context, view, places, { rows, size }, pictures, colourOf) {
  context.imageSmoothingEnabled = false;
  context.lineWidth = 2;
  for (const row of rows) {
    const [x, y] = view.pixelOf(places[2 * row], places[2 * row + 1]);
    const colour = colourOf(row);
    if (!colour || x < -size || y < -size || x > view.width + size || y > view.height + size)
      continue;
    const [left, top] = [Math.round(x - size / 2), Math.round(y - size / 2)];
    const place = pictures.draw(context, row, left, top, size, size);
    context.strokeStyle = colour;
    if (place) context.strokeRect(...place);
  }
}

/** @param {Context} context @param {View} view @param {[number, number][]} places @param {Look} look */
export function drawPath(context, view, places, { mark }) {
  const pixels = places.map((at) => view.pixelOf(...at));
  context.beginPath();
  for (const [x, y] of pixels) context.lineTo(x, y);
  context.lineWidth = 3;
  context.strokeStyle = mark;
  context.stroke();
  context.lineWidth = 1.5;
  context.fillStyle = mark;
  context.strokeStyle = "white";
  for (const [x, y] of pixels) {
    context.beginPath();
    context.arc(x, y, 4.5, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

/**
 * Draws the outline of a region that is being drawn.
 *
 * @param {Context} context @param {number[]} outline x and y in turn @param {Look} look
 */
export function drawOutline(context, outline, look) {
  context.beginPath();
  for (let i = 0; i < outline.length; i += 2) context.lineTo(outline[i], outline[i + 1]);
  context.closePath();
  context.setLineDash([5, 4]);
  context.lineWidth = 1.5;
  context.strokeStyle = look.text;
  context.stroke();
  context.setLineDash([]);
}
