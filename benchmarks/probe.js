/**
 * Observes a page for `benchmarks/app.py`. It runs before the page's own code and records what is
 * drawn, when, and after which input. Durations are in milliseconds.
 */

/** Time without changes after which a page counts as settled. */
const STILL = 150;
/** Longest wait for a condition. */
const PATIENCE = 60_000;
const PRESSES = ["click", "keydown", "change"];

/** Times of pointer moves whose picture is still to come. @type {number[]} */
const moves = [];
addEventListener("pointermove", (event) => event.isTrusted && moves.push(event.timeStamp), true);

/**
 * Tiles drawn since a canvas got its size.
 *
 * @type {WeakMap<Element, {size: string, width: number, count: number}>}
 */
const tiles = new WeakMap();
/** Number of dots last drawn on a canvas. @type {WeakMap<object, number>} */
const vertices = new WeakMap();
/** Number of times that dots were drawn. */
let frames = 0;

const probe = {
  /** Number of times that the lens's pixels changed. */
  pictures: 0,
  /** From each pointer move to the end of the frame with its picture. @type {number[]} */
  latencies: [],
  /** The image of the lens, one for each model. @type {ImageData | null} */
  painter: null,
  /** A value recorded earlier, for comparison. @type {unknown} */
  former: null,
  /** Milliseconds that `arm` measures. @type {Promise<number> | null} */
  settled: null,

  /** Whether the map has drawn this many dots; waits for the GPU. @param {number} count */
  hasDots(count) {
    const canvas = probe.part(".dots");
    if (!(canvas instanceof HTMLCanvasElement) || !((vertices.get(canvas) ?? 0) >= count))
      return false;
    canvas.getContext("webgl2")?.readPixels(0, 0, 1, 1, 6408, 5121, new Uint8Array(4));
    return true;
  },

  /** Number of times that the map was drawn since `forget`; waits for the GPU. */
  drawn() {
    probe.hasDots(0);
    return frames;
  },

  /**
   * Whether a canvas of a part that is `columns` tiles wide has drawn `count` tiles.
   *
   * @param {string} selector
   * @param {number} columns
   * @param {number} count
   */
  hasTiles(selector, columns, count) {
    const canvas = probe.part(selector);
    const drawn = canvas && tiles.get(canvas);
    if (!(canvas instanceof HTMLCanvasElement) || !drawn || drawn.count < count) return false;
    return [0, 1].some((gap) => canvas.width === columns * (drawn.width + gap));
  },

  /** An element of a part, in its shadow DOM. @param {string} selector */
  part(selector) {
    const hosts = document.querySelectorAll("[data-testid=stBidiComponentIsolated]");
    for (const { shadowRoot } of hosts) {
      const found = shadowRoot?.querySelector(selector);
      if (found) return found;
    }
    return null;
  },

  /** Whether the server's script has ended and the page shows its output. */
  isIdle() {
    const isDone = document.querySelector("[data-test-script-state=notRunning]") !== null;
    return isDone && document.querySelector("[data-stale=true]") === null;
  },

  /** Resets all counts. */
  forget() {
    probe.pictures = moves.length = probe.latencies.length = frames = 0;
  },

  /** Seconds since 1970 at which a condition came true. @param {() => boolean} condition */
  async when(condition) {
    return (performance.timeOrigin + (await holds(condition, 0))) / 1000;
  },

  /**
   * Measures from the next press to the time since which a condition holds.
   *
   * @param {() => boolean} condition
   */
  arm(condition) {
    probe.settled = new Promise((resolve, reject) => {
      const press = (/** @type {Event} */ { timeStamp: pressed }) => {
        for (const type of PRESSES) removeEventListener(type, press, true);
        holds(condition, STILL).then((since) => resolve(since - pressed), reject);
      };
      for (const type of PRESSES) addEventListener(type, press, true);
    });
  },

  /** Moves a simulated pointer over the map, once a frame. @param {number} count */
  async wander(count) {
    const plot = probe.part(".plot");
    const area = plot?.getBoundingClientRect() ?? new DOMRect();
    for (let n = 0; n < count; n++) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const clientX = area.left + area.width * (0.5 + 0.4 * Math.sin(n / 50));
      const clientY = area.top + area.height * (0.5 + 0.4 * Math.cos(n / 83));
      plot?.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
    }
  },
};
Object.assign(globalThis, { probe });

/** A message that is sent while a frame is being made arrives after the frame. */
const frame = new MessageChannel();
frame.port1.onmessage = ({ data: answered }) => {
  const now = performance.now();
  probe.latencies.push(...moves.splice(0, answered).map((moved) => now - moved));
};

let checksum = 0;
/** @param {ImageData} image */
function onPicture(image) {
  let sum = 0;
  for (const pixel of new Uint32Array(image.data.buffer)) sum = (31 * sum + pixel) | 0;
  if (sum !== checksum) probe.pictures += 1;
  checksum = sum;
  probe.painter = image;
  if (moves.length) frame.port2.postMessage(moves.length);
}

/** @param {HTMLCanvasElement} canvas @param {ImageData} image */
function onTile(canvas, image) {
  const size = `${canvas.width} × ${canvas.height}`;
  const drawn = tiles.get(canvas);
  if (drawn?.size === size) drawn.count += 1;
  else tiles.set(canvas, { size, width: image.width, count: 1 });
}

/** @param {object} canvas @param {number} count Infinity where dots are drawn as one picture */
function onDots(canvas, count) {
  vertices.set(canvas, count);
  frames += 1;
}

/**
 * Calls a function after each call of a method.
 *
 * @param {any} owner
 * @param {string} name
 * @param {(self: any, given: any[]) => void} then
 */
function after(owner, name, then) {
  const original = owner[name];
  owner[name] = function (/** @type {any[]} */ ...given) {
    original.apply(this, given);
    then(this, given);
  };
}

after(CanvasRenderingContext2D.prototype, "putImageData", ({ canvas }, [image]) => {
  if (canvas.classList.contains("picture")) onPicture(image);
  else onTile(canvas, image);
});
after(CanvasRenderingContext2D.prototype, "drawImage", ({ canvas }) => {
  if (canvas.classList.contains("dots")) onDots(canvas, Infinity);
});
after(WebGL2RenderingContext.prototype, "drawArrays", ({ canvas }, [, , count]) =>
  onDots(canvas, count),
);

/**
 * The time since which a condition holds, once it has held for `still` milliseconds.
 *
 * @param {() => boolean} condition
 * @param {number} still
 * @returns {Promise<number>}
 */
function holds(condition, still) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let since = Infinity;
    const look = () => {
      const now = performance.now();
      since = condition() ? Math.min(since, now) : Infinity;
      if (now - since >= still) resolve(since);
      else if (now - start > PATIENCE) reject(new Error(`Still waiting for ${condition}`));
      else requestAnimationFrame(look);
    };
    look();
  });
}
