/** How a part of the page comes to life as a Streamlit component. */

/** @typedef {(name: string, value: any) => void} Send says something to the server */

/**
 * Makes a component of a class: built when it is mounted, updated with every change of its
 * data, closed when it is gone. (Streamlit calls the function for the first two, and what it
 * returns for the last.)
 *
 * @param {new (root: HTMLElement) => {
 *   update: (data: any, send: Send) => void, close: () => void }} Part
 */
export function part(Part) {
  const mounted = new WeakMap();
  return (/** @type {any} */ { parentElement: root, data, setTriggerValue }) => {
    if (!mounted.has(root)) mounted.set(root, new Part(root));
    mounted.get(root).update(data, setTriggerValue);
    return () => {
      mounted.get(root)?.close();
      mounted.delete(root);
    };
  };
}
