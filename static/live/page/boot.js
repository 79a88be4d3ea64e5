/**
 * Starts a single-file page: unpacks its contents, runs its modules and hands them the rest.
 * `explorer/web/document.py` writes these pages and puts this script into them unchanged, before
 * whatever the first picture does not need.
 */

{
  /**
   * Decodes bytes from characters that hold 15 bits each, from U+4000 on.
   *
   * @param {string} text
   * @param {number} size number of bytes
   */
  const fromCharacters = (text, size) => {
    const bytes = new Uint8Array(size);
    for (let i = 0, at = 0, bits = 0, count = 0; i < text.length; i++) {
      bits = (bits << 15) | (text.charCodeAt(i) - 0x4000);
      for (count += 15; count >= 8; bytes[at++] = bits >> count) count -= 8;
    }
    return bytes;
  };

  /**
   * Restores words of four bytes from planes: all first bytes, then all second bytes, and so on.
   *
   * @param {Uint8Array} planes
   */
  const fromPlanes = (planes) => {
    const words = new Uint8Array(planes.length);
    const count = planes.length >> 2;
    for (let i = 0; i < words.length; i++) words[i] = planes[(i & 3) * count + (i >> 2)];
    return words;
  };

  const isRead = new Promise((resolve) => addEventListener("DOMContentLoaded", resolve));

  const elementOf = (/** @type {string} */ id) =>
    /** @type {HTMLElement} */ (document.getElementById(id));

  /** @param {string} file */
  const fetched = async (file) => {
    const response = await fetch(file).catch(() => null);
    if (!response?.ok) throw new Error(`${file} is not there`);
    return response.arrayBuffer();
  };

  /** Unpacks the content of an element, or of the file that it names. @param {string} id */
  const unpack = async (id) => {
    if (!document.getElementById(id)?.nextElementSibling) await isRead;
    const element = elementOf(id);
    const { file, size } = element.dataset;
    const packed = file
      ? await fetched(file)
      : fromCharacters(/** @type {Comment} */ (element.firstChild).data, Number(size));
    element.remove();
    const { readable, writable } = new DecompressionStream("gzip");
    const writer = writable.getWriter();
    const isWritten = writer.write(packed).then(() => writer.close());
    const [content] = await Promise.all([new Response(readable).arrayBuffer(), isWritten]);
    const bytes = new Uint8Array(content);
    return id.startsWith("model-") ? fromPlanes(bytes) : bytes;
  };

  /** Follows the theme of JupyterLab or VS Code around this page, which may not be the system's. */
  const followTheme = () => {
    const { body } = window.parent.document;
    const light = '[data-jp-theme-light="true"], .vscode-light, .vscode-high-contrast-light';
    const dark = '[data-jp-theme-light="false"], .vscode-dark, .vscode-high-contrast';
    const show = () => {
      const theme = [light, dark].findIndex((selector) => body.matches(selector));
      if (theme < 0) return;
      document.documentElement.dataset.theme = ["light", "dark"][theme];
      window.dispatchEvent(new Event("themechange"));
    };
    new MutationObserver(show).observe(body, { attributes: true });
    show();
  };

  const start = async () => {
    const texts = ["code", "contents"].map(async (id) =>
      new TextDecoder().decode(await unpack(id)),
    );
    const [code, contents] = await Promise.all(texts);
    const script = document.createElement("script");
    script.textContent = code;
    document.head.append(script); // which runs it
    const worker = URL.createObjectURL(
      new Blob([code, 'need("shared/worker.js");'], { type: "text/javascript" }),
    );
    const startWorker = () => new Worker(worker);
    const { Page } = /** @type {any} */ (self).need("page/page.js");
    const tell = (/** @type {string} */ name, /** @type {unknown} */ value) => {
      if (window.parent !== window) window.parent.postMessage({ name, value }, "*");
    };
    new Page(elementOf("page"), JSON.parse(contents), unpack, startWorker, tell);
  };

  try {
    if (window.parent !== window) followTheme();
  } catch {
    // another site's page shows this one
  }
  start().catch((error) => {
    const isSplit = document.querySelector("[data-file]") && location.protocol === "file:";
    elementOf("page").textContent = isSplit
      ? "This folder works on a web server only: put it on one, or write a single file, without --split."
      : "toSorted" in Array.prototype
        ? `This page is damaged or incomplete: copy or write it anew (${error.message}).`
        : "This page needs a browser from 2023 or later.";
  });
}
