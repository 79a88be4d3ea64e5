/**
 * The one module that knows what Plotly makes: the chart's axes, dots and events, and where on
 * the page they lie.
 *
 * From Plotly's public interface come `data`, `layout`, `on` and the events; of what it draws
 * this uses the class of the rectangle that lies over the plot (`nsewdrag`, with its place as
 * attributes) and that of its buttons (`modebar`). Axes are linear.
 *
 * @typedef {HTMLElement & {data: any[], layout: any,
 *   on: (event: string, use: (data: any) => void) => void}} PlotlyElement
 */

import { Bounds } from "../shared/elements.js";

export class Chart {
  /** The chart's element. @type {PlotlyElement} */
  element;
  #bounds;
  /** Ranges of the two axes. @type {[number, number][]} */
  #ranges = [];
  /** Left, top, width and height of the plot within the element. */
  #plot = [0, 0, 0, 0];

  /**
   * @param {PlotlyElement} element
   * @param {() => void} onMoved is called when places on the page have changed
   */
  constructor(element, onMoved) {
    this.element = element;
    this.#bounds = new Bounds(element);
    this.#measure();
    element.on("plotly_afterplot", () => {
      this.#measure();
      onMoved();
    });
    element.on("plotly_relayouting", (changes) => {
      this.#ranges = this.#ranges.map(([low, high], axis) => {
        const name = `${"xy"[axis]}axis.range`;
        return [changes[`${name}[0]`] ?? low, changes[`${name}[1]`] ?? high];
      });
      onMoved();
    });
  }

  /**
   * The chart that a selector finds, if it is drawn.
   *
   * @param {string} selector
   * @returns {PlotlyElement | null}
   */
  static find(selector) {
    const element = /** @type {PlotlyElement | null} */ (document.querySelector(selector));
    const isDrawn = element?.layout?.xaxis?.range && element.layout.yaxis?.range && plotOf(element);
    return isDrawn && typeof element.on === "function" ? element : null;
  }

  /** Whether dragging draws a box or a lasso. */
  get isSelecting() {
    return ["select", "lasso"].includes(this.element.layout.dragmode);
  }

  /** Pixels for a step of 1 along each axis (down: negative), and what lies at the left top. */
  get #scale() {
    const [[left, right], [bottom, top]] = this.#ranges;
    const [, , width, height] = this.#plot;
    return { across: width / (right - left), down: height / (bottom - top), left, top };
  }

  /**
   * Data coordinates at a place of the window, or null outside of the axes.
   *
   * @param {{clientX: number, clientY: number}} place
   * @returns {[number, number] | null}
   */
  placeAt({ clientX, clientY }) {
    const [x, y, width, height] = this.#plot;
    const { left, top } = this.#bounds.rect;
    const [across, down] = [clientX - left - x, clientY - top - y];
    if (across < 0 || down < 0 || across > width || down > height) return null;
    const scale = this.#scale;
    return [scale.left + across / scale.across, scale.top + down / scale.down];
  }

  /**
   * Where data coordinates lie within the element, moved to the plot's edge if they are outside.
   *
   * @param {number} x
   * @param {number} y
   */
  pixelOf(x, y) {
    const scale = this.#scale;
    const [left, top, width, height] = this.#plot;
    const [across, down] = [(x - scale.left) * scale.across, (y - scale.top) * scale.down];
    const [nearX, nearY] = [within(across, width), within(down, height)];
    const isInside = nearX === across && nearY === down;
    return { left: left + nearX, top: top + nearY, isInside };
  }

  /** Pixels for a step of 1 along each axis. */
  get pixelsPerUnit() {
    const { across, down } = this.#scale;
    return [across, down];
  }

  /** Width of what is shown, in the horizontal axis' units. */
  get width() {
    const [[left, right]] = this.#ranges;
    return right - left;
  }

  /** Classes whose dots are hidden; a trace tells its class as `meta`. */
  get hiddenClasses() {
    const hidden = this.element.data.filter(({ visible }) => visible === "legendonly");
    return new Set(hidden.map(({ meta }) => meta));
  }

  /** Whether an event comes from Plotly's buttons. @param {Event} event */
  static isOnButtons({ target }) {
    return target instanceof Element && target.closest(".modebar") !== null;
  }

  #measure() {
    const { xaxis, yaxis } = this.element.layout;
    this.#ranges = [xaxis.range, yaxis.range];
    this.#plot = plotOf(this.element) ?? this.#plot;
  }
}

/**
 * @param {Element} element
 * @returns {number[] | null}
 */
function plotOf(element) {
  const plot = element.querySelector(".nsewdrag");
  const place = ["x", "y", "width", "height"].map((name) =>
    Number(plot?.getAttribute(name) ?? NaN),
  );
  return place.every(Number.isFinite) && place[2] > 0 ? place : null;
}

/** @param {number} pixel @param {number} length */
function within(pixel, length) {
  return Math.min(Math.max(pixel, 0), length);
}
