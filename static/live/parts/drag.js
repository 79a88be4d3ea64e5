/**
 * Lets elements that the host drew be dragged onto each other, or onto a tab of the page.
 *
 * @typedef {{prefix: string}} DragData the elements' class without their number
 */

export class Drag {
  #ends = new AbortController();
  #prefix = "";
  /** @type {string | null} */
  #held = null;

  /** @param {HTMLElement} _ @param {import("../shared/hub.js").Host} host */
  constructor(_, { tell }) {
    const { signal } = this.#ends;
    const hold = (/** @type {PointerEvent} */ { target }) => {
      this.#held = target instanceof Element ? this.#numberOf(target) : null;
    };
    const drop = (/** @type {PointerEvent} */ { clientX, clientY }) => {
      const under = document.elementFromPoint(clientX, clientY);
      const onto = under && (this.#numberOf(under) ?? under.closest("[role=tab]")?.textContent);
      if (this.#held !== null && onto && onto !== this.#held) {
        tell("dropped", { held: Number(this.#held), onto });
      }
    };
    document.addEventListener("pointerdown", hold, { signal });
    document.addEventListener("pointerup", drop, { signal });
  }

  /** @param {DragData} data */
  update({ prefix }) {
    this.#prefix = prefix;
  }

  close() {
    this.#ends.abort();
  }

  /** @param {Element} element */
  #numberOf(element) {
    const classes = element.closest(`[class*="${this.#prefix}"]`)?.className ?? "";
    return new RegExp(`${this.#prefix}(\\d+)`).exec(classes)?.[1] ?? null;
  }
}
