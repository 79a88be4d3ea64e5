/**
 * Starts a page of one file: unpacks what it holds, runs its modules from memory and hands them the
 * rest. `explorer/web/document.py` writes such pages; this script stands in them as it is.
 */

{
  /** Base 85 as in RFC 1924, but with a comma for "<", which a page may not hold everywhere. */
  const DIGITS =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
  const VALUES = new Uint8Array(128);
  for (let i = 0; i < DIGITS.length; i++) VALUES[DIGITS.charCodeAt(i)] = i;

  /** @param {string} text */
  const fromBase85 = (text) => {
    const full = text.padEnd(5 * Math.ceil(text.length / 5), "~");
    const bytes = new DataView(new ArrayBuffer((4 * full.length) / 5));
    for (let i = 0, at = 0; i < full.length; at += 4) {
      let value = 0;
      for (const end = i + 5; i < end; i++) value = 85 * value + VALUES[full.charCodeAt(i)];
      bytes.setUint32(at, value);
    }
    return new Uint8Array(bytes.buffer, 0, Math.floor((4 * text.length) / 5));
  };

  const elementOf = (/** @type {string} */ id) =>
    /** @type {HTMLElement} */ (document.getElementById(id));

  /** What an element of the page holds, or the file that it names. @param {string} id */
  const unpack = async (id) => {
    const element = elementOf(id);
    const { file } = element.dataset;
    const packed = file
      ? await fetch(file)
      : new Response(fromBase85(/** @type {string} */ (element.textContent)));
    element.textContent = "";
    const stream = /** @type {ReadableStream} */ (packed.body).pipeThrough(
      new DecompressionStream("gzip"),
    );
    return new Uint8Array(await new Response(stream).arrayBuffer());
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
    new Page(elementOf("page"), contents, unpack, startWorker);
  };

  start().catch((error) => {
    const isSplit = document.querySelector("[data-file]") && location.protocol === "file:";
    elementOf("page").textContent = isSplit
      ? "This folder shows itself on a web server only. Put it on one, or write one file, without --split."
      : `This page needs a browser of 2023 or later (${error.message}).`;
  });
}
