/** The only module that knows Streamlit: gives the parts their data and returns their events. */

import { keepInAddress } from "./address.js";
import { Drag } from "./parts/drag.js";
import { Draw } from "./parts/draw.js";
import { Frame } from "./parts/frame.js";
import { Grid } from "./parts/grid.js";
import { Lens } from "./parts/lens.js";
import { LiveMap } from "./parts/map/map.js";
import { Picker } from "./parts/picker.js";
import { Refine } from "./parts/refine.js";
import { Scrubber } from "./parts/scrubber.js";
import { Shown } from "./parts/shown.js";
import { Sliders } from "./parts/sliders.js";
import { Sprite } from "./parts/sprite.js";
import { Store } from "./parts/store.js";
import { Engine } from "./shared/engine.js";
import { Hub } from "./shared/hub.js";
import { Mount } from "./shared/mount.js";

/** @type {Record<string, import("./shared/mount.js").PartClass>} */
const PARTS = {
  drag: Drag,
  draw: Draw,
  frame: Frame,
  grid: Grid,
  lens: Lens,
  map: LiveMap,
  picker: Picker,
  refine: Refine,
  scrubber: Scrubber,
  shown: Shown,
  sliders: Sliders,
  sprite: Sprite,
  store: Store,
};

const hub = new Hub(new Engine(), {
  openView,
  move: (name) => press(`.st-key-move-${name}`),
  choose() {
    const isPhone = matchMedia("(max-width: 768px)").matches; // there the sidebar closes
    if (isPhone) press("[data-testid=stSidebarCollapseButton]");
  },
  pin: () => press(".st-key-pin"),
  group() {},
  async original(content, row) {
    try {
      const response = await fetch(new URL(`original/${content}/${row}`, import.meta.url));
      return response.ok ? await createImageBitmap(await response.blob()) : null;
    } catch {
      return null; // the connection broke
    }
  },
});
keepInAddress(hub.settings);

/**
 * @type {WeakMap<HTMLElement,
 *   {mount: Mount, tell: (name: string, value: unknown) => void, address?: string}>}
 */
const mounted = new WeakMap();

/**
 * Called by Streamlit when a component is mounted and at every change of its data; the returned
 * function is called when the component is removed.
 *
 * @param {string} name of the part
 * @param {{parentElement: HTMLElement, data: any,
 *   setTriggerValue: (name: string, value: unknown) => void}} component
 */
export function render(name, { parentElement: root, data, setTriggerValue }) {
  const entry = mounted.get(root) ?? {
    mount: new Mount(PARTS[name], root, hub, (event, value) => entry.tell(event, value)),
    tell: setTriggerValue,
  };
  entry.tell = setTriggerValue;
  mounted.set(root, entry);
  if (name === "frame") requestAnimationFrame(revealTab);
  if (data.address === undefined) entry.mount.update(data);
  else if (data.address !== entry.address) {
    entry.address = data.address;
    bytesAt(data.address).then((bytes) => {
      const isWanted = mounted.get(root) === entry && entry.address === data.address;
      if (isWanted) entry.mount.update(bytes);
    });
  }
  return () => {
    entry.mount.close();
    mounted.delete(root);
  };
}

/** The model that the page's address opens, asked for before Streamlit's first run names it. */
const opened = fetch(new URL(`opened${location.search}`, import.meta.url)).catch(() => null);

/** Resolves when all models that were asked for have arrived. @type {Promise<unknown>} */
let models = Promise.resolve();

/**
 * Downloads an address; test images wait until all models that were asked for have arrived.
 *
 * @param {string} address relative to the page's
 * @returns {Promise<Uint8Array>} empty if the download fails; for test images the hash alone, which
 *   means that there are none
 */
async function bytesAt(address) {
  const [, content] = /images\/(\w+)$/.exec(address) ?? [];
  if (content) await models;
  const arriving = download(address);
  if (!content) models = Promise.all([models, arriving]);
  return (await arriving) ?? new TextEncoder().encode(content);
}

/**
 * @param {string} address
 * @returns {Promise<Uint8Array | null>} null if it fails; the part then says so
 */
async function download(address) {
  try {
    const { href } = new URL(address, document.baseURI);
    const first = await opened;
    const response = first?.url === href && !first.bodyUsed ? first : await fetch(href);
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

new MutationObserver(nameFileFields).observe(document.body, { childList: true, subtree: true });

/** Corrects Streamlit's file fields, which have a name but a role that does not allow one. */
function nameFileFields() {
  for (const field of document.querySelectorAll("section[role=presentation][aria-label]")) {
    field.setAttribute("role", "group");
  }
}

/** Milliseconds after a click on a tab within which Streamlit may undo it. */
const UNDONE_WITHIN = 2000;

/**
 * The tab that the user clicked; null if the last click was elsewhere.
 *
 * @type {{tab: HTMLElement, isOpen: boolean, until: number} | null}
 */
let clicked = null;

document.addEventListener(
  "click",
  ({ target }) => {
    const tab = target instanceof Element && target.closest("[role=tab]");
    const until = performance.now() + UNDONE_WITHIN;
    clicked = tab instanceof HTMLElement ? { tab, isOpen: false, until } : null;
  },
  { capture: true },
);
window.addEventListener("popstate", () => (clicked = null));
new MutationObserver(repeatClick).observe(document.body, {
  attributeFilter: ["aria-selected"],
  subtree: true,
});

/** After a click Streamlit may draw the previous tab once more and open it; then clicks again. */
function repeatClick() {
  if (!clicked?.tab.isConnected || performance.now() > clicked.until) return;
  const { tab, isOpen } = clicked;
  if (tab.ariaSelected === "true") {
    clicked.isOpen = true;
  } else if (isOpen) {
    tab.click();
    clicked = null; // once is enough
  }
}

/** @param {string | number} view its name, or its place among the tabs */
function openView(view) {
  /** @type {NodeListOf<HTMLElement>} */
  const tabs = document.querySelectorAll(".st-key-tab > div > [role=tablist] [role=tab]");
  const tab = Array.from(tabs).find(({ textContent }, i) => i === view || textContent === view);
  if (tab?.getAttribute("aria-selected") !== "false") return;
  tab.focus({ preventScroll: true }); // what the focus leaves may have something to tell
  tab.click();
}

/** The tab of the view that was opened last. @type {Element | null} */
let revealed = null;

/** Scrolls the tab of a newly opened view into sight where not all tabs fit, as on phones. */
function revealTab() {
  const list = document.querySelector(".st-key-tab > div > [role=tablist]");
  const tab = list?.querySelector("[role=tab][aria-selected=true]");
  if (!list || !tab || tab === revealed) return;
  revealed = tab;
  const [outer, inner] = [list, tab].map((element) => element.getBoundingClientRect());
  list.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}

/** Presses a button of the page, if it is there. @param {string} place */
function press(place) {
  /** @type {HTMLElement | null} */ (document.querySelector(`${place} button`))?.click();
}
