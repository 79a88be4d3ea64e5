/** Finds a test image by its number or its class. */

/**
 * @param {string} text a number such as `#12`, or the name of a class or its beginning
 * @param {string[]} classes
 * @param {Uint16Array} labels the class of each image
 * @param {number} after of a class, the next image after this one is found
 * @returns {number} its row; −1 if there is none
 */
export function findRow(text, classes, labels, after) {
  const wanted = text.trim().toLowerCase();
  const label = findClass(wanted, classes);
  if (label >= 0) {
    const next = labels.indexOf(label, after + 1);
    return next < 0 ? labels.indexOf(label) : next;
  }
  const row = /^#?\d+$/.test(wanted) ? Number(wanted.replace("#", "")) : -1;
  return row < labels.length ? row : -1;
}

/**
 * The class of this name, or the only one whose name begins so; −1 if there is none.
 *
 * @param {string} wanted in small letters @param {string[]} classes
 */
function findClass(wanted, classes) {
  const names = classes.map((name) => name.toLowerCase());
  const exact = names.indexOf(wanted);
  const begins = names.filter((name) => name.startsWith(wanted));
  return exact < 0 && wanted && begins.length === 1 ? names.indexOf(begins[0]) : exact;
}
