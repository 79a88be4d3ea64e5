/** The part of a 2-D canvas context that the map needs, writing SVG. */

import { newContext } from "../../shared/elements.js";

export class SvgContext {
  fillStyle = "black";
  strokeStyle = "black";
  lineWidth = 1;
  lineJoin = "miter";
  globalAlpha = 1;
  imageSmoothingEnabled = true;
  font = "";
  /** @type {"left" | "center" | "right"} */
  textAlign = "left";
  textBaseline = "alphabetic";
  /** @type {string[]} */
  #elements = [];
  #path = "";
  #head;

  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.#head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`;
  }

  toString() {
    return `${this.#head}${this.#elements.join("\n")}</svg>`;
  }

  beginPath() {
    this.#path = "";
  }

  /** @param {number} x @param {number} y */
  lineTo(x, y) {
    this.#path += `${this.#path ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
  }

  /** A whole circle. @param {number} x @param {number} y @param {number} r */
  arc(x, y, r) {
    const side = `a${r} ${r} 0 1 0 `;
    this.#path += `M${(x - r).toFixed(2)} ${y.toFixed(2)}${side}${2 * r} 0${side}${-2 * r} 0`;
  }

  closePath() {
    this.#path += "Z";
  }

  fill() {
    this.#add("path", { d: this.#path, ...this.#paint("fill") });
  }

  stroke() {
    this.#add("path", { d: this.#path, ...this.#paint("stroke") });
  }

  setLineDash() {}

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  fillRect(x, y, width, height) {
    this.#add("rect", { x, y, width, height, ...this.#paint("fill") });
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  strokeRect(x, y, width, height) {
    this.#add("rect", { x, y, width, height, ...this.#paint("stroke") });
  }

  /** @param {string} text @param {number} x @param {number} y */
  fillText(text, x, y) {
    this.#add("text", { x, y, ...this.#type(), ...this.#paint("fill") }, text);
  }

  /** @param {string} text @param {number} x @param {number} y */
  strokeText(text, x, y) {
    this.#add("text", { x, y, ...this.#type(), ...this.#paint("stroke") }, text);
  }

  /**
   * Draws a picture or a part of it, with a canvas's arguments.
   *
   * @param {CanvasImageSource & {width: any, height: any}} source @param {number[]} numbers
   */
  drawImage(source, ...numbers) {
    const whole = [0, 0, source.width, source.height];
    const [sx, sy, sw, sh, x, y, width, height] =
      numbers.length > 4 ? numbers : [...whole, ...numbers];
    const pen = newContext(sw, sh);
    pen.drawImage(source, sx, sy, sw, sh, 0, 0, sw, sh);
    const style = this.imageSmoothingEnabled ? "" : "image-rendering:pixelated";
    const href = pen.canvas.toDataURL("image/png");
    const opacity = this.globalAlpha;
    this.#add("image", { x, y, width, height, preserveAspectRatio: "none", opacity, style, href });
  }

  /** @param {"fill" | "stroke"} what @returns {Record<string, string | number>} */
  #paint(what) {
    const opacity = { opacity: this.globalAlpha };
    if (what === "fill") return { fill: this.fillStyle, ...opacity };
    const line = { "stroke-width": this.lineWidth, "stroke-linejoin": this.lineJoin };
    return { fill: "none", stroke: this.strokeStyle, ...line, ...opacity };
  }

  #type() {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    const baseline = this.textBaseline === "middle" ? "central" : "auto";
    return { style: `font:${this.font}`, "text-anchor": anchor, "dominant-baseline": baseline };
  }

  /** @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
  #add(name, attributes, text = "") {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    element.textContent = text;
    this.#elements.push(new XMLSerializer().serializeToString(element));
  }
}
