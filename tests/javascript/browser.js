/** The parts of a browser that tests of parts need: elements that keep state and draw nothing. */

/** An object of which every property and call gives the object itself. @type {any} */
export const anything = new Proxy(() => {}, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => 0 : anything),
  apply: () => anything,
  set: () => true,
});

export class FakeElement extends EventTarget {
  /** Kinds of the contexts that were requested, over all elements. @type {string[]} */
  static contexts = [];
  /** @type {Map<string, FakeElement>} */
  #found = new Map();
  style = { setProperty() {} };
  classList = { toggle() {}, add() {} };
  /** @type {FakeElement[]} */
  children = [];
  textContent = "";
  hidden = false;
  id = "";
  type = "";
  value = "0";

  get valueAsNumber() {
    return Number(this.value);
  }

  /** One element for each selector. @param {string} selector */
  querySelector(selector) {
    const found = this.#found.get(selector) ?? new FakeElement();
    this.#found.set(selector, found);
    return found;
  }

  getBoundingClientRect() {
    return { left: 0, top: 0, width: 100, height: 100 };
  }

  /** @param {string} kind */
  getContext(kind) {
    FakeElement.contexts.push(kind);
    const loseContext = () => this.dispatchEvent(new Event("webglcontextlost"));
    const getExtension = () => ({ loseContext });
    const special = /** @type {any} */ ({
      canvas: this,
      getExtension,
      getParameter: () => "a processor",
      getImageData: () => new ImageData(1, 2),
    });
    return new Proxy(anything, { get: (_, name) => special[name] ?? anything });
  }

  /** @param {string} type @param {object} [fields] of the event */
  fire(type, fields = {}) {
    this.dispatchEvent(Object.assign(new Event(type, { cancelable: true }), fields));
  }

  toDataURL() {
    return "data:";
  }

  /** @type {Record<string, string>} */
  attributes = {};
  setAttribute(/** @type {string} */ name, /** @type {string} */ value) {
    this.attributes[name] = value;
  }
  append(/** @type {any[]} */ ...elements) {
    this.children.push(...elements);
  }

  remove() {}
  setPointerCapture() {}
}

const globals = /** @type {any} */ (globalThis);
globals.window = new FakeElement();
globals.document = { createElement: () => new FakeElement() };
for (const name of ["HTMLElement", "HTMLCanvasElement", "OffscreenCanvas"]) {
  globals[name] = FakeElement;
}
globals.HTMLInputElement = {
  [Symbol.hasInstance]: (/** @type {FakeElement} */ { type }) => type !== "select-one",
};
for (const name of ["DOMRect", "ImageData", "Path2D"]) {
  globals[name] = class {
    data = new Uint8ClampedArray(8);
    moveTo() {}
    lineTo() {}
  };
}
globals.matchMedia = () => ({ matches: false });
globals.requestAnimationFrame = () => 1;
globals.cancelAnimationFrame = () => {};
globals.createImageBitmap = async () => {
  throw new Error("damaged");
};

/** An element of a page, in which a part can be placed. @returns {FakeElement & any} */
export function element() {
  return new FakeElement();
}
