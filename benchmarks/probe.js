/**
 * What `benchmarks/app.py` sees of a page. It runs before the page's own code, and notes what
 * is drawn, when, and after which input. Times are milliseconds of `performance.now()`.
 */

/** A page counts as settled when it stayed so for this long, milliseconds. */
const STILL = 150;

const probe = {
  /** How often the lens showed a picture with other pixels than before. */
  pictures: 0,
  /** From each pointer move to the end of the frame that shows its picture. */
  latencies: [],
  /** The model's painter that drew the last picture of the lens. */
  painter: null,
  /** When the condition given to `arm` came true, counted from the press that led there. */
  time: null,
};
globalThis.probe = probe;

/** Pointer moves whose picture is yet to come. @type {number[]} */
const moves = [];
addEventListener("pointermove", ({ isTrusted, timeStamp }) => isTrusted && moves.push(timeStamp), true);

/** A message is answered after the frame in which it was sent. */
const { port1, port2 } = new MessageChannel();
port1.onmessage = ({ data: answered }) => {
  const now = performance.now();
  probe.latencies.push(...moves.splice(0, answered).map((moved) => now - moved));
};

let before = 0;
function onPicture(/** @type {ImageData} */ image) {
  let sum = 0;
  for (const pixel of new Uint32Array(image.data.buffer)) sum = (31 * sum + pixel) | 0;
  if (sum !== before) probe.pictures += 1;
  before = sum;
  probe.painter = image;
  if (moves.length) port2.postMessage(moves.length);
}

/** Tiles drawn on each canvas at its present size. @type {WeakMap<HTMLCanvasElement, any>} */
const tiles = new WeakMap();
function onTile(canvas, { width, height }) {
  const size = `${canvas.width} × ${canvas.height}`;
  const drawn = tiles.get(canvas);
  if (drawn?.size === size) drawn.count += 1;
  else tiles.set(canvas, { size, count: 1, all: (canvas.width / width) * (canvas.height / height) });
}

const { putImageData } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.putImageData = function (image, ...place) {
  putImageData.call(this, image, ...place);
  if (this.canvas.classList.contains("picture")) onPicture(image);
  else onTile(this.canvas, image);
};

/** Vertices drawn on each WebGL canvas. @type {WeakMap<HTMLCanvasElement, number>} */
const vertices = new WeakMap();
for (const [name, place] of [["drawArrays", 2], ["drawElements", 1]]) {
  const draw = WebGLRenderingContext.prototype[name];
  WebGLRenderingContext.prototype[name] = function (...given) {
    draw.apply(this, given);
    vertices.set(this.canvas, (vertices.get(this.canvas) ?? 0) + given[place]);
  };
}

/** Dots that the map on the page has drawn. */
probe.dots = () => {
  const canvas = document.querySelector(".js-plotly-plot .gl-canvas-context");
  return (canvas && vertices.get(canvas)) ?? 0;
};

/** The canvas in the shadow of a component, by selector. */
probe.inside = (selector) => {
  for (const { shadowRoot } of document.querySelectorAll(".stBidiComponent *")) {
    const found = shadowRoot?.querySelector(selector);
    if (found) return found;
  }
  return null;
};
