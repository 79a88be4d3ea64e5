/** Reads Protocol Buffers messages, never beyond the bytes that are given. */

import { demand, NetworkError } from "./errors.js";

const DAMAGED = "The model's file is damaged or incomplete.";
/** Largest numbers of fields of bytes in a message, and of integers in a list. */
const [MOST_PARTS, MOST_LISTED] = [2 ** 18, 2 ** 24];

/** Wire types of a field: an integer, bytes after their length, or a fixed number of bytes. */
const VARINT = 0;
const BYTES = 2;
/** @type {Record<number, number | undefined>} */
const FIXED = { 1: 8, 5: 4 };

/** A message: its fields by number, each with all of its occurrences. */
export class Message {
  /** @type {Map<number, (number | Uint8Array)[]>} */
  #fields = new Map();

  constructor(/** @type {Uint8Array} */ bytes) {
    const cursor = { bytes, at: 0 };
    for (let count = 0; cursor.at < bytes.length; count++) {
      const tag = varint(cursor);
      const value = tag % 8 === VARINT ? varint(cursor) : part(cursor, tag & 7);
      demand(typeof value === "number" || count < MOST_PARTS, DAMAGED);
      const field = Math.floor(tag / 8);
      const list = this.#fields.get(field);
      if (list) list.push(value);
      else this.#fields.set(field, [value]);
    }
  }

  has(/** @type {number} */ field) {
    return this.#fields.has(field);
  }

  /** All occurrences of a field that are bytes. */
  all(/** @type {number} */ field) {
    return (this.#fields.get(field) ?? []).filter((value) => typeof value !== "number");
  }

  bytes(/** @type {number} */ field) {
    return this.all(field).at(-1);
  }

  messages(/** @type {number} */ field) {
    return this.all(field).map((bytes) => new Message(bytes));
  }

  /** The message in a field; an empty one if there is none. */
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
    const last = this.#fields.get(field)?.findLast((value) => typeof value === "number");
    return Number(last ?? 0);
  }

  /** 64-bit integers, exact up to 2⁵³, packed or not. */
  integers(/** @type {number} */ field) {
    /** @type {number[]} */
    const list = [];
    for (const value of this.#fields.get(field) ?? []) {
      if (typeof value === "number") list.push(value);
      else {
        const cursor = { bytes: value, at: 0 };
        while (cursor.at < value.length) {
          demand(list.length < MOST_LISTED, "The model's file has a list that is too long.");
          list.push(varint(cursor));
        }
      }
    }
    return list;
  }

  /** Floats of single (`size` 4) or double (8) precision, packed or not. */
  floats(/** @type {number} */ field, size = 4) {
    return this.all(field).flatMap((bytes) => {
      demand(bytes.length % size === 0, DAMAGED);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      return Array.from({ length: bytes.length / size }, (_, i) =>
        size === 4 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true),
      );
    });
  }
}

/** @typedef {{bytes: Uint8Array, at: number}} Cursor */

/** The bytes of a field that is not a varint. */
function part(/** @type {Cursor} */ cursor, /** @type {number} */ wire) {
  const length = wire === BYTES ? varint(cursor) : FIXED[wire];
  demand(length !== undefined, DAMAGED);
  demand(length >= 0 && length <= cursor.bytes.length - cursor.at, DAMAGED);
  cursor.at += length;
  return cursor.bytes.subarray(cursor.at - length, cursor.at);
}

/** A signed 64-bit integer, read 7 bits at a time into two halves. */
function varint(/** @type {Cursor} */ cursor) {
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
