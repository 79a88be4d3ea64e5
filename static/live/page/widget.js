/** A single-file page in a notebook, as an anywidget module: its events go to the kernel. */

export default {
  /** @param {{model: {get: (name: string) => any, set: (name: string, value: unknown) => void,
   *   save_changes: () => void, on: (event: string, use: () => void) => void,
   *   off: (event: string, use: () => void) => void}, el: HTMLElement}} widget */
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = "Latent space";
    frame.allowFullscreen = true;
    frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 0`;
    frame.name = model.get("_address"); // another view of the widget begins where the last one is
    frame.srcdoc = model.get("page");
    const take = (/** @type {MessageEvent} */ { source, data }) => {
      if (source !== frame.contentWindow) return;
      model.set(`_${data.name}`, data.value);
      model.save_changes();
    };
    window.addEventListener("message", take);
    const resize = () => (frame.style.height = `${model.get("height")}px`);
    model.on("change:height", resize);
    el.append(frame);
    return () => {
      window.removeEventListener("message", take);
      model.off("change:height", resize);
    };
  },
};
