/**
 * Draws the dots with WebGL2.
 *
 * @typedef {import("./dots.js").Drawer} Drawer
 * @typedef {import("./view.js").View} View
 * @typedef {import("./dots.js").Bytes} Bytes
 * @typedef {import("./dots.js").Floats} Floats
 */

import { SYMBOLS } from "./symbols.js";

const VERTEX = `#version 300 es
in vec2 place; in vec4 colour; in float symbol;
uniform vec4 window; uniform float size;
out vec4 paint; flat out float kind;
void main() {
  gl_Position = vec4(place * window.xy + window.zw, 0., 1.);
  if (colour.a == 0.) gl_Position = vec4(2., 2., 2., 1.);
  gl_PointSize = symbol > 0. ? size * 1.2 : size;
  paint = colour; kind = symbol;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec4 paint; flat in float kind; uniform float size; out vec4 pixel;
void main() {
  vec2 p = 2. * gl_PointCoord - 1., q = abs(p);
  float d = ${SYMBOLS.map(({ glsl }, i) => `kind < ${i}.5 ? ${glsl} : `).join("")}0.;
  float alpha = paint.a * clamp(.5 - d * size * .5, 0., 1.);
  pixel = vec4(paint.rgb * alpha, alpha);
}`;

/** @implements {Drawer} */
export class GlDrawer {
  #gl;
  #program;
  #window;
  #size;
  #buffers;
  #count = 0;

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.#gl = gl;
    const program = gl.createProgram();
    for (const [type, source] of /** @type {const} */ ([
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT],
    ])) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(type));
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.#program = program;
    this.#window = gl.getUniformLocation(program, "window");
    this.#size = gl.getUniformLocation(program, "size");
    this.#buffers = {
      place: this.#attribute("place", 2, gl.FLOAT),
      colour: this.#attribute("colour", 4, gl.UNSIGNED_BYTE, true),
      symbol: this.#attribute("symbol", 1, gl.UNSIGNED_BYTE),
    };
  }

  /** @param {Floats} places @param {Bytes} symbols */
  setPlaces(places, symbols) {
    this.#fill(this.#buffers.place, places);
    this.#fill(this.#buffers.symbol, symbols);
    this.#count = 0; // until their colours are there
  }

  /** @param {Bytes} colours */
  setColours(colours) {
    this.#fill(this.#buffers.colour, colours);
    this.#count = colours.length / 4;
  }

  /** @param {View} view @param {number} size @param {number} ratio */
  draw({ width, height, shown: { x, y, scale } }, size, ratio) {
    const gl = this.#gl;
    const [across, up] = [(2 * scale) / width, (2 * scale) / height];
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.uniform4f(this.#window, across, up, -x * across, -y * up);
    gl.uniform1f(this.#size, size * ratio);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.drawArrays(gl.POINTS, 0, this.#count);
  }

  /** @param {string} name @param {number} size @param {number} type @param {boolean} [isShare] */
  #attribute(name, size, type, isShare = false) {
    const gl = this.#gl;
    const buffer = gl.createBuffer();
    const at = gl.getAttribLocation(this.#program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, isShare, 0, 0);
    return buffer;
  }

  /** @param {WebGLBuffer} buffer @param {Floats | Bytes} values */
  #fill(buffer, values) {
    this.#gl.bindBuffer(this.#gl.ARRAY_BUFFER, buffer);
    this.#gl.bufferData(this.#gl.ARRAY_BUFFER, /** @type {any} */ (values), this.#gl.STATIC_DRAW);
  }
}
