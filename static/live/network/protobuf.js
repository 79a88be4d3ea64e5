/** Reads messages of Protocol Buffers, never beyond the bytes that it was given. */

import { demand, NetworkError } from "./errors.js";

const DAMAGED = "The model's file is damaged or incomplete.";
const MOST_PARTS = 2 ** 18;
const MOST_NUMBERS = 2 ** 24;

/** How a field is written. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A message: its fields by their numbers, each of them as often as it occurs. */
export class Message {
  /** @type {Map<number, number[]>} */
  #integers = new Map();
  /** @type {Map<number, Uint8Array[]>} */
  #parts = new Map();

  constructor(/** @type {Uint8Array} */ bytes) {
    const cursor = { bytes, at: 0 };
    for (let count = 0; cursor.at < bytes.length; count++) {
      const tag = varint(cursor);
      const [field, wire] = [Math.floor(tag / 8), tag & 7];
      if (wire === VARINT) {
        add(this.#integers, field, varint(cursor));
      } else {
        const length = wire === BYTES ? varint(cursor) : { [FIXED32]: 4, [FIXED64]: 8 }[wire];
        demand(length !== undefined && count < MOST_PARTS, DAMAGED);
        demand(length >= 0 && length <= bytes.length - cursor.at, DAMAGED);
        add(this.#parts, field, bytes.subarray(cursor.at, cursor.at + length));
        cursor.at += length;
      }
    }
  }

  has(/** @type {number} */ field) {
    return this.#integers.has(field) || this.#parts.has(field);
  }

  /** Strings of bytes. */
  all(/** @type {number} */ field) {
    return this.#parts.get(field) ?? [];
  }

  bytes(/** @type {number} */ field) {
    return this.all(field).at(-1);
  }

  messages(/** @type {number} */ field) {
    return this.all(field).map((bytes) => new Message(bytes));
  }

  /** The message in a field; one without fields if there is none. */
  message(/** @type {number} */ field) {
    return new Message(this.bytes(field) ?? new Uint8Array(0));
  }

  texts(/** @type {number} */ field) {
    return this.all(field).map((bytes) => new TextDecoder().decode(bytes));
  }

  text(/** @type {number} */ field) {
    return this.texts(field).at(-1) ?? "";
  }

  integer(/** @type {number} */ field) {
    return this.#integers.get(field)?.at(-1) ?? 0;
  }

  /** Integers of 64 bits, exact up to 2⁵³, packed or not. */
  integers(/** @type {number} */ field) {
    const list = [...(this.#integers.get(field) ?? [])];
    for (const bytes of this.all(field)) {
      const cursor = { bytes, at: 0 };
      while (cursor.at < bytes.length) {
        demand(list.length < MOST_NUMBERS, "The model's file has a list that is too long.");
        list.push(varint(cursor));
      }
    }
    return list;
  }

  /**
   * Floats of single (`size` 4) or double (8) precision, packed or not.
   *
   * @param {number} field
   * @param {4 | 8} [size]
   */
  floats(field, size = 4) {
    return this.all(field).flatMap((bytes) => {
      demand(bytes.length % size === 0, DAMAGED);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      return Array.from({ length: bytes.length / size }, (_, i) =>
        size === 4 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true),
      );
    });
  }
}

/**
 * @template Value
 * @param {Map<number, Value[]>} to
 * @param {number} field
 * @param {Value} value
 */
function add(to, field, value) {
  const list = to.get(field);
  if (list) list.push(value);
  else to.set(field, [value]);
}

/** A signed integer of 64 bits, read 7 bits at a time into two halves. */
function varint(/** @type {{bytes: Uint8Array, at: number}} */ cursor) {
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    demand(cursor.at < cursor.bytes.length, DAMAGED);
    const byte = cursor.bytes[cursor.at++];
    const bits = byte & 127;
    if (shift < 32) low |= bits << shift;
    if (shift > 24) high |= shift < 32 ? bits >>> (32 - shift) : bits << (shift - 32);
    if (byte < 128) return high * 2 ** 32 + (low >>> 0);
  }
  throw new NetworkError(DAMAGED);
}
