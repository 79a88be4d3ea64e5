/** Reads an .onnx file: its nodes, its constants, and what goes in and comes out. */

import { demand, NetworkError } from "./errors.js";
import * as wire from "./protobuf.js";
import { constant, MOST_NUMBERS, numbers, sizeOf } from "./tensor.js";

/**
 * @typedef {import("./tensor.js").Tensor} Tensor
 * @typedef {import("./tensor.js").Kind} Kind
 * @typedef {import("./protobuf.js").Field} Field
 *
 * @typedef {number | number[] | string | Tensor} Attribute
 *
 * @typedef {object} NodeText what the file says about one node
 * @property {string} operator
 * @property {string} label how a sentence names the node
 * @property {string[]} inputs "" for one that is left out
 * @property {string[]} outputs
 * @property {Map<string, Attribute>} attributes
 *
 * @typedef {{name: string, kind: Kind, shape: number[]}} Value
 *
 * @typedef {object} Model
 * @property {number} opset version of the operators
 * @property {NodeText[]} nodes
 * @property {Map<string, Tensor>} constants
 * @property {Value[]} inputs
 * @property {string[]} outputs
 */

const OPSETS = { first: 13, last: 21 };
const MOST_NODES = 20000;
const MOST_AXES = 8;

/** Numbers of ONNX for the types of an element. */
export const HALF = 10;
const STRING = 8;

/** @type {Record<number, {kind: Kind, size: number, read: (bytes: Uint8Array) => ArrayLike<number>}>} */
const TYPES = {
  1: { kind: "float", size: 4, read: (bytes) => new Float32Array(aligned(bytes)) },
  2: { kind: "integer", size: 1, read: (bytes) => bytes },
  3: { kind: "integer", size: 1, read: (bytes) => new Int8Array(aligned(bytes)) },
  6: { kind: "integer", size: 4, read: (bytes) => new Int32Array(aligned(bytes)) },
  7: { kind: "integer", size: 8, read: wideIntegers },
  9: { kind: "boolean", size: 1, read: (bytes) => bytes },
  [HALF]: { kind: "float", size: 2, read: (bytes) => halves(new Uint16Array(aligned(bytes))) },
  11: { kind: "float", size: 8, read: (bytes) => new Float64Array(aligned(bytes)) },
};

/**
 * The kind of number that a type of ONNX stands for.
 *
 * @param {number} type
 * @param {string} where for the sentence of an error
 */
export function kindOf(type, where) {
  const found = TYPES[type];
  const name = type === STRING ? "text" : `elements of ONNX's type ${type}`;
  demand(found, `${where} holds ${name}, which this page cannot read.`);
  return found.kind;
}

/**
 * @param {Uint8Array} bytes
 * @returns {Model}
 */
export function readModel(bytes) {
  /** @type {Field | null} */
  let graph = null;
  let opset = 0;
  for (const field of wire.fields(bytes)) {
    if (field.number === 7) graph = field;
    else if (field.number === 8) opset = readOpset(wire.bytesOf(field)) ?? opset;
    else if (field.number === 25) refuse("functions of its own");
  }
  demand(graph, "The file holds no ONNX model, or is incomplete.");
  demand(opset > 0, "The model's file does not say which version of ONNX's operators it uses.");
  demand(
    opset >= OPSETS.first && opset <= OPSETS.last,
    `This page reads versions ${OPSETS.first} to ${OPSETS.last} of ONNX's operators (opset); ` +
      `the model uses ${opset}.`,
  );
  return { opset, ...readGraph(wire.bytesOf(graph)) };
}

/** The version of ONNX's own operators; undefined for a set of somebody else. */
function readOpset(/** @type {Uint8Array} */ bytes) {
  let domain = "";
  let version = 0;
  for (const field of wire.fields(bytes)) {
    if (field.number === 1) domain = wire.textOf(field);
    if (field.number === 2) version = wire.integerOf(field);
  }
  return isOnnx(domain) ? version : undefined;
}

function isOnnx(/** @type {string} */ domain) {
  return domain === "" || domain === "ai.onnx";
}

function readGraph(/** @type {Uint8Array} */ bytes) {
  /** @type {NodeText[]} */
  const nodes = [];
  /** @type {Map<string, Tensor>} */
  const constants = new Map();
  /** @type {Uint8Array[]} */
  const inputs = [];
  /** @type {string[]} */
  const outputs = [];
  const budget = { left: MOST_NUMBERS };
  for (const field of wire.fields(bytes)) {
    if (field.number === 1) {
      demand(nodes.length < MOST_NODES, `The model has more than ${MOST_NODES} nodes.`);
      nodes.push(readNode(wire.bytesOf(field), budget));
    } else if (field.number === 5) {
      const { name, tensor } = readTensor(wire.bytesOf(field), budget);
      constants.set(name, tensor);
    } else if (field.number === 11) {
      inputs.push(wire.bytesOf(field));
    } else if (field.number === 12) {
      outputs.push(valueName(wire.bytesOf(field)));
    } else if (field.number === 15) {
      refuse("sparse weights");
    }
  }
  demand(outputs.length > 0, "The model has no output.");
  const free = inputs.filter((value) => !constants.has(valueName(value)));
  return { nodes, constants, inputs: free.map(readInput), outputs };
}

/**
 * @param {Uint8Array} bytes
 * @param {{left: number}} budget
 * @returns {NodeText}
 */
function readNode(bytes, budget) {
  let name = "";
  let operator = "";
  let domain = "";
  /** @type {string[]} */
  const inputs = [];
  /** @type {string[]} */
  const outputs = [];
  /** @type {Map<string, Attribute>} */
  const attributes = new Map();
  for (const field of wire.fields(bytes)) {
    if (field.number === 1) inputs.push(wire.textOf(field));
    else if (field.number === 2) outputs.push(wire.textOf(field));
    else if (field.number === 3) name = wire.textOf(field);
    else if (field.number === 4) operator = wire.textOf(field);
    else if (field.number === 5) readAttribute(wire.bytesOf(field), attributes, budget);
    else if (field.number === 7) domain = wire.textOf(field);
  }
  const label = name || outputs[0] || "without a name";
  if (!isOnnx(domain)) operator = `${domain}.${operator}`;
  return { operator, label, inputs, outputs, attributes };
}

/**
 * @param {Uint8Array} bytes
 * @param {Map<string, Attribute>} to
 * @param {{left: number}} budget
 */
function readAttribute(bytes, to, budget) {
  let name = "";
  let type = 0;
  let number = 0;
  let text = "";
  /** @type {number[]} */
  const list = [];
  /** @type {Tensor | undefined} */
  let tensor;
  for (const field of wire.fields(bytes)) {
    const { number: key } = field;
    if (key === 1) name = wire.textOf(field);
    else if (key === 2) number = firstFloat(field);
    else if (key === 3) number = wire.integerOf(field);
    else if (key === 4) text = wire.textOf(field);
    else if (key === 5) ({ tensor } = readTensor(wire.bytesOf(field), budget));
    else if (key === 6 || key === 11) refuse("graphs inside of its nodes");
    else if (key === 7) wire.addFloats(list, field, wire.FIXED32);
    else if (key === 8) wire.addIntegers(list, field);
    else if (key === 20) type = wire.integerOf(field);
  }
  if (type === 1 || type === 2) to.set(name, number);
  else if (type === 3) to.set(name, text);
  else if (type === 4 && tensor) to.set(name, tensor);
  else if (type === 6 || type === 7) to.set(name, list);
  else demand(false, `The model's attribute ${name} is of a type that this page cannot read.`);
}

function firstFloat(/** @type {Field} */ field) {
  /** @type {number[]} */
  const floats = [];
  wire.addFloats(floats, field, wire.FIXED32);
  return floats[0] ?? 0;
}

/**
 * @param {Uint8Array} bytes of a TensorProto
 * @param {{left: number}} budget how many numbers may still be read
 * @returns {{name: string, tensor: Tensor}}
 */
function readTensor(bytes, budget) {
  let name = "";
  let type = 0;
  let isExternal = false;
  /** @type {number[]} */
  const shape = [];
  /** @type {number[]} */
  const listed = [];
  /** @type {Uint8Array | undefined} */
  let raw;
  for (const field of wire.fields(bytes)) {
    const { number: key } = field;
    if (key === 1) wire.addIntegers(shape, field);
    else if (key === 2) type = wire.integerOf(field);
    else if (key === 4) wire.addFloats(listed, field, wire.FIXED32);
    else if (key === 5 || key === 7) wire.addIntegers(listed, field);
    else if (key === 8) name = wire.textOf(field);
    else if (key === 9) raw = wire.bytesOf(field);
    else if (key === 10) wire.addFloats(listed, field, wire.FIXED64);
    else if (key === 13 || (key === 14 && field.value !== 0)) isExternal = true;
  }
  const where = `The constant ${name || "of a node"}`;
  demand(
    !isExternal,
    `${where} lies in a file beside the model's; this page needs a file that stands alone.`,
  );
  const kind = kindOf(type, where);
  const { size, read } = TYPES[type];
  const count = checkedSize(shape, where);
  budget.left -= count;
  demand(budget.left >= 0, "The model's constants are too large for this page.");
  const given = raw ? raw.length / size : listed.length;
  demand(given === count, `${where} should hold ${count} numbers, but ${given} arrived.`);
  const data = numbers(count, kind);
  if (raw) data.set(read(raw));
  else data.set(type === HALF ? halves(Uint16Array.from(listed)) : listed);
  return { name, tensor: constant(shape, kind, data) };
}

/**
 * The size of a shape, which must be one that a page can hold.
 *
 * @param {number[]} shape
 * @param {string} where for the sentence of an error
 */
export function checkedSize(shape, where) {
  demand(shape.length <= MOST_AXES, `${where} has more than ${MOST_AXES} axes.`);
  demand(
    shape.every((n) => Number.isInteger(n) && n >= 0) && sizeOf(shape) <= MOST_NUMBERS,
    `${where} has the shape (${shape}), which is more than this page can hold.`,
  );
  return sizeOf(shape);
}

/** The name in a ValueInfoProto. */
function valueName(/** @type {Uint8Array} */ bytes) {
  for (const field of wire.fields(bytes)) if (field.number === 1) return wire.textOf(field);
  return "";
}

/**
 * An input of the model, at one image.
 *
 * @param {Uint8Array} bytes of a ValueInfoProto
 * @returns {Value}
 */
function readInput(bytes) {
  const name = valueName(bytes);
  const where = `The model's input ${name}`;
  const tensorType = inner(inner(bytes, 2), 1);
  let type = 0;
  /** @type {(number | string)[]} */
  const dimensions = []; // a string names a free one
  for (const field of wire.fields(tensorType)) {
    if (field.number === 1) type = wire.integerOf(field);
    if (field.number === 2) {
      for (const { bytes: dimension } of wire.fields(wire.bytesOf(field))) {
        dimensions.push(readDimension(dimension));
      }
    }
  }
  const [batch] = dimensions;
  if (typeof batch === "number" && dimensions.length > 1) {
    demand(
      batch === 1,
      `${where} is made for ${batch} images at a time; export the model for one, or for any number.`,
    );
  }
  const shape = dimensions.map((length, axis) => {
    const isFree = typeof length === "string";
    demand(
      !isFree || axis === 0 || (length !== "" && length === batch),
      `${where} has no fixed length along axis ${axis}.`,
    );
    return isFree ? 1 : Number(length);
  });
  checkedSize(shape, where);
  return { name, kind: kindOf(type, where), shape };
}

/** A length, or the name of a free dimension. */
function readDimension(/** @type {Uint8Array} */ bytes) {
  for (const field of wire.fields(bytes)) {
    if (field.number === 1) {
      const length = wire.integerOf(field);
      return length > 0 ? length : "";
    }
    if (field.number === 2) return wire.textOf(field);
  }
  return "";
}

/** The message in a field of a message; empty if there is none. */
function inner(/** @type {Uint8Array} */ bytes, /** @type {number} */ number) {
  for (const field of wire.fields(bytes)) if (field.number === number) return wire.bytesOf(field);
  return new Uint8Array(0);
}

/** @returns {never} */
function refuse(/** @type {string} */ what) {
  throw new NetworkError(`The model's file has ${what}, which this page cannot read.`);
}

/** Copies bytes to where they may be read as longer numbers; little-endian, as all browsers. */
function aligned(/** @type {Uint8Array} */ bytes) {
  return bytes.slice().buffer;
}

function wideIntegers(/** @type {Uint8Array} */ bytes) {
  const words = new Int32Array(aligned(bytes));
  return Float64Array.from(
    { length: words.length / 2 },
    (_, i) => words[2 * i + 1] * 2 ** 32 + (words[2 * i] >>> 0),
  );
}

/**
 * Half precision to single precision, exactly.
 *
 * The bits of a half, put where a float has them, are a float that is 2¹¹² times too small;
 * that holds for subnormal numbers too.
 */
function halves(/** @type {Uint16Array} */ bits) {
  const floats = new Float32Array(bits.length);
  const words = new Uint32Array(floats.buffer);
  for (let i = 0; i < bits.length; i++) {
    words[i] = ((bits[i] & 0x8000) << 16) | ((bits[i] & 0x7fff) << 13);
    floats[i] *= 2 ** 112;
  }
  return floats;
}
