/** A node while the network is built: what an operator can read from it and declare on it. */

import { demand, NetworkError } from "./errors.js";
import { checkedSize } from "./file.js";
import { constant, indices, numbers, room, Tensor } from "./tensor.js";

/** @import {NodeText} from "./file.js" @import {Kernels} from "./plain.js" */
/** @import {Kind, Storage} from "./tensor.js" */
/** @typedef {(kernels: Kernels) => void} Run what a run of the network does for one node
 * @typedef {(node: Node) => Run | void} Operator
 *   declares a node's outputs; returns nothing if a run has nothing to do */

export class Node {
  #attributes;
  #inputs;
  /** @type {Set<number>} inputs whose numbers a run does not need */
  #settled = new Set();
  /** @type {Storage[]} weights and tables in the form in which a run reads them */
  #tables = [];
  /** @type {Tensor[]} */
  outputs = [];
  /** @type {Storage[]} buffers that only this node uses */
  scratches = [];
  multiplyAdds = 0;

  /** @param {NodeText} text @param {(Tensor | undefined)[]} inputs @param {number} opset */
  constructor(text, inputs, opset) {
    this.#attributes = text.attributes;
    this.#inputs = inputs;
    this.opset = opset;
    /** How error messages name this node. */
    this.where = `The operator ${text.operator} (node ${text.label})`;
    /** Whether its outputs can be computed while the network is built. */
    this.constant = inputs.every((input) => !input || input.constant);
    this.outputCount = text.outputs.length;
  }

  /** All buffers that a run reads. */
  get reads() {
    const inputs = this.#inputs.filter((_, i) => !this.#settled.has(i));
    return [...inputs.flatMap((input) => input?.storage ?? []), ...this.#tables];
  }

  input(/** @type {number} */ index) {
    const tensor = this.#inputs[index];
    if (!tensor) throw new NetworkError(`${this.where} lacks its input ${index}.`);
    return tensor;
  }

  /** An optional input. */
  optional(/** @type {number} */ index) {
    return this.#inputs[index];
  }

  /** All inputs of an operator that takes any number of them. */
  all() {
    return indices(Math.max(this.#inputs.length, 1)).map((i) => this.input(i));
  }

  /** The numbers of an input that must be known while the network is built. */
  values(/** @type {number} */ index) {
    const tensor = this.input(index);
    this.demand(tensor.constant, `needs its input ${index} to be constant`);
    this.#settled.add(index);
    return tensor.data;
  }

  /** The list in an optional input. */
  integers(/** @type {number} */ index) {
    return this.optional(index) && Array.from(this.values(index));
  }

  has(/** @type {string} */ name) {
    return this.#attributes.has(name);
  }

  /** An attribute, which must be of a given type; undefined if it is not there.
   * @template Type
   * @param {string} name @param {(value: unknown) => value is Type} isIt @param {string} type */
  #attribute(name, isIt, type) {
    const value = this.#attributes.get(name);
    if (value === undefined || isIt(value)) return value;
    throw new NetworkError(`${this.where} has an attribute ${name} that is not ${type}.`);
  }

  number(/** @type {string} */ name, /** @type {number} */ fallback) {
    return this.#attribute(name, (value) => typeof value === "number", "a number") ?? fallback;
  }

  /** @returns {number[] | undefined} */
  numbers(/** @type {string} */ name) {
    return this.#attribute(name, (value) => Array.isArray(value), "a list");
  }

  tensor(/** @type {string} */ name) {
    return this.#attribute(name, (value) => value instanceof Tensor, "a tensor");
  }

  /** The choice that a text attribute names.
   * @template Choice
   * @param {string} name @param {Record<string, Choice>} choices @param {string} fallback */
  choice(name, choices, fallback) {
    const word = this.#attribute(name, (value) => typeof value === "string", "text") ?? fallback;
    this.demand(Object.hasOwn(choices, word), `has ${name} ${word}, which this page cannot do`);
    return choices[word];
  }

  /** The index of an axis among `rank`; a negative axis counts from the end. */
  axis(/** @type {number} */ axis, /** @type {number} */ rank) {
    const index = axis < 0 ? axis + rank : axis;
    this.demand(index >= 0 && index < rank, `has no axis ${axis} among ${rank}`);
    return index;
  }

  /** Throws an error about this node if `isTrue` is not; `problem` completes the sentence. */
  demand(/** @type {unknown} */ isTrue, /** @type {string} */ problem) {
    demand(isTrue, `${this.where} ${problem}.`);
  }

  // ---- What an operator declares ----

  /** Adds an output that a run writes. */
  output(/** @type {number[]} */ shape, /** @type {Kind} */ kind = "float") {
    return this.#add(new Tensor(shape, kind, room(checkedSize(shape, this.where))));
  }

  /** Adds an output: the numbers of `x` in another shape, not copied. */
  view(/** @type {Tensor} */ x, /** @type {number[]} */ shape, kind = x.kind) {
    const fits = checkedSize(shape, this.where) === x.size;
    this.demand(fits, `cannot show (${x.shape}) in the shape (${shape})`);
    this.#add(new Tensor(shape, kind, x.storage));
  }

  /** Adds a constant output.
   * @param {number[]} shape @param {Kind} kind @param {ArrayLike<number>} values */
  known(shape, kind, values) {
    const data = numbers(values.length, kind);
    data.set(values);
    this.#add(constant(shape, kind, data));
  }

  #add(/** @type {Tensor} */ tensor) {
    this.outputs.push(tensor);
    return tensor;
  }

  /** Adds a buffer that only this node uses, and only during its step. */
  scratch(/** @type {number} */ length) {
    const storage = room(checkedSize([length], this.where));
    this.scratches.push(storage);
    return new Tensor([length], "float", storage);
  }

  /** Adds weights or a table in the form in which a run reads them; they must not be read before.
   * @template {Float32Array | Int32Array} Data
   * @param {Data} data */
  prepared(data) {
    const { storage } = constant([data.length], "float", data);
    this.#tables.push(storage);
    return /** @type {Storage & {data: Data}} */ (storage);
  }
}
