/** One node while the network is built: what an operator may ask and what it declares. */

import { demand, NetworkError } from "./errors.js";
import { checkedSize } from "./file.js";
import { constant, numbers, room, Tensor } from "./tensor.js";

/**
 * @import {NodeText} from "./file.js"
 * @import {Kernels} from "./plain.js"
 * @import {Kind, Numbers, Storage} from "./tensor.js"
 *
 * @typedef {(kernels: Kernels) => void} Run what a run of the network does for one node
 *
 * @typedef {(node: Node) => Run | void} Operator
 *   declares a node's outputs; returns nothing if a run has nothing to do
 */

export class Node {
  #text;
  #inputs;
  /** @type {Set<number>} inputs whose numbers a run does not need */
  #settled = new Set();

  /**
   * @param {NodeText} text
   * @param {(Tensor | undefined)[]} inputs undefined for one that is left out
   * @param {number} opset
   */
  constructor(text, inputs, opset) {
    this.#text = text;
    this.#inputs = inputs;
    this.opset = opset;
    /** @type {Tensor[]} */
    this.outputs = [];
    /** @type {Storage[]} weights and tables in the form in which a run reads them */
    this.tables = [];
    /** @type {Storage[]} buffers that only this node uses */
    this.scratches = [];
    this.multiplyAdds = 0;
  }

  /** How a sentence names this node. */
  get where() {
    return `The operator ${this.#text.operator} (node ${this.#text.label})`;
  }

  /** Whether its outputs can be worked out while the network is built. */
  get constant() {
    return this.#inputs.every((input) => !input || input.constant);
  }

  /** All buffers that a run reads. */
  get reads() {
    const inputs = this.#inputs.filter((_, i) => !this.#settled.has(i));
    return [...inputs.flatMap((input) => input?.storage ?? []), ...this.tables];
  }

  get outputCount() {
    return this.#text.outputs.length;
  }

  input(/** @type {number} */ index) {
    const tensor = this.#inputs[index];
    if (!tensor) throw new NetworkError(`${this.where} lacks its input ${index}.`);
    return tensor;
  }

  /** An input that may be left out. */
  optional(/** @type {number} */ index) {
    return this.#inputs[index];
  }

  /** All inputs of an operator that takes any number of them. */
  all() {
    return Array.from({ length: Math.max(this.#inputs.length, 1) }, (_, i) => this.input(i));
  }

  /** The numbers of an input that must be known while the network is built. */
  values(/** @type {number} */ index) {
    const tensor = this.input(index);
    demand(tensor.constant, `${this.where} needs its input ${index} to be constant.`);
    this.#settled.add(index);
    return tensor.data;
  }

  /**
   * A list of integers: an attribute in old versions of an operator, input `index` in new ones.
   *
   * @param {string} name
   * @param {number} index
   * @param {number} since the version that made it an input
   * @returns {number[] | undefined}
   */
  list(name, index, since) {
    if (this.opset < since) return this.numbers(name);
    return this.optional(index) && Array.from(this.values(index));
  }

  has(/** @type {string} */ name) {
    return this.#text.attributes.has(name);
  }

  /**
   * @param {string} name
   * @param {number} fallback
   */
  number(name, fallback) {
    const value = this.#text.attributes.get(name) ?? fallback;
    demand(typeof value === "number", `${this.where} has an attribute ${name} that is no number.`);
    return value;
  }

  /**
   * @param {string} name
   * @param {string} fallback
   */
  text(name, fallback) {
    const value = this.#text.attributes.get(name) ?? fallback;
    demand(typeof value === "string", `${this.where} has an attribute ${name} that is no text.`);
    return value;
  }

  /**
   * What a text stands for that is one of several words.
   *
   * @template Choice
   * @param {string} name
   * @param {Record<string, Choice>} choices
   * @param {string} fallback
   */
  choice(name, choices, fallback) {
    const word = this.text(name, fallback);
    this.demand(Object.hasOwn(choices, word), `has ${name} ${word}, which this page cannot do`);
    return choices[word];
  }

  /**
   * @param {string} name
   * @returns {number[] | undefined}
   */
  numbers(name) {
    const value = this.#text.attributes.get(name);
    demand(
      value === undefined || Array.isArray(value),
      `${this.where} has an attribute ${name} that is no list.`,
    );
    return value;
  }

  /**
   * @param {string} name
   * @returns {Tensor | undefined}
   */
  tensor(name) {
    const value = this.#text.attributes.get(name);
    demand(
      value === undefined || value instanceof Tensor,
      `${this.where} has an attribute ${name} that is no tensor.`,
    );
    return value;
  }

  /**
   * An axis, counted from the end if negative, as its index.
   *
   * @param {number} axis
   * @param {number} rank
   */
  axis(axis, rank) {
    const index = axis < 0 ? axis + rank : axis;
    this.demand(index >= 0 && index < rank, `has no axis ${axis} among ${rank}`);
    return index;
  }

  /**
   * @param {unknown} isTrue
   * @param {string} problem what a sentence says of this node
   */
  demand(isTrue, problem) {
    demand(isTrue, `${this.where} ${problem}.`);
  }

  // ---- What an operator declares ----

  /**
   * The next output, whose numbers a run writes.
   *
   * @param {number[]} shape
   * @param {Kind} [kind]
   */
  output(shape, kind = "float") {
    return this.#add(new Tensor(shape, kind, room(checkedSize(shape, this.where))));
  }

  /**
   * The next output: the numbers of `x` under another shape.
   *
   * @param {Tensor} x
   * @param {number[]} shape
   * @param {Kind} [kind]
   */
  view(x, shape, kind = x.kind) {
    this.demand(
      checkedSize(shape, this.where) === x.size,
      `cannot show (${x.shape}) in the shape (${shape})`,
    );
    this.#add(new Tensor(shape, kind, x.storage));
  }

  /**
   * The next output, known already.
   *
   * @param {number[]} shape
   * @param {Kind} kind
   * @param {ArrayLike<number>} values
   */
  known(shape, kind, values) {
    const data = numbers(values.length, kind);
    data.set(values);
    this.#add(constant(shape, kind, data));
  }

  #add(/** @type {Tensor} */ tensor) {
    this.outputs.push(tensor);
    return tensor;
  }

  /** Room that only this node uses, and only during its step. */
  scratch(/** @type {number} */ length) {
    const storage = room(checkedSize([length], this.where));
    this.scratches.push(storage);
    return new Tensor([length], "float", storage);
  }

  /**
   * Weights or a table in the form in which a run reads them.
   *
   * @template {Float32Array | Int32Array} Data
   * @param {Data} data
   * @returns {Storage & {data: Data}} not to be read before a run
   */
  prepared(data) {
    const { storage } = constant([data.length], "float", data);
    this.tables.push(storage);
    return /** @type {Storage & {data: Data}} */ (storage);
  }
}
