/** Keys that work anywhere on the page except in text fields. */

/** The list of keys: keys, and what they do. */
export const LIST = [
  ["1, 2, 3 …", "the views, in the order of their tabs"],
  ["R", "a random point"],
  ["← ↑ ↓ →", "move the point on the map that has the keyboard (Shift: further)"],
  ["+ − 0, Enter", "on the map: zoom, show all; to the nearest image"],
  ["A, B", "put the nearest image (Shift: all in sight) or a class of the legend in a group"],
  ["Ctrl Z, Ctrl Y", "undo and redo of the point"],
  ["Esc", "give up the region that is being drawn; end the tour"],
  ["K", "keep the point as a pin"],
  ["F", "full screen"],
  ["P", "presentation: no sidebar, large type"],
  ["?", "this list"],
];

/** Arrow keys: steps to the right and down. @type {Record<string, [number, number] | undefined>} */
export const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Types of input fields that take no text. */
const WITHOUT_TEXT = ["range", "checkbox", "radio", "button", "submit", "file", "color"];

/**
 * Calls an action when its key is pressed.
 *
 * @param {Record<string, () => void>} actions by key, such as `?` or `ctrl+z`
 * @param {AbortSignal} signal ends it
 */
export function listen(actions, signal) {
  const use = (/** @type {KeyboardEvent} */ event) => {
    const isCommand = event.ctrlKey || event.metaKey;
    const command = isCommand ? `ctrl+${event.shiftKey ? "shift+" : ""}` : "";
    const key = command + event.key?.toLowerCase(); // a field that is filled in sends no key
    if (event.altKey || !Object.hasOwn(actions, key) || isField(event.composedPath()[0])) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Streamlit uses some of these keys too
    actions[key]();
  };
  window.addEventListener("keydown", use, { signal, capture: true });
}

/** @param {EventTarget} target */
function isField(target) {
  if (target instanceof HTMLInputElement) return !WITHOUT_TEXT.includes(target.type);
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches("select, textarea");
}
