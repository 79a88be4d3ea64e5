/** Helpers that the tests of the network share. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Message } from "../../../static/live/network/protobuf.js";

/**
 * @typedef {object} Case a model, inputs, and onnxruntime's outputs for them, in Base64
 * @property {string} name
 * @property {string} model
 * @property {string[]} inputs
 * @property {{shape: number[], data: string}[]} outputs
 */

/** A file beside the tests. */
export function fixture(/** @type {string} */ name) {
  return readFileSync(new URL(name, import.meta.url));
}

/** @returns {Case[]} */
export function casesOf(/** @type {string} */ file) {
  return JSON.parse(fixture(file).toString());
}

export function bytesOf(/** @type {string} */ base64) {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

export function floatsOf(/** @type {string} */ base64) {
  return new Float32Array(bytesOf(base64).buffer);
}

/**
 * Asserts that every number is within 1e-5 of the expected one, relative to it and to a tenth of
 * the largest.
 *
 * @param {Float32Array} actual
 * @param {Float32Array} expected
 */
export function assertClose(actual, expected) {
  assert.equal(actual.length, expected.length);
  const size = expected.reduce(
    (most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most),
    0,
  );
  expected.forEach((x, i) => {
    const isClose =
      Object.is(actual[i], x) || Math.abs(actual[i] - x) <= 1e-5 * Math.max(Math.abs(x), size / 10);
    assert.ok(isClose || actual[i] === x, `number ${i} is ${actual[i]} instead of ${x}`);
  });
}

// ---- A writer of ONNX files, for files that no exporter would write ----

/** A field of a Protocol Buffer: a number, a text, or a message given by its fields. */
export function field(
  /** @type {number} */ number,
  /** @type {number | string | Uint8Array | Uint8Array[]} */ value,
) {
  if (typeof value === "number") return concat([varint(number * 8), varint(value)]);
  const bytes =
    typeof value === "string"
      ? new TextEncoder().encode(value)
      : Array.isArray(value)
        ? concat(value)
        : value;
  return concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function concat(/** @type {Uint8Array[]} */ parts) {
  return new Uint8Array(Buffer.concat(parts));
}

function varint(/** @type {number} */ value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/**
 * A model: the input x of shape `(1, 2)`, the fields in `graph`, and the output y.
 *
 * @param {Uint8Array[]} graph fields of a GraphProto
 * @param {{opset?: number, shape?: number[], fields?: Uint8Array[]}} [options]
 */
export function modelOf(graph, { opset = 17, shape = [1, 2], fields = [] } = {}) {
  const dimensions = shape.map((length) => field(1, [field(1, length)]));
  const type = field(2, [field(1, [field(1, 1), field(2, dimensions)])]);
  return concat([
    field(7, [...graph, field(11, [field(1, "x"), type]), field(12, [field(1, "y")])]),
    field(8, [field(2, opset)]),
    ...fields,
  ]);
}

/**
 * A node.
 *
 * @param {string} operator
 * @param {string[]} inputs
 * @param {string[]} outputs
 * @param {Uint8Array[]} [attributes]
 */
export function node(operator, inputs, outputs, attributes = []) {
  return field(1, [
    ...inputs.map((name) => field(1, name)),
    ...outputs.map((name) => field(2, name)),
    field(3, "n"),
    field(4, operator),
    ...attributes.map((attribute) => field(5, attribute)),
  ]);
}

/**
 * A constant of 64-bit integers.
 *
 * @param {string} name
 * @param {number[]} values
 * @param {number[]} [shape]
 */
export function constant(name, values, shape = [values.length]) {
  return field(5, [
    ...shape.map((length) => field(1, length)),
    field(2, 7),
    ...values.map((value) => field(7, value)),
    field(8, name),
  ]);
}

/**
 * A model with its inputs as constants, which the runtime folds while it builds the network.
 *
 * @param {Uint8Array} model
 * @param {{name: string, shape: number[]}[]} inputs
 * @param {Uint8Array[]} values their floats
 */
export function folded(model, inputs, values) {
  const file = new Message(model);
  const constants = inputs.map(({ name, shape }, i) =>
    field(5, [
      ...shape.map((length) => field(1, length)),
      field(2, 1),
      field(8, name),
      field(9, values[i]),
    ]),
  );
  return concat([
    field(7, [file.bytes(7) ?? new Uint8Array(0), ...constants]),
    field(8, file.bytes(8) ?? new Uint8Array(0)),
  ]);
}
