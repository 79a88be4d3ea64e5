/**
 * The dots, drawn by WebGL2 where there is one that is quick, else pixel by pixel. When a WebGL
 * context is lost, another one takes its place.
 *
 * @typedef {import("./view.js").View} View
 * @typedef {Uint8Array} Bytes
 * @typedef {Float32Array} Floats
 * @typedef {{
 *   setPlaces: (places: Floats, symbols: Bytes) => void,
 *   setColours: (colours: Bytes) => void,
 *   draw: (view: View, size: number, ratio: number) => void,
 * }} Drawer x and y of each dot in turn, the number of its symbol; red, green, blue and alpha;
 *   diameter of a dot in CSS pixels, pixels of the canvas for one of them
 */

/**
 * Symbols of dots, from −1 to 1 along both axes: how far outside a place p is, with q = |p|, for
 * the graphics processor, and the corners; the circle has none.
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

/** Lost contexts after which dots are drawn pixel by pixel. */
const PATIENCE = 3;
/** A graphics processor that takes longer for a picture is none, milliseconds. */
const SLOW = 14;
/** Pictures that are timed; the first ones are slower. */
const TIMED = 4;

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
  #timed = 0;
  /** @type {Drawer} */
  #drawer;
  #places = /** @type {Floats} */ (new Float32Array(0));
  #symbols = /** @type {Bytes} */ (new Uint8Array(0));
  #colours = /** @type {Bytes} */ (new Uint8Array(0));
  canvas;

  /** @param {HTMLElement} box gets the canvas @param {() => void} [onRestored] is called when all has to be drawn again */
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

  /** @param {View} view @param {number} size @param {number} ratio */
  draw(view, size, ratio) {
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
    const drawer = this.#drawer;
    if (!(drawer instanceof GlDrawer) || this.#timed === TIMED) drawer.draw(view, size, ratio);
    else {
      const started = performance.now();
      drawer.draw(view, size, ratio);
      drawer.finish();
      const took = performance.now() - started;
      this.#timed += 1;
      if (took < SLOW) this.#timed = TIMED;
      else if (this.#timed === TIMED) {
        this.#lost = PATIENCE;
        this.#replace();
      }
    }
  }

  /** Gives memory back at once, of which browsers have little for WebGL. */
  close() {
    this.#onRestored = () => {};
    this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  #start() {
    const { canvas } = this;
    canvas.className = "dots";
    this.#box.append(canvas);
    const gl =
      this.#lost < PATIENCE
        ? canvas.getContext("webgl2", { antialias: false, depth: false })
        : null;
    if (!gl) return new PixelDrawer(canvas);
    canvas.addEventListener("webglcontextlost", () => this.#replace(), { once: true });
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

  /** Waits until all is drawn. */
  finish() {
    const gl = this.#gl;
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
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

/** Fills discs of pixels, the later dots over the earlier ones. @implements {Drawer} */
class PixelDrawer {
  #context;
  #image = new ImageData(1, 1);
  #places = /** @type {Floats} */ (new Float32Array(0));
  #colours = new Uint32Array(0);

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  }

  /** @param {Floats} places */
  setPlaces(places) {
    this.#places = places;
  }

  /** @param {Bytes} colours */
  setColours(colours) {
    this.#colours = new Uint32Array(colours.slice().buffer);
  }

  /** @param {View} view @param {number} size @param {number} ratio */
  draw(view, size, ratio) {
    const { width, height } = this.#context.canvas;
    if (this.#image.width !== width || this.#image.height !== height) {
      this.#image = new ImageData(width, height);
    }
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(0);
    const reach = Math.max(0.425 * size * ratio, 0.7);
    const disc = [];
    for (let y = -Math.floor(reach); y <= reach; y++) {
      for (let x = -Math.floor(reach); x <= reach; x++) {
        if (x * x + y * y <= reach * reach) disc.push(y * width + x);
      }
    }
    const [left, top] = view.pixelOf(0, 0);
    const scale = view.shown.scale * ratio;
    const edge = Math.ceil(reach);
    for (let row = 0; row < this.#colours.length; row++) {
      const x = Math.round(left * ratio + this.#places[2 * row] * scale);
      const y = Math.round(top * ratio - this.#places[2 * row + 1] * scale);
      const colour = this.#colours[row];
      if (!colour || x < edge || y < edge || x >= width - edge || y >= height - edge) continue;
      const at = y * width + x;
      for (let i = 0; i < disc.length; i++) pixels[at + disc[i]] = colour;
    }
    this.#context.putImageData(this.#image, 0, 0);
  }
}
