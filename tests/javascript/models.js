/** Models for tests, small enough to compute by hand, in the form that the server sends. */

import assert from "node:assert/strict";
import { crc32 } from "../../static/live/shared/model.js";

/** Writes a protobuf varint. @param {number} value @returns {number[]} */
function varint(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

/** A field with a number. @param {number} key @param {number} value */
const number = (key, value) => [...varint(8 * key), ...varint(value)];

/** A field with text, or with fields of its own. @param {number} key @param {string | number[]} value */
function field(key, value) {
  const bytes = typeof value === "string" ? [...new TextEncoder().encode(value)] : value;
  return [...varint(8 * key + 2), ...varint(bytes.length), ...bytes];
}

/** @param {string} name @param {number} size */
function port(name, size) {
  const shape = [...field(1, field(2, "n")), ...field(1, number(1, size))];
  return [...field(1, name), ...field(2, field(1, [...number(1, 1), ...field(2, shape)]))];
}

/**
 * An ONNX file of one operator with a matrix as its second input: y = x · matrix.
 *
 * @param {number[][]} matrix
 */
export function product(matrix, operator = "MatMul") {
  const [rows, columns] = [matrix.length, matrix[0].length];
  const values = [...new Uint8Array(Float32Array.from(matrix.flat()).buffer)];
  const weight = [
    ...number(1, rows), ...number(1, columns), ...number(2, 1), ...field(8, "w"), ...field(9, values),
  ]; // prettier-ignore
  const node = [...field(1, "x"), ...field(1, "w"), ...field(2, "y"), ...field(4, operator)];
  const graph = [
    ...field(1, node), ...field(2, "graph"), ...field(5, weight),
    ...field(11, port("x", rows)), ...field(12, port("y", columns)),
  ]; // prettier-ignore
  const opset = [...field(1, ""), ...number(2, 15)];
  return Uint8Array.from([...number(1, 8), ...field(7, graph), ...field(8, opset)]);
}

/** Two latent dimensions, images of 1 × 2 grey pixels; decodes to sigmoid(z), encodes to 2 x. */
export const PLAIN = {
  content: "plain",
  testSet: "two",
  latentDim: 2,
  imageShape: [1, 2, 1],
  classes: ["left", "right"],
  likelihood: "bernoulli",
  hasDecoder: true,
  hasReconstructions: false,
  trust: {
    hole: 1,
    words: { good: "like the test images", doubtful: "unlike them", empty: "no data here" },
    shares: ["lie in a thinner place", "come back closer", "have a closer neighbour"],
    limits: [
      { low: -3, high: -1.9, floor: -4, ceiling: null, below: "thin", above: "dense" },
      { low: 0.5, high: 2, floor: null, ceiling: null, below: "exact", above: "elsewhere" },
      { low: null, high: 1.5, floor: null, ceiling: 3, below: "", above: "far" },
    ],
  },
  columns: [],
  maps: { dimensions: "Two dimensions" },
  principal: null,
  mainDimensions: [0, 1],
  emptyDistance: null,
  placing: { neighbours: 5, reach: 10 },
  coordinates: { limit: 99, rounded: 0.0006 },
  path: { thin: 10, judged: 61 },
  refining: { steps: 6, dampings: [0, 1, 10], enough: 0.01, draws: [16, 40] },
  spriteColumns: 100,
  halves: ["trainMean"],
};

/**
 * Sections of that model: test images at (−1, 0) and (1, 0); training images there as well, each
 * a Gaussian of variance 1.
 */
export const SECTIONS = {
  zMean: Float32Array.of(-1, 0, 1, 0),
  trainMean: Uint16Array.of(0xbc00, 0, 0x3c00, 0), // in half precision
  trainLogVar: Float32Array.of(0, 0, 0, 0),
  // Of density, return and nearest, at 0, 25, 50, 75 and 100 % of the test images
  quantiles: Float32Array.of(-4, -3, -2.5, -2, -1, 0, 0.5, 1, 1.5, 2, 0, 0.5, 1, 1.5, 2),
  labels: Uint16Array.of(0, 1),
  decoder: product([[1, 0], [0, 1]]), // prettier-ignore
  encoder: product([[2, 0], [0, 2]]), // prettier-ignore
};

/**
 * A payload as from the server: length of the header, checksum, header, sections.
 *
 * @param {object} [header] changed fields
 * @param {Record<string, ArrayBufferView>} [changed] sections
 */
export function payload(header = {}, changed = {}) {
  const contents = Object.entries({ ...SECTIONS, ...changed });
  let at = 0;
  const sections = Object.fromEntries(
    contents.map(([name, { byteLength: bytes }]) => [name, { at: (at += bytes) - bytes, bytes }]),
  );
  const body = Buffer.concat(
    contents.map(([, { buffer, byteOffset, byteLength }]) =>
      Buffer.from(/** @type {ArrayBuffer} */ (buffer), byteOffset, byteLength),
    ),
  );
  const text = Buffer.from(JSON.stringify({ ...PLAIN, sections, ...header }));
  const start = Buffer.alloc(8);
  start.writeUInt32LE(text.length);
  start.writeUInt32LE(crc32(Buffer.concat([text, body])), 4);
  return new Uint8Array(Buffer.concat([start, text, body]));
}

/**
 * Asserts that numbers are equal up to rounding.
 *
 * @param {ArrayLike<number>} found @param {number[]} expected
 */
export function near(found, expected) {
  assert.equal(found.length, expected.length);
  expected.forEach((value, i) => assert.ok(Math.abs(found[i] - value) < 1e-5, `${Array.from(found)} are not ${expected}`)); // prettier-ignore
}
