/**
 * What `benchmarks/app.py` sees of a page. It runs before the page's own code and notes what
 * is drawn, when, and after which input. Durations are milliseconds.
 */

/** A page has settled when it stays as it is for so long. */
const STILL = 150;
/** A condition that is not met after so long never will be. */
const PATIENCE = 30_000;

const probe = {
  /** How often the lens showed other pixels than before. */
  pictures: 0,
  /** From each pointer move to the end of the frame with its picture. @type {number[]} */
  latencies: [],
  /** Belongs to the model whose picture the lens shows. @type {ImageData | null} */
  painter: null,
  /** What `arm` promises. @type {Promise<number> | null} */
  settled: null,
};
globalThis.probe = probe;

/** Pointer moves whose picture is yet to come. @type {number[]} */
const moves = [];
addEventListener("pointermove", (event) => event.isTrusted && moves.push(event.timeStamp), true);

/** A message sent while a frame is made arrives after it. */
const frame = new MessageChannel();
frame.port1.onmessage = ({ data: answered }) => {
  const now = performance.now();
  probe.latencies.push(...moves.splice(0, answered).map((moved) => now - moved));
};

let checksum = 0;
function onPicture(/** @type {ImageData} */ image) {
  let sum = 0;
  for (const pixel of new Uint32Array(image.data.buffer)) sum = (31 * sum + pixel) | 0;
  if (sum !== checksum) probe.pictures += 1;
  checksum = sum;
  probe.painter = image;
  if (moves.length) frame.port2.postMessage(moves.length);
}

/** Tiles drawn since the canvas got its size. @type {WeakMap<HTMLCanvasElement, any>} */
const tiles = new WeakMap();
function onTile(/** @type {HTMLCanvasElement} */ canvas) {
  const size = `${canvas.width} × ${canvas.height}`;
  const drawn = tiles.get(canvas);
  if (drawn?.size === size) drawn.count += 1;
  else tiles.set(canvas, { size, count: 1 });
}

const { putImageData } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.putImageData = function (image, ...place) {
  putImageData.call(this, image, ...place);
  if (this.canvas.classList.contains("picture")) onPicture(image);
  else onTile(this.canvas);
};

/** Vertices drawn on each WebGL canvas. @type {WeakMap<HTMLCanvasElement, number>} */
const vertices = new WeakMap();
for (const [name, place] of Object.entries({ drawArrays: 2, drawElements: 1 })) {
  const draw = WebGLRenderingContext.prototype[name];
  WebGLRenderingContext.prototype[name] = function (...given) {
    draw.apply(this, given);
    vertices.set(this.canvas, (vertices.get(this.canvas) ?? 0) + given[place]);
  };
}

/** Whether the map has drawn so many dots; waits for the GPU's part of the work. */
probe.hasDots = (/** @type {number} */ count) => {
  const canvas = document.querySelector(".js-plotly-plot .gl-canvas-context");
  if (!((vertices.get(canvas) ?? 0) >= count)) return false;
  canvas.getContext("webgl").readPixels(0, 0, 1, 1, 6408, 5121, new Uint8Array(4));
  return true;
};

/** Whether a canvas of a live part, so many tiles of 28 pixels wide, has drawn so many tiles. */
probe.hasTiles = (/** @type {string} */ selector, columns, count) => {
  const canvas = probe.part(selector);
  return canvas?.width === columns * 28 && tiles.get(canvas)?.count >= count;
};

/** An element of a live part, which is in its shadow. @param {string} selector */
probe.part = (selector) => {
  for (const { shadowRoot } of document.querySelectorAll("[data-testid=stBidiComponentIsolated]")) {
    const found = shadowRoot?.querySelector(selector);
    if (found) return found;
  }
  return null;
};

/** Whether the server's script has ended and the page shows what it made. */
probe.isIdle = () =>
  document.querySelector("[data-test-script-state=notRunning]") !== null &&
  document.querySelector("[data-stale=true]") === null;

/** Starts counting anew. */
probe.forget = () => {
  probe.pictures = moves.length = probe.latencies.length = 0;
};

/** Seconds since 1970 at which a condition came true. @param {() => boolean} condition */
probe.when = async (condition) => (performance.timeOrigin + (await holds(condition, 0))) / 1000;

/** From the next press to the moment from which a condition holds: `probe.settled`. */
probe.arm = (/** @type {() => boolean} */ condition) => {
  probe.settled = new Promise((resolve, reject) => {
    const press = ({ timeStamp: pressed }) => {
      for (const type of PRESSES) removeEventListener(type, press, true);
      holds(condition, STILL).then((since) => resolve(since - pressed), reject);
    };
    for (const type of PRESSES) addEventListener(type, press, true);
  });
};
const PRESSES = ["click", "keydown", "change"];

/** The time since which a condition holds, once it has held for so long. */
function holds(/** @type {() => boolean} */ condition, /** @type {number} */ still) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let since = null;
    const look = () => {
      const now = performance.now();
      since = condition() ? (since ?? now) : null;
      if (since !== null && now - since >= still) resolve(since);
      else if (now - start > PATIENCE) reject(new Error(`Still waiting for ${condition}`));
      else requestAnimationFrame(look);
    };
    look();
  });
}

/** Moves a made-up pointer over the map, once a frame, for so many frames. */
probe.wander = (/** @type {number} */ frames) =>
  new Promise((resolve) => {
    const chart = document.querySelector(".js-plotly-plot");
    const { left, top, width, height } = chart.querySelector(".nsewdrag").getBoundingClientRect();
    const step = (/** @type {number} */ n) => {
      if (n === frames) resolve(null);
      else requestAnimationFrame(() => step(n + 1));
      const clientX = left + width * (0.5 + 0.4 * Math.sin(n / 50));
      const clientY = top + height * (0.5 + 0.4 * Math.cos(n / 83));
      chart.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
    };
    step(0);
  });
