/** Builds the steps of a run from a model's nodes: folds constants, then lays out the memory. */

import { demand, NetworkError } from "./errors.js";
import { layOut } from "./memory.js";
import { Node } from "./node.js";
import { OPERATORS } from "./operators/index.js";
import { plain } from "./plain.js";
import { MOST_NUMBERS, numbers, room, sizeOf, Tensor } from "./tensor.js";

/** @import {Model} from "./file.js" @import {Use} from "./memory.js" */
/** @import {Run} from "./node.js" @import {Storage} from "./tensor.js" */
/** @typedef {{node: Node, run: Run}} Step */

/** Limits on building a network and on one run of it. */
const BUDGET = {
  constants: MOST_NUMBERS, // numbers that folding produces
  folding: 5e8, // reads, writes and multiply-adds of folding
  moves: 5e8, // numbers that the steps of a run read and write
  multiplyAdds: 2e10,
};

export function buildGraph(/** @type {Model} */ model) {
  const tensors = new Map(model.constants);
  const inputs = model.inputs.map(({ name, kind, shape }) => {
    const tensor = new Tensor(shape, kind, room(sizeOf(shape)));
    tensors.set(name, tensor);
    return tensor;
  });
  const find = (/** @type {string} */ name, /** @type {string} */ reader) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new NetworkError(`${reader} ${name}, which nothing before it makes.`);
    return tensor;
  };

  const budget = { ...BUDGET };
  /** @type {Step[]} */
  const steps = [];
  for (const text of needed(model)) {
    const operator = Object.hasOwn(OPERATORS, text.operator) && OPERATORS[text.operator];
    demand(
      operator,
      `This page cannot run the operator ${text.operator} (node ${text.label}) of the model.`,
    );
    const given = text.inputs.map((name) =>
      name ? find(name, `The node ${text.label} reads`) : undefined,
    );
    const node = new Node(text, given, model.opset);
    const run = operator(node);
    if (run && node.constant) fold(node, run, budget);
    else if (run) steps.push({ node, run });
    if (run) budget.moves -= moves(node);
    budget.multiplyAdds -= node.multiplyAdds;
    const isQuick = budget.moves >= 0 && budget.multiplyAdds >= 0;
    demand(isQuick, "One run of the model takes too long for this page.");
    node.outputs.forEach((tensor, i) => tensors.set(text.outputs[i], tensor));
  }
  const outputs = model.outputs.map((name) => find(name, "The model should put out"));
  const memory = layOut(lifetimes(steps, inputs, outputs));
  for (const { storage } of tensors.values()) {
    const isPlaced = storage.data.buffer === memory.buffer;
    if (!isPlaced) storage.data = new Float32Array(0); // only needed to build
  }
  return { inputs, outputs, steps, memory };
}

/** The nodes that the outputs depend on, in the model's order. */
function needed(/** @type {Model} */ { nodes, outputs }) {
  const wanted = new Set(outputs);
  const isNeeded = nodes.map(() => false);
  for (let i = nodes.length - 1; i >= 0; i--) {
    isNeeded[i] = nodes[i].outputs.some((name) => name !== "" && wanted.has(name));
    if (isNeeded[i]) nodes[i].inputs.forEach((name) => wanted.add(name));
  }
  return nodes.filter((_, i) => isNeeded[i]);
}

/** How many numbers a run of this node reads and writes. */
function moves(/** @type {Node} */ node) {
  const buffers = [...node.reads, ...node.scratches, ...node.outputs.map((y) => y.storage)];
  return buffers.reduce((sum, { length }) => sum + length, 0);
}

/** Computes the outputs of a constant node while the network is built.
 * @param {Node} node @param {Run} run @param {typeof BUDGET} budget */
function fold(node, run, budget) {
  budget.folding -= moves(node) + node.multiplyAdds;
  for (const { size } of node.outputs) budget.constants -= size;
  const isSmall = budget.folding >= 0 && budget.constants >= 0;
  demand(isSmall, "The model's constants are too large for this page.");
  for (const scratch of node.scratches) scratch.data = new Float32Array(scratch.length);
  for (const { storage, kind } of node.outputs) storage.data = numbers(storage.length, kind);
  run(plain);
  for (const { storage } of node.outputs) storage.constant = true;
}

/** The first and last step of each buffer's use; constants, with first step -2, come first.
 * @param {Step[]} steps @param {Tensor[]} inputs @param {Tensor[]} outputs */
function lifetimes(steps, inputs, outputs) {
  /** @type {Map<Storage, Use>} */
  const uses = new Map();
  const use = (/** @type {Storage} */ storage, /** @type {number} */ step, last = step) => {
    const known = uses.get(storage);
    if (known) known.last = Math.max(known.last, last);
    else if (storage.constant) uses.set(storage, { storage, first: -2, last: Infinity, start: 0 });
    else uses.set(storage, { storage, first: step, last, start: 0 });
  };
  inputs.forEach(({ storage }) => use(storage, -1));
  steps.forEach(({ node }, step) => {
    for (const storage of [...node.reads, ...node.scratches]) use(storage, step);
    for (const { storage } of node.outputs) use(storage, step);
  });
  outputs.forEach(({ storage }) => use(storage, -1, Infinity));
  return [...uses.values()].sort((a, b) => a.first - b.first);
}
