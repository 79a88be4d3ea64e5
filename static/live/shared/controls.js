/**
 * Controls that parts draw themselves; `style.css` makes them look like the host's.
 *
 * Each function returns `element` and `show`, which makes the control show a value without
 * calling `use`; `use` is called when the user chooses another value.
 *
 * @template T
 * @typedef {{element: HTMLElement, show: (value: T) => void}} Control
 */

import { build, textElement } from "./elements.js";

/**
 * A choice of a few values, all visible: radio buttons that look like segments.
 *
 * @template {string} T
 * @param {string} label
 * @param {readonly (readonly [T, string])[]} choices values and their names
 * @param {(value: T) => void} use
 * @returns {Control<T>}
 */
export function segments(label, choices, use) {
  const element = build("control segments");
  element.setAttribute("role", "radiogroup");
  element.setAttribute("aria-label", label);
  const buttons = choices.map(([value, text]) => {
    const one = button(text, () => choose(value));
    one.setAttribute("role", "radio");
    return one;
  });
  element.append(...buttons);
  /** @param {T} value */
  const show = (value) => {
    for (const [i, one] of buttons.entries()) {
      const isIt = choices[i][0] === value;
      one.setAttribute("aria-checked", String(isIt));
      one.tabIndex = isIt ? 0 : -1;
    }
  };
  /** @param {T} value */
  const choose = (value) => {
    show(value);
    use(value);
  };
  element.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const at = buttons.findIndex(({ tabIndex }) => tabIndex === 0);
    const next = (at + step + buttons.length) % buttons.length;
    choose(choices[next][0]);
    buttons[next].focus();
  });
  return { element, show };
}

/**
 * A choice of many values: a drop-down list. It shows the first instead of a value that is not among
 * them, such as a quantity of another model.
 *
 * @param {string} label
 * @param {readonly (readonly [string, string])[]} choices values and their names
 * @param {(value: string) => void} use @param {boolean} [isLabelShown]
 * @returns {Control<string> & {offer: (choices: readonly (readonly [string, string])[]) => void}}
 *   `offer` replaces the choices
 */
export function select(label, choices, use, isLabelShown = true) {
  const element = labelled(label, isLabelShown);
  const list = document.createElement("select");
  list.setAttribute("aria-label", label);
  element.append(list);
  list.addEventListener("change", () => use(list.value));
  const offer = (/** @type {typeof choices} */ others) =>
    list.replaceChildren(...others.map(([value, text]) => new Option(text, value)));
  offer(choices);
  const show = (/** @type {string} */ value) => {
    list.value = value;
    if (list.selectedIndex < 0) list.selectedIndex = 0;
  };
  return { element, offer, show };
}

/**
 * A slider with its value beside the label.
 *
 * @param {string} label @param {{min: number, max: number, step: number}} range
 * @param {(value: number) => void} use is called while it is dragged
 * @param {(value: number) => string} [tell] writes the value for the user
 * @returns {Control<number>}
 */
export function slider(label, range, use, tell = String) {
  const element = labelled(label);
  const input = document.createElement("input");
  const value = document.createElement("output");
  Object.assign(input, { type: "range", className: "range", ...range });
  input.setAttribute("aria-label", label);
  element.append(value, input);
  const write = () => (value.textContent = tell(input.valueAsNumber));
  input.addEventListener("input", () => {
    write();
    use(input.valueAsNumber);
  });
  const show = (/** @type {number} */ shown) => {
    input.value = String(shown);
    write();
  };
  undoScrolling(input, () => {
    const before = input.valueAsNumber;
    return () => {
      show(before);
      use(before);
    };
  });
  return { element, show };
}

/**
 * Puts a slider back where it was when a finger that came down on it scrolls the page.
 *
 * The browser moves the slider as soon as it is touched, and reports a change at the end.
 *
 * @param {HTMLInputElement} range listeners for its changes must come after this
 * @param {() => () => void} keep is called before it moves; returns a function that puts it back
 */
export function undoScrolling(range, keep) {
  let undo = () => {};
  let isUndone = false;
  range.addEventListener("pointerdown", () => (undo = keep()));
  range.addEventListener("pointercancel", () => {
    undo();
    isUndone = true;
  });
  range.addEventListener("input", () => (isUndone = false));
  range.addEventListener("change", (event) => isUndone && event.stopImmediatePropagation());
}

/**
 * A choice of a colour, written like `#ff8800`.
 *
 * @param {string} label @param {(value: string) => void} use
 * @returns {Control<string>}
 */
export function colour(label, use) {
  const element = labelled(label);
  const input = Object.assign(document.createElement("input"), { type: "color" });
  input.setAttribute("aria-label", label);
  input.addEventListener("input", () => use(input.value));
  element.append(input);
  return { element, show: (value) => (input.value = value) };
}

/**
 * A switch.
 *
 * @param {string} label @param {(value: boolean) => void} use
 * @returns {Control<boolean>}
 */
export function toggle(label, use) {
  const element = document.createElement("label");
  element.className = "control toggle";
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", role: "switch" });
  input.addEventListener("change", () => use(input.checked));
  element.append(input, label);
  return { element, show: (value) => (input.checked = value) };
}

/**
 * A button; an icon needs a `label` for those who cannot see it, which is also the tooltip.
 *
 * @param {string} text @param {() => void} press @param {string} [label]
 */
export function button(text, press, label) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  if (label) {
    element.title = label;
    element.setAttribute("aria-label", label);
  }
  element.addEventListener("click", press);
  return element;
}

/** A button that stands alone, with a frame. @type {typeof button} */
export function framedButton(...given) {
  return Object.assign(button(...given), { className: "framed" });
}

/**
 * Keeps a control showing a setting; returns a function that ends this.
 *
 * @template {import("./settings.js").Name} N
 * @param {import("./settings.js").Settings} settings @param {N} name
 * @param {{show: (value: any) => void}} control
 */
export function follow(settings, name, control) {
  const show = () => control.show(settings.get(name));
  show();
  return settings.onChange((changed) => (changed === name || changed === null) && show());
}

/** @param {string} label @param {boolean} [isShown] */
function labelled(label, isShown = true) {
  const element = document.createElement("label");
  element.className = "control";
  if (isShown) element.append(textElement("span", label));
  return element;
}
