/**
 * Whatever is common to all views: the tour, the keys, full screen and presentation mode.
 *
 * @typedef {{view: string, choice: string, model: string, label: number,
 *   directions: import("../shared/model.js").Direction[]}} FrameData
 *   `choice` changes with each choice of the user; `label`: the class that a conditional model
 *   decodes
 */

import { changeText, find, toggleFullScreen } from "../shared/elements.js";
import { LIST, listen } from "./keys.js";
import { Tour } from "./tour.js";

const HTML = `
  <nav class="frame" aria-label="Help">
    <button type="button" class="ask">Tour</button>
    <button type="button" class="show">Keys</button>
    <button type="button" class="present" aria-pressed="false">Present</button>
  </nav>
  <dialog class="card" aria-labelledby="keys">
    <h2 id="keys">Keys</h2>
    <dl>${LIST.map(([keys, what]) => `<dt>${keys}</dt><dd>${what}</dd>`).join("")}</dl>
    <form method="dialog"><button>Close</button></form>
  </dialog>
  <section class="card tour" popover="manual" aria-label="Tour">
    <h2></h2><p aria-live="polite"></p>
    <div class="moves"><button type="button" class="next">Next</button><button type="button" class="end">Close</button></div>
  </section>
  <div class="notice" role="alert" hidden></div>`;

export class Frame {
  #root;
  #hub;
  #tour;
  #undo = new AbortController();
  #forget;
  /** @type {FrameData | null} */
  #data = null;

  /** @param {HTMLElement} root @param {import("../shared/hub.js").Host} host */
  constructor(root, { hub }) {
    this.#root = root;
    this.#hub = hub;
    root.innerHTML = HTML;
    const dialog = find(root, "dialog", HTMLDialogElement);
    const { signal } = this.#undo;
    this.#tour = new Tour(find(root, ".tour"), (view) => hub.actions.openView(view), signal);
    const present = () => this.#present();
    find(root, ".ask").addEventListener("click", () => this.#tour.start());
    find(root, ".show").addEventListener("click", () => dialog.showModal());
    find(root, ".present").addEventListener("click", present);
    const views = Array.from("123456789", (key) => [
      key,
      () => hub.actions.openView(Number(key) - 1),
    ]);
    const moves = Object.entries({
      r: "random",
      "ctrl+z": "undo",
      "ctrl+y": "redo",
      "ctrl+shift+z": "redo",
    });
    const keys = {
      ...Object.fromEntries(views),
      ...Object.fromEntries(moves.map(([key, move]) => [key, () => hub.actions.move(move)])),
      "?": () => dialog.showModal(),
      k: () => hub.actions.pin(),
      f: toggleFullScreen,
      p: present,
    };
    listen(keys, signal);
    this.#forget = hub.settings.onChange(() => this.#showProblems());
    this.#showProblems();
  }

  /** @param {FrameData} data */
  update(data) {
    const isFirst = this.#data === null;
    if (isFirst && data.view === "Map" && !Tour.isSeen) this.#tour.start();
    const isOther = !isFirst && this.#data?.view !== data.view;
    if (isOther) this.#tour.follow(data.view);
    const isChoice = !isFirst && this.#data?.choice !== data.choice;
    if (isChoice) this.#hub.actions.choose();
    if (isOther || isChoice) this.#hub.settings.problems = [];
    this.#showProblems();
    this.#data = data;
    this.#hub.condition(data.model, data.label);
    this.#hub.direct(data.model, data.directions);
  }

  close() {
    this.#undo.abort();
    this.#forget();
  }

  /** Shows what the address asked for in vain. */
  #showProblems() {
    const { problems } = this.#hub.settings;
    const notice = find(this.#root, ".notice");
    notice.hidden = problems.length === 0;
    changeText(notice, problems.join("\n"));
  }

  /** Toggles presentation mode: `page.css` hides the sidebar and enlarges the type. */
  #present() {
    const isOn = document.documentElement.toggleAttribute("data-presentation");
    find(this.#root, ".present").setAttribute("aria-pressed", String(isOn));
    window.dispatchEvent(new Event("resize")); // places on the page have changed
  }
}
