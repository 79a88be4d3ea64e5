/**
 * A picture of tiles that can be chosen by pointer or by arrow keys and Enter.
 *
 * The function runs again whenever the data change; what it set up the first
 * time is kept on the root element.
 *
 * @typedef {{image: string, columns: number, rows: number, aspect: number, labels: string[],
 *   title: string, selected: number | null, dimmed: number[], tileSize: number | null}} Tiles
 */

const SVG = "http://www.w3.org/2000/svg";

/** @param {{parentElement: any, data: Tiles, setTriggerValue: (name: string, value: any) => void}} component */
export default function render({ parentElement: root, data, setTriggerValue }) {
  const picker = (root.picker ??= build(root));
  Object.assign(picker, { data, choose: (tile) => setTriggerValue("picked", tile) });
  draw(picker);
}

function build(root) {
  const box = document.createElement("div");
  box.className = "picker";
  box.tabIndex = 0;
  box.setAttribute("role", "listbox");
  const image = document.createElement("img");
  image.alt = "";
  image.draggable = false;
  const marks = document.createElementNS(SVG, "svg");
  marks.setAttribute("preserveAspectRatio", "none");
  const caption = document.createElement("div");
  caption.className = "caption";
  caption.setAttribute("aria-live", "polite");
  box.append(image, marks);
  root.append(box, caption);

  const picker = { box, image, marks, caption, hovered: null, data: null, choose: null };
  box.addEventListener("pointermove", (event) => hover(picker, tileAt(picker, event)));
  box.addEventListener("pointerleave", () => hover(picker, null));
  box.addEventListener("blur", () => hover(picker, null));
  box.addEventListener("click", (event) => {
    const tile = tileAt(picker, event);
    if (tile !== null) picker.choose(tile);
  });
  box.addEventListener("keydown", (event) => onKey(picker, event));
  return picker;
}

function draw(picker) {
  const { data, box, image, marks } = picker;
  if (image.src !== data.image) image.src = data.image;
  box.style.aspectRatio = String((data.columns * data.aspect) / data.rows);
  box.style.maxWidth = data.tileSize ? `${data.columns * data.tileSize}px` : "";
  box.setAttribute("aria-label", data.title);
  marks.setAttribute("viewBox", `0 0 ${data.columns} ${data.rows}`);
  marks.replaceChildren(...data.dimmed.map((tile) => rectangle(data, tile, "dim")));
  if (data.selected !== null) marks.append(rectangle(data, data.selected, "selected"));
  hover(picker, picker.hovered);
}

function hover(picker, tile) {
  const { data, marks, caption } = picker;
  picker.hovered = tile;
  marks.querySelector(".hovered")?.remove();
  if (tile !== null && tile < data.labels.length) marks.append(rectangle(data, tile, "hovered"));
  const shown = tile ?? data.selected;
  caption.textContent = shown === null ? "" : (data.labels[shown] ?? "");
}

function onKey(picker, event) {
  const { columns, labels } = picker.data;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const current = picker.hovered ?? picker.data.selected ?? 0;
  if (event.key in steps) {
    const next = current + steps[event.key];
    hover(picker, next >= 0 && next < labels.length ? next : current);
  } else if (event.key === "Enter" || event.key === " ") {
    picker.choose(current);
  } else {
    return;
  }
  event.preventDefault();
}

function tileAt(picker, event) {
  const { columns, rows, labels } = picker.data;
  const bounds = picker.box.getBoundingClientRect();
  const column = Math.floor(((event.clientX - bounds.left) / bounds.width) * columns);
  const row = Math.floor(((event.clientY - bounds.top) / bounds.height) * rows);
  const tile = row * columns + column;
  return column >= 0 && column < columns && tile >= 0 && tile < labels.length ? tile : null;
}

function rectangle({ columns }, tile, name) {
  const mark = document.createElementNS(SVG, "rect");
  const place = { x: tile % columns, y: Math.floor(tile / columns), width: 1, height: 1 };
  for (const [attribute, value] of Object.entries(place)) mark.setAttribute(attribute, String(value));
  mark.setAttribute("class", name);
  return mark;
}
