/**
 * Starts a page of one file: unpacks what it holds, runs its modules from memory and hands them the
 * rest. `explorer/web/document.py` writes such pages; this script stands in them as it is.
 */

{
  /** Bytes from characters of seven bits each. @param {string} text */
  const fromSeptets = (text) => {
    const bytes = new Uint8Array((7 * text.length) >> 3);
    for (let i = 0, at = 0, bits = 0, count = 0; i < text.length; i++) {
      bits = ((bits << 7) | (text.charCodeAt(i) & 127)) & 0x7fff;
      count += 7;
      if (count < 8) continue;
      count -= 8;
      bytes[at++] = bits >> count;
    }
    return bytes;
  };

  /** Words of four bytes, of which all first bytes came first, then all second ones, and so on. @param {Uint8Array} planes */
  const fromPlanes = (planes) => {
    const words = new Uint8Array(planes.length);
    const count = planes.length >> 2;
    for (let i = 0; i < words.length; i++) words[i] = planes[(i & 3) * count + (i >> 2)];
    return words;
  };

  const elementOf = (/** @type {string} */ id) =>
    /** @type {HTMLElement} */ (document.getElementById(id));

  /** What an element of the page holds, or the file that it names. @param {string} id */
  const unpack = async (id) => {
    const element = elementOf(id);
    const { file } = element.dataset;
    const packed = file
      ? await fetch(file)
      : new Response(fromSeptets(/** @type {string} */ (element.textContent)));
    element.textContent = "";
    const stream = /** @type {ReadableStream} */ (packed.body).pipeThrough(
      new DecompressionStream("gzip"),
    );
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    return id.startsWith("model-") ? fromPlanes(bytes) : bytes;
  };

  const start = async () => {
    const code = await unpack("code");
    const addressOf = (/** @type {string} */ end) =>
      URL.createObjectURL(new Blob([code, end], { type: "text/javascript" }));
    const { need } = await import(addressOf("export { need };"));
    const worker = addressOf('need("shared/worker.js");');
    const startWorker = () => new Worker(worker);
    const contents = JSON.parse(new TextDecoder().decode(await unpack("contents")));
    const { Page } = need("page/page.js");
    const tell = (/** @type {string} */ name, /** @type {unknown} */ value) => {
      if (window.parent !== window) window.parent.postMessage({ name, value }, "*");
    };
    new Page(elementOf("page"), contents, unpack, startWorker, tell);
  };

  start().catch((error) => {
    const isSplit = document.querySelector("[data-file]") && location.protocol === "file:";
    elementOf("page").textContent = isSplit
      ? "This folder works on a web server only: put it on one, or write a single file, without --split."
      : `This page needs a browser from 2023 or later (${error.message}).`;
  });
}
