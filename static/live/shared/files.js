/** Files that the page makes itself, NumPy archives and tables, and their download. */

import { crc32 } from "./model.js";

/**
 * Downloads a file to the user.
 *
 * @param {string} name @param {BlobPart} content @param {string} type
 */
export function download(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Downloads a picture as a PNG. @param {string} name @param {HTMLCanvasElement} canvas */
export function downloadPicture(name, canvas) {
  canvas.toBlob((blob) => blob && download(name, blob, "image/png"));
}

/** A row of a table. @param {(string | number)[]} values */
export function csvRow(values) {
  const cells = values.map((value) =>
    /[",\n\r]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : value,
  );
  return `${cells.join()}\n`;
}

/** @typedef {{data: Float32Array | Int32Array | Uint16Array | Uint8Array, shape: number[]}} NdArray */

/**
 * Writes arrays as an `.npz` file: a zip archive of `.npy` files without compression.
 *
 * @param {Record<string, NdArray>} arrays by name
 */
export function npz(arrays) {
  const body = [];
  const directory = [];
  let at = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const file = npy(array);
    const path = new TextEncoder().encode(`${name}.npy`);
    // version 2.0, names in UTF-8, stored, 1 January 1980
    const facts = [20, 0x0800, 0, 0, 33];
    const sizes = [crc32(file), file.length, file.length];
    const local = numbers([
      [4, 0x04034b50],
      ...facts.map(two),
      ...sizes.map(four),
      [2, path.length],
      [2, 0],
    ]);
    directory.push(
      numbers([[4, 0x02014b50], [2, 20], ...facts.map(two), ...sizes.map(four), [2, path.length],
        [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, at]]),
      path,
    ); // prettier-ignore
    body.push(local, path, file);
    at += local.length + path.length + file.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = directory.length / 2;
  const end = numbers([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, at], [2, 0]]); // prettier-ignore
  return new Blob([...body, ...directory, end]);
}

/** @param {NdArray} array */
function npy({ data, shape }) {
  const kind = { Float32Array: "<f4", Int32Array: "<i4", Uint16Array: "<u2", Uint8Array: "|u1" }[
    data.constructor.name
  ];
  const tuple = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const header = `{'descr': '${kind}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const text = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const file = new Uint8Array(10 + text.length + bytes.length);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8]); // \x93NUMPY 1.0
  file.set(new TextEncoder().encode(text), 10);
  file.set(bytes, 10 + text.length);
  return file;
}

/** @param {number} value @returns {[number, number]} */
const two = (value) => [2, value];
/** @param {number} value @returns {[number, number]} */
const four = (value) => [4, value];

/** Writes fields of [number of bytes, value], little-endian. @param {[number, number][]} fields */
function numbers(fields) {
  return Uint8Array.from(
    fields.flatMap(([bytes, value]) =>
      Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 255),
    ),
  );
}
