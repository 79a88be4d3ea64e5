/** The setting `classes`: the names of the classes whose dots are hidden, or visible. */

import { readList, writeList } from "../../shared/lists.js";

/**
 * The classes that the setting `classes` hides; none if it names no class of this data set.
 *
 * @param {string} text @param {string[]} classes @returns {Set<number>}
 */
export function hiddenClasses(text, classes) {
  if (!text) return new Set();
  const names = new Set(readList(text.replace(/^!/, "")).map(([name]) => name));
  const named = classes.map((_, label) => label).filter((label) => names.has(classes[label]));
  if (!named.length || text.startsWith("!")) return new Set(named);
  return new Set(classes.map((_, label) => label).filter((label) => !names.has(classes[label])));
}

/**
 * The setting `classes` that hides these classes, in the shorter of the two forms.
 *
 * @param {Set<number>} hidden @param {string[]} classes
 */
export function spellHidden(hidden, classes) {
  if (!hidden.size) return "";
  const areMost = hidden.size > classes.length / 2 && hidden.size < classes.length;
  const named = classes.filter((_, label) => hidden.has(label) !== areMost);
  const list = writeList(named.map((name) => [name])).replace(/^!/, "%21");
  return (areMost ? "" : "!") + list;
}
