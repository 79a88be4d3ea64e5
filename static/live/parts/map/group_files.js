/** A group of test images as a table or as arrays: numbers, classes, latents and known quantities. */

import { csvRow, npz } from "../../shared/files.js";

/** @typedef {import("../../shared/model.js").Model} Model */

/** @param {Model} model @param {Uint32Array} rows of the group */
export function csvOf(model, rows) {
  const { header, labels } = model;
  const columns = columnsOf(model);
  const dimensions = Array.from({ length: header.latentDim }, (_, i) => `z_mean_${i + 1}`);
  const names = columns.map(({ name }) => name);
  const table = [csvRow(["test_image", "label", "class", ...dimensions, ...names])];
  for (const row of rows) {
    const values = [...model.meanOf(row), ...columns.map(({ of }) => of[row])];
    const texts = values.map((value) => value.toPrecision(6));
    table.push(csvRow([row, labels[row], model.classOf(row), ...texts]));
  }
  return table.join("");
}

/** @param {Model} model @param {Uint32Array} rows of the group */
export function npzOf(model, rows) {
  const { header, labels } = model;
  const shape = [rows.length];
  const further = columnsOf(model).map(({ name, of }) => {
    return [name, { data: Float32Array.from(rows, (row) => of[row]), shape }];
  });
  return npz({
    test_image: { data: Int32Array.from(rows), shape },
    label: { data: Uint16Array.from(rows, (row) => labels[row]), shape },
    z_mean: { data: model.meansOf(rows), shape: [rows.length, header.latentDim] },
    ...Object.fromEntries(further),
  });
}

/** Names in a file, and values, of the quantities that are known of all images. @param {Model} model */
function columnsOf(model) {
  const { columns } = model.header;
  const names = headingsOf(columns);
  return columns.map(({ name }, i) => ({ name: names[i], of: model.floats(name) }));
}

/**
 * The names of columns in a file: the page's own columns as in Python and with their unit, a data
 * set's columns as they are there; each name is unique.
 *
 * @param {{name: string, title: string, unit: string}[]} columns
 */
export function headingsOf(columns) {
  const taken = new Set(["test_image", "label", "class", "z_mean"]);
  return columns.map(({ name, title, unit }) => {
    const spelled = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    let heading = name.startsWith("column:") ? title : spelled + (unit ? `_${unit}` : "");
    if (taken.has(heading)) heading = `column ${heading}`;
    taken.add(heading);
    return heading;
  });
}
