/** Lays out all buffers of a network in one memory; space that is no longer needed is reused. */

import { demand, NetworkError } from "./errors.js";
import { MOST_NUMBERS } from "./tensor.js";

/** @import {Storage} from "./tensor.js" */

/**
 * @typedef {WebAssembly.Memory | {buffer: ArrayBuffer}} Memory
 *
 * @typedef {object} Use when a buffer holds numbers that are still needed
 * @property {Storage} storage
 * @property {number} first the step that writes it
 * @property {number} last the last step that reads it
 * @property {number} start where it lies, in numbers
 */

const TOO_LARGE = "The model needs more memory than this page can give.";
const ALIGNMENT = 4; // numbers: 16 bytes, a register
const PAGE = 2 ** 16;

/** Numbers at the start of the memory that the kernels use themselves. */
const RESERVED = 64;

/** @param {Use[]} uses constants first, then in the order of their first steps */
export function layOut(uses) {
  /** @type {Use[]} buffers still in use, sorted by start */
  let open = [];
  let base = RESERVED; // the constants, which stay, lie below
  let end = base;
  for (const use of uses) {
    open = open.filter(({ last }) => last >= use.first);
    use.start = base;
    let index = 0;
    for (; index < open.length && open[index].start < use.start + use.storage.length; index++) {
      use.start = after(open[index]);
    }
    end = Math.max(end, after(use));
    if (use.storage.constant) base = end;
    else open.splice(index, 0, use);
  }
  demand(end <= 2 * MOST_NUMBERS, TOO_LARGE);

  const memory = newMemory(Math.ceil((4 * end) / PAGE));
  for (const { storage, start } of uses) {
    const { data, length } = storage;
    const Data = data instanceof Int32Array ? Int32Array : Float32Array;
    storage.data = new Data(memory.buffer, 4 * start, length);
    if (storage.constant) storage.data.set(data);
  }
  return memory;
}

/** The first aligned place after a buffer. */
function after(/** @type {Use} */ { storage, start }) {
  return ALIGNMENT * Math.ceil((start + storage.length) / ALIGNMENT);
}

/** @returns {Memory} */
function newMemory(/** @type {number} */ pages) {
  try {
    if (typeof WebAssembly === "object") return new WebAssembly.Memory({ initial: pages });
    return { buffer: new ArrayBuffer(pages * PAGE) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new NetworkError(TOO_LARGE); // the device does not have that much
  }
}
