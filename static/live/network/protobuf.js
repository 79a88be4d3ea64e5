/** Reads the wire format of Protocol Buffers, never beyond the bytes that it was given. */

import { demand } from "./errors.js";

const DAMAGED = "The model's file is damaged or incomplete.";

/** How a field is written. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

/**
 * One field of a message: `value` holds a varint, `bytes` all the others.
 *
 * @typedef {{number: number, wire: number, value: number, bytes: Uint8Array}} Field
 */

const NO_BYTES = new Uint8Array(0);

/**
 * The fields of a message in their order.
 *
 * @param {Uint8Array} bytes
 * @returns {Generator<Field>}
 */
export function* fields(bytes) {
  const cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) {
    const tag = varint(cursor);
    /** @type {Field} */
    const field = { number: Math.floor(tag / 8), wire: tag & 7, value: 0, bytes: NO_BYTES };
    if (field.wire === VARINT) field.value = varint(cursor);
    else if (field.wire === BYTES) field.bytes = take(cursor, varint(cursor));
    else if (field.wire === FIXED64) field.bytes = take(cursor, 8);
    else if (field.wire === FIXED32) field.bytes = take(cursor, 4);
    else demand(false, DAMAGED);
    yield field;
  }
}

/** A message or a string of bytes in a field. */
export function bytesOf(/** @type {Field} */ field) {
  demand(field.wire === BYTES, DAMAGED);
  return field.bytes;
}

export function textOf(/** @type {Field} */ field) {
  return new TextDecoder().decode(bytesOf(field));
}

export function integerOf(/** @type {Field} */ field) {
  demand(field.wire === VARINT, DAMAGED);
  return field.value;
}

/**
 * Appends the integers of a repeated field, which may be packed.
 *
 * @param {number[]} to
 * @param {Field} field
 */
export function addIntegers(to, field) {
  if (field.wire === VARINT) {
    to.push(field.value);
  } else {
    const cursor = { bytes: bytesOf(field), at: 0 };
    while (cursor.at < cursor.bytes.length) to.push(varint(cursor));
  }
}

/**
 * Appends the floats (`FIXED32`) or doubles (`FIXED64`) of a repeated field, which may be packed.
 *
 * @param {number[]} to
 * @param {Field} field
 * @param {number} wire
 */
export function addFloats(to, { wire: written, bytes }, wire) {
  const size = wire === FIXED32 ? 4 : 8;
  demand((written === wire || written === BYTES) && bytes.length % size === 0, DAMAGED);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += size) {
    to.push(size === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
  }
}

/**
 * A signed integer of 64 bits, exact up to 2⁵³.
 *
 * @param {{bytes: Uint8Array, at: number}} cursor
 */
function varint(cursor) {
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    demand(cursor.at < cursor.bytes.length, DAMAGED);
    const byte = cursor.bytes[cursor.at++];
    if (shift < 28) {
      low |= (byte & 127) << shift;
    } else if (shift === 28) {
      low |= (byte & 15) << 28;
      high = (byte & 127) >>> 4;
    } else {
      high |= (byte & 127) << (shift - 32);
    }
    if (byte < 128) return high * 2 ** 32 + (low >>> 0);
  }
  return (demand(false, DAMAGED), 0);
}

/**
 * @param {{bytes: Uint8Array, at: number}} cursor
 * @param {number} length
 */
function take(cursor, length) {
  demand(length >= 0 && length <= cursor.bytes.length - cursor.at, DAMAGED);
  cursor.at += length;
  return cursor.bytes.subarray(cursor.at - length, cursor.at);
}
