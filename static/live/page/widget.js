/**
 * What connects a single-file page in a notebook to the kernel, as an anywidget module.
 *
 * @typedef {{get: (name: string) => any, set: (name: string, value: unknown) => void,
 *   save_changes: () => void, send: (content: object) => void,
 *   on: (event: string, use: (content: unknown, buffers: DataView[]) => void) => void,
 *   off: (event: string, use: (content: unknown, buffers: DataView[]) => void) => void}} Model
 */

export default {
  /** @param {{model: Model, el: HTMLElement}} view */
  render({ model, el }) {
    /** The frames that show the widget's page. @returns {HTMLIFrameElement[]} */
    const frames = () => Array.from(document.querySelectorAll(`iframe.${model.get("_frame")}`));
    const take = (/** @type {MessageEvent} */ { source, data }) => {
      const frame = frames().find(({ contentWindow }) => contentWindow === source);
      if (!frame) return;
      if (data.name === "address") frame.name = data.value; // if it is loaded again, it goes on
      model.set(`_${data.name}`, data.value);
      model.save_changes();
    };
    const connect = () => {
      for (const note of document.querySelectorAll(`p.${model.get("_frame")}`)) note.remove();
    };
    const resize = () => {
      for (const frame of frames()) frame.style.height = `${model.get("height")}px`;
    };
    const show = (/** @type {unknown} */ _, /** @type {DataView[]} */ [page]) => {
      el.innerHTML = new TextDecoder().decode(page);
      connect();
    };
    window.addEventListener("message", take);
    model.on("change:height", resize);
    model.on("msg:custom", show);
    for (const frame of frames().filter(({ dataset }) => !dataset.isHeard)) {
      const heard = /** @type {HTMLIFrameElement} */ (frame.cloneNode()); // from its beginning
      heard.dataset.isHeard = "true";
      heard.name = model.get("_address"); // where the last one was
      frame.replaceWith(heard);
    }
    connect();
    if (!frames().length) model.send({});
    return () => {
      window.removeEventListener("message", take);
      model.off("change:height", resize);
      model.off("msg:custom", show);
    };
  },
};
