/** Lists as in the app's addresses: `name~test-3;other~0.5 1`. */

/** @param {(string | number)[][]} entries each of several fields */
export function writeList(entries) {
  const escape = (/** @type {string | number} */ text) =>
    String(text).replace(/[%~;]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return entries.map((fields) => fields.map(escape).join("~")).join(";");
}

/** The fields of the entries that `writeList` joined. @param {string | null} text */
export function readList(text) {
  return (text ?? "").split(";").map((entry) => entry.split("~").map(decode));
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // written by hand
  }
}
