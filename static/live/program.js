/** Reads what `explorer/live.py` wrote, and makes sure that it arrived whole. */

const FORMAT = 1;

/**
 * @param {string} program JSON text
 * @throws {Error} with a sentence for the page
 */
export function readProgram(program) {
  let parsed;
  try {
    parsed = JSON.parse(program);
  } catch {
    throw new Error("The model's program arrived incomplete. Reload the page.");
  }
  if (parsed?.format !== FORMAT) {
    throw new Error(`This page reads programs of format ${FORMAT}, not ${parsed?.format}.`);
  }
  return parsed;
}

/**
 * @param {Uint8Array | ArrayBuffer} halfBytes
 * @param {{bytes: number, crc32: number}} expected
 * @returns {Float32Array}
 * @throws {Error} with a sentence for the page
 */
export function readWeights(halfBytes, expected) {
  const bytes = new Uint8Array(halfBytes); // copies a part of a buffer, which aligns it
  if (bytes.length !== expected.bytes) {
    throw new Error(
      `The model's weights arrived incomplete: ${bytes.length} bytes instead of ` +
        `${expected.bytes}. Reload the page.`,
    );
  }
  if (crc32(bytes) !== expected.crc32) {
    throw new Error("The model's weights arrived damaged (wrong checksum). Reload the page.");
  }
  return halvesToFloats(new Uint16Array(bytes.buffer)); // little-endian, as all that runs browsers
}

/**
 * Half precision to single precision, exactly.
 *
 * The bits of a half, put where a float has them, are a float that is 2¹¹² times too small;
 * that holds for subnormal numbers too.
 *
 * @param {Uint16Array} halves
 */
function halvesToFloats(halves) {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    bits[i] = ((halves[i] & 0x8000) << 16) | ((halves[i] & 0x7fff) << 13);
    floats[i] *= 2 ** 112;
  }
  return floats;
}

/** CRC-32 as in zip and PNG; `crypto.subtle` is there on secure origins only. */
function crc32(/** @type {Uint8Array} */ bytes) {
  const table = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}
