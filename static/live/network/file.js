/** Reads an .onnx file: its nodes, constants, inputs and outputs. */

import { demand, NetworkError } from "./errors.js";
import { Message } from "./protobuf.js";
import { constant, MOST_NUMBERS, numbers, sizeOf } from "./tensor.js";

/** @import {Kind, Tensor} from "./tensor.js" */
/** @typedef {number | number[] | string | Tensor} Attribute
 * @typedef {ReturnType<typeof readModel>} Model
 * @typedef {ReturnType<typeof readNode>} NodeText
 * @typedef {{left: number}} Budget number of values that may still be read */

const OPSETS = { first: 13, last: 21 };
const MOST_NODES = 5000;
const MOST_CONNECTIONS = 20000; // inputs and outputs of the model and all its nodes
const MOST_AXES = 8;

/** ONNX's codes for element types. */
export const HALF = 10;
const STRING = 8;

/** Element types that this page reads: the kind of number, and the array that reads the bytes. */
const TYPES = {
  1: { kind: "float", Elements: Float32Array },
  2: { kind: "integer", Elements: Uint8Array },
  3: { kind: "integer", Elements: Int8Array },
  6: { kind: "integer", Elements: Int32Array },
  7: { kind: "integer", Elements: BigInt64Array },
  9: { kind: "boolean", Elements: Uint8Array },
  [HALF]: { kind: "float", Elements: Uint16Array },
  11: { kind: "float", Elements: Float64Array },
};

/** The entry for one of ONNX's types; `where` begins the sentence of an error. */
export function typeOf(/** @type {number} */ type, /** @type {string} */ where) {
  const name = type === STRING ? "text" : `elements of ONNX's type ${type}`;
  demand(Object.hasOwn(TYPES, type), `${where} holds ${name}, which this page cannot read.`);
  const { kind, Elements } = TYPES[/** @type {keyof typeof TYPES} */ (type)];
  return { kind: /** @type {Kind} */ (kind), Elements };
}

export function readModel(/** @type {Uint8Array} */ bytes) {
  const file = new Message(bytes);
  demand(file.bytes(7), "The file holds no ONNX model, or is incomplete.");
  refuse(file.has(25), "functions of its own");
  const own = file.messages(8).find((set) => isOnnx(set.text(1)));
  demand(own, "The model's file does not say which version of ONNX's operators it uses.");
  const opset = own.integer(2);
  demand(
    opset >= OPSETS.first && opset <= OPSETS.last,
    `This page reads versions ${OPSETS.first} to ${OPSETS.last} of ONNX's operators (opset); ` +
      `the model uses ${opset}.`,
  );

  const graph = file.message(7);
  refuse(graph.has(15), "sparse weights");
  const count = graph.all(1).length;
  demand(count <= MOST_NODES, `The model has ${count} nodes; this page takes ${MOST_NODES}.`);
  const outputs = graph.messages(12).map((value) => value.text(1));
  demand(outputs.length > 0, "The model has no output.");
  const budget = { left: MOST_NUMBERS };
  const constants = new Map(
    graph.messages(5).map((tensor) => [tensor.text(8), readTensor(tensor, budget)]),
  );
  const free = graph.messages(11).filter((value) => !constants.has(value.text(1)));
  const nodes = graph.messages(1).map((node) => readNode(node, budget));
  const ends = nodes.map((node) => node.inputs.length + node.outputs.length);
  const connections = ends.reduce((sum, n) => sum + n, graph.all(11).length + outputs.length);
  demand(connections <= MOST_CONNECTIONS, "The model's nodes have too many inputs and outputs.");
  return { opset, nodes, constants, inputs: free.map(readInput), outputs };
}

function isOnnx(/** @type {string} */ domain) {
  return domain === "" || domain === "ai.onnx";
}

/** Reads a NodeProto. */
function readNode(/** @type {Message} */ node, /** @type {Budget} */ budget) {
  const [inputs, outputs] = [node.texts(1), node.texts(2)];
  const prefix = isOnnx(node.text(7)) ? "" : `${node.text(7)}.`;
  return {
    operator: prefix + node.text(4),
    label: node.text(3) || outputs[0] || "without a name", // how a sentence names the node
    inputs, // "" for an optional input that is left out
    outputs,
    attributes: new Map(
      node.messages(5).map((attribute) => [attribute.text(1), readAttribute(attribute, budget)]),
    ),
  };
}

/** Reads an AttributeProto. @returns {Attribute} */
function readAttribute(/** @type {Message} */ attribute, /** @type {Budget} */ budget) {
  refuse(attribute.has(6) || attribute.has(11), "graphs inside of its nodes");
  const type = attribute.integer(20);
  if (type === 1) return attribute.floats(2).at(-1) ?? 0;
  if (type === 2) return attribute.integer(3);
  if (type === 3) return attribute.text(4);
  if (type === 4) return readTensor(attribute.message(5), budget);
  if (type === 6) return attribute.floats(7);
  if (type === 7) return attribute.integers(8);
  const name = attribute.text(1);
  throw new NetworkError(`The model's attribute ${name} is of a type that this page cannot read.`);
}

/** Reads a TensorProto. @returns {Tensor} */
function readTensor(/** @type {Message} */ tensor, /** @type {Budget} */ budget) {
  const where = `The constant ${tensor.text(8) || "of a node"}`;
  demand(
    !tensor.has(13) && tensor.integer(14) === 0,
    `${where} lies in a file beside the model's; this page needs a file that stands alone.`,
  );
  const type = tensor.integer(2);
  const { kind, Elements } = typeOf(type, where);
  const shape = tensor.integers(1);
  const count = checkedSize(shape, where);
  budget.left -= count;
  demand(budget.left >= 0, "The model's constants are too large for this page.");

  const raw = tensor.bytes(9);
  const listed = [tensor.floats(4), tensor.integers(5), tensor.integers(7), tensor.floats(10, 8)];
  const list = raw ? [] : listed.flat();
  const given = raw ? raw.length / Elements.BYTES_PER_ELEMENT : list.length;
  demand(given === count, `${where} should hold ${count} numbers, but ${given} arrived.`);
  const elements = raw ? new Elements(raw.slice().buffer) : list; // little-endian, as all browsers
  if (type === HALF) return constant(shape, kind, halves(/** @type {Uint16Array} */ (elements)));
  const data = numbers(count, kind);
  data.set(elements instanceof BigInt64Array ? Array.from(elements, Number) : elements);
  return constant(shape, kind, data);
}

/** The size of a shape; throws if it is more than a page can hold. */
export function checkedSize(/** @type {number[]} */ shape, /** @type {string} */ where) {
  demand(shape.length <= MOST_AXES, `${where} has more than ${MOST_AXES} axes.`);
  const isWhole = shape.every((length) => Number.isInteger(length) && length >= 0);
  demand(
    isWhole && sizeOf(shape.map((length) => length || 1)) <= MOST_NUMBERS,
    `${where} has the shape (${shape}), which is more than this page can hold.`,
  );
  return sizeOf(shape);
}

/** Reads an input of the model, a ValueInfoProto, for a batch of one image. */
function readInput(/** @type {Message} */ value) {
  const name = value.text(1);
  const where = `The model's input ${name}`;
  const type = value.message(2).message(1);
  const dimensions = type.message(2).messages(1);
  const [batch] = dimensions.map((dimension) => dimension.integer(1));
  demand(
    !(batch > 1) || dimensions.length === 1,
    `${where} is made for ${batch} images at a time; export the model for one, or for any number.`,
  );
  const shape = dimensions.map((dimension, axis) => {
    const length = dimension.integer(1);
    if (length > 0) return length;
    const isBatch = axis === 0 || (dimension.has(2) && dimension.text(2) === dimensions[0].text(2));
    demand(isBatch, `${where} has no fixed length along axis ${axis}.`);
    return 1;
  });
  checkedSize(shape, where);
  return { name, kind: typeOf(type.integer(1), where).kind, shape };
}

function refuse(/** @type {boolean} */ isThere, /** @type {string} */ what) {
  demand(!isThere, `The model's file has ${what}, which this page cannot read.`);
}

/** Converts half to single precision, exactly: the bits of a half, moved to where a float has them,
 * give a float that is 2¹¹² times too small; this holds for subnormal numbers too. */
export function halves(/** @type {ArrayLike<number>} */ bits) {
  const floats = new Float32Array(bits.length);
  const words = new Uint32Array(floats.buffer);
  for (let i = 0; i < bits.length; i++) {
    words[i] = ((bits[i] & 0x8000) << 16) | ((bits[i] & 0x7fff) << 13);
    floats[i] *= 2 ** 112;
  }
  return floats;
}
