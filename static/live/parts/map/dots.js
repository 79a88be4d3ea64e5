/**
 * Draws the dots: with WebGL2 where it runs on a graphics processor, else pixel by pixel. When a
 * WebGL context is lost, another replaces it.
 *
 * @typedef {import("./view.js").View} View
 * @typedef {Uint8Array} Bytes
 * @typedef {Float32Array} Floats
 * @typedef {{
 *   setPlaces: (places: Floats, symbols: Bytes) => void,
 *   setColours: (colours: Bytes) => void,
 *   draw: (view: View, size: number, ratio: number, isMoving: boolean) => void,
 * }} Drawer `places`: x and y of each dot in turn; `symbols`: index of its symbol; `colours`: red,
 *   green, blue and alpha; `size`: diameter of a dot in CSS pixels; `ratio`: canvas pixels for a
 *   CSS pixel; `isMoving`: whether an earlier picture may be moved for now
 */

import { contextOf } from "../../shared/elements.js";
import { isInside } from "./view.js";

/**
 * Symbols of dots, from −1 to 1 along both axes: for the graphics processor how far outside a place
 * p is, with q = |p|, and the corners; a circle has none.
 *
 * @type {{glsl: string, corners: [number, number][]}[]}
 */
export const SYMBOLS = [
  { glsl: "length(p) - .85", corners: [] },
  { glsl: "q.x + q.y - 1.", corners: [[0, -1], [1, 0], [0, 1], [-1, 0]] },
  { glsl: "max(q.x, q.y) - .75", corners: [[-0.75, -0.75], [0.75, -0.75], [0.75, 0.75], [-0.75, 0.75]] },
  { glsl: "min(max(q.x - .3, q.y - .95), max(q.y - .3, q.x - .95))",
    corners: [[-0.3, -0.95], [0.3, -0.95], [0.3, -0.3], [0.95, -0.3], [0.95, 0.3], [0.3, 0.3],
      [0.3, 0.95], [-0.3, 0.95], [-0.3, 0.3], [-0.95, 0.3], [-0.95, -0.3], [-0.3, -0.3]] },
  { glsl: "max(q.x * .87 - p.y * .5 - .45, p.y - .7)", corners: [[0, -0.9], [0.92, 0.7], [-0.92, 0.7]] },
  { glsl: "min(max(abs(p.x + p.y) - .42, abs(p.x - p.y) - 1.25), max(abs(p.x - p.y) - .42, abs(p.x + p.y) - 1.25))",
    corners: [[-0.42, -0.83], [0, -0.42], [0.42, -0.83], [0.83, -0.42], [0.42, 0], [0.83, 0.42],
      [0.42, 0.83], [0, 0.42], [-0.42, 0.83], [-0.83, 0.42], [-0.42, 0], [-0.83, -0.42]] },
]; // prettier-ignore

/** Number of lost contexts after which dots are drawn pixel by pixel. */
const PATIENCE = 3;
/** Margin that is also drawn beyond each edge if pixel by pixel, as a share of the window. */
const MARGIN = 0.25;
/** Factor of zooming up to which a picture is sharp enough while the map moves. */
const STRETCH = 1.4;
/** Samples along each side of a pixel to find how much of it a dot covers. */
const SAMPLES = 4;

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

export class Dots {
  #box;
  #onRestored;
  #lost = 0;
  /** @type {Drawer} */
  #drawer;
  #places = /** @type {Floats} */ (new Float32Array(0));
  #symbols = /** @type {Bytes} */ (new Uint8Array(0));
  #colours = /** @type {Bytes} */ (new Uint8Array(0));
  canvas;
  #onLost = () => this.#replace();

  /**
   * @param {HTMLElement} box gets the canvas
   * @param {() => void} [onRestored] is called when everything has to be drawn again
   */
  constructor(box, onRestored = () => {}) {
    this.#box = box;
    this.#onRestored = onRestored;
    this.canvas = document.createElement("canvas");
    this.#drawer = this.#start();
  }

  /** @param {Floats} places @param {Bytes} symbols */
  setPlaces(places, symbols) {
    [this.#places, this.#symbols] = [places, symbols];
    this.#drawer.setPlaces(places, symbols);
  }

  /** @param {Bytes} colours */
  setColours(colours) {
    this.#colours = colours;
    this.#drawer.setColours(colours);
  }

  /** @param {View} view @param {number} size @param {number} ratio @param {boolean} [isMoving] */
  draw(view, size, ratio, isMoving = false) {
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
    this.#drawer.draw(view, size, ratio, isMoving);
  }

  /** Frees memory at once: browsers have little of it for WebGL. */
  close() {
    this.canvas.removeEventListener("webglcontextlost", this.#onLost); // else another replaces it
    this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  #start() {
    const { canvas } = this;
    canvas.className = "dots";
    this.#box.append(canvas);
    const isUsable = this.#lost < PATIENCE && hasProcessor();
    const gl = isUsable ? canvas.getContext("webgl2", { antialias: false, depth: false }) : null;
    if (!gl) return new PixelDrawer(canvas);
    canvas.addEventListener("webglcontextlost", this.#onLost, { once: true });
    return new GlDrawer(gl);
  }

  #replace() {
    this.#lost += 1;
    this.canvas.remove();
    this.canvas = document.createElement("canvas");
    this.#drawer = this.#start();
    this.setPlaces(this.#places, this.#symbols);
    this.setColours(this.#colours);
    this.#onRestored();
  }
}

/** @type {boolean | undefined} */
let isProcessor;

/** Whether WebGL runs on a graphics processor: in software it is slower than plain code. */
function hasProcessor() {
  if (isProcessor === undefined) {
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
    const told = gl?.getExtension("WEBGL_debug_renderer_info");
    const name = told ? gl?.getParameter(told.UNMASKED_RENDERER_WEBGL) : "";
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
    isProcessor = gl !== null && !/swiftshader|llvmpipe|softpipe|basic render/i.test(name);
  }
  return isProcessor;
}

/** @implements {Drawer} */
class GlDrawer {
  #gl;
  #program;
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
    gl.uniform4f(gl.getUniformLocation(this.#program, "window"), across, up, -x * across, -y * up);
    gl.uniform1f(gl.getUniformLocation(this.#program, "size"), size * ratio);
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

/**
 * Fills pixels, later dots over earlier ones. While the map moves, the last picture moves with it,
 * as long as it fills the window.
 *
 * @implements {Drawer}
 */
class PixelDrawer {
  #context;
  #picture = new OffscreenCanvas(1, 1);
  /** What the picture shows: its left and top, pixels for a step of 1, and a key of its inputs. */
  #drawn = { left: 0, top: 0, scale: 1, key: "" };
  #places = /** @type {Floats} */ (new Float32Array(0));
  #symbols = /** @type {Bytes} */ (new Uint8Array(0));
  #colours = /** @type {Bytes} */ (new Uint8Array(0));

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#context = contextOf(canvas);
  }

  /** @param {Floats} places @param {Bytes} symbols */
  setPlaces(places, symbols) {
    [this.#places, this.#symbols] = [places, symbols];
  }

  /** @param {Bytes} colours */
  setColours(colours) {
    this.#colours = colours;
    this.#drawn.key = "";
  }

  /** @param {View} view @param {number} size @param {number} ratio @param {boolean} isMoving */
  draw(view, size, ratio, isMoving) {
    const { width, height } = this.#context.canvas;
    const key = [...Object.values(view.shown), width, height, size].join();
    const isEnough = () => {
      if (!isMoving || !this.#drawn.key) return key === this.#drawn.key;
      const [x, y, wide, high] = this.#frame(view, ratio);
      const stretch = wide / this.#picture.width;
      const isSharp = stretch < STRETCH && stretch > 1 / STRETCH;
      return isSharp && x <= 0 && y <= 0 && x + wide >= width && y + high >= height;
    };
    if (!isEnough()) {
      this.#draw(view, size, ratio);
      this.#drawn.key = key;
    }
    this.#context.clearRect(0, 0, width, height);
    this.#context.imageSmoothingEnabled = false;
    this.#context.drawImage(this.#picture, ...this.#frame(view, ratio));
  }

  /**
   * Where the picture lies on the canvas.
   *
   * @param {View} view @param {number} ratio
   * @returns {[number, number, number, number]}
   */
  #frame(view, ratio) {
    const { left, top, scale } = this.#drawn;
    const stretch = (view.shown.scale * ratio) / scale;
    const [x, y] = view.pixelOf(left, top).map((pixel) => Math.round(pixel * ratio));
    return [x, y, this.#picture.width * stretch, this.#picture.height * stretch];
  }

  /** @param {View} view @param {number} size @param {number} ratio */
  #draw(view, size, ratio) {
    const { canvas } = this.#context;
    const [beside, above] = [canvas.width, canvas.height].map((side) => Math.round(MARGIN * side));
    const [width, height] = [canvas.width + 2 * beside, canvas.height + 2 * above];
    const [left, top] = view.placeAt(-beside / ratio, -above / ratio);
    const scale = view.shown.scale * ratio;
    this.#drawn = { left, top, scale, key: "" };
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = new Uint32Array(this.#colours.buffer);
    const stamps = SYMBOLS.map((_, symbol) => stampOf(symbol, size * ratio, width));
    const edge = Math.ceil(size * ratio);
    for (let row = 0; row < colours.length; row++) {
      const x = Math.round((this.#places[2 * row] - left) * scale);
      const y = Math.round((top - this.#places[2 * row + 1]) * scale);
      const colour = colours[row];
      const alpha = (256 * (colour >>> 24)) / 255;
      if (!alpha || x < edge || y < edge || x >= width - edge || y >= height - edge) continue;
      const { offsets, shares } = stamps[this.#symbols[row]];
      for (let i = 0; i < offsets.length; i++) {
        const at = y * width + x + offsets[i];
        pixels[at] = blend(pixels[at], colour, Math.round(alpha * shares[i]));
      }
    }
    [this.#picture.width, this.#picture.height] = [width, height];
    this.#picture.getContext("2d")?.putImageData(image, 0, 0);
  }
}

/**
 * The pixels around its centre that a dot covers, and the covered share of each.
 *
 * @param {number} symbol
 * @param {number} size diameter in pixels
 * @param {number} width of the picture
 */
function stampOf(symbol, size, width) {
  const { corners } = SYMBOLS[symbol];
  const half = (corners.length ? 1.2 : 1) * (size / 2);
  const outline = corners.flat().map((value) => value * half);
  const covers = (/** @type {number} */ x, /** @type {number} */ y) =>
    corners.length ? isInside(outline, x, y) : Math.hypot(x, y) < 0.85 * half;
  const within = Array.from({ length: SAMPLES }, (_, i) => (i + 0.5) / SAMPLES - 0.5);
  const reach = Math.ceil(half);
  const stamp = { offsets: /** @type {number[]} */ ([]), shares: /** @type {number[]} */ ([]) };
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const hits = within.flatMap((dy) => within.filter((dx) => covers(x + dx, y + dy))).length;
      if (!hits) continue;
      stamp.offsets.push(y * width + x);
      stamp.shares.push(hits / SAMPLES ** 2);
    }
  }
  return stamp;
}

/**
 * Blends one colour over another, each 0xAABBGGRR.
 *
 * @param {number} under
 * @param {number} colour its own alpha is ignored
 * @param {number} alpha 0 to 256
 */
function blend(under, colour, alpha) {
  if (!under) return (colour & 0xffffff) | (Math.min(alpha, 255) << 24);
  const rest = 256 - alpha;
  const ends = ((under & 0xff00ff) * rest + (colour & 0xff00ff) * alpha) >>> 8; // red and blue
  const green = ((under & 0xff00) * rest + (colour & 0xff00) * alpha) >>> 8;
  const opacity = 255 - (((255 - (under >>> 24)) * rest) >> 8);
  return (opacity << 24) | (ends & 0xff00ff) | (green & 0xff00);
}
