/** Files that are damaged, cut off, or malicious: each gives one sentence, at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Network, NetworkError } from "../../../static/live/network/network.js";
import { bytesOf, casesOf, constant, field, modelOf, node } from "./helpers.js";

const cases = casesOf("cases.json");

/** Builds and runs a network; anything but a NetworkError fails the test. */
function attempt(/** @type {Uint8Array} */ bytes) {
  try {
    const network = new Network(bytes, { plain: true });
    network.run(...network.inputs.map(({ shape }) => new Float32Array(product(shape))));
    return "runs";
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    return error.message;
  }
}

function product(/** @type {number[]} */ shape) {
  return shape.reduce((size, length) => size * length, 1);
}

/** Integers from 0 up to a limit, the same in every run: the generator of Park & Miller 1988. */
function* randomNumbers(/** @type {number} */ seed) {
  for (let state = seed; ; state = (state * 48271) % 2147483647) yield state;
}

test("a file that is cut off", () => {
  const { model } = cases.filter(({ name }) => name.startsWith("a decoder of version"))[0];
  const bytes = bytesOf(model);
  for (let length = 0; length < bytes.length; length++) {
    assert.notEqual(attempt(bytes.subarray(0, length)), "runs", `${length} bytes`);
  }
  assert.equal(attempt(bytes), "runs");
});

test("flipped bits", () => {
  const random = randomNumbers(1);
  const next = (/** @type {number} */ limit) => Number(random.next().value) % limit;
  for (const { model } of cases) {
    for (let time = 0; time < 10; time++) {
      const bytes = bytesOf(model);
      for (let flips = 1 + next(3); flips > 0; flips--) {
        bytes[next(bytes.length)] ^= 1 << next(8);
      }
      attempt(bytes);
    }
  }
});

const identity = node("Identity", ["x"], ["y"]);
const billion = 2 ** 30;

/** @type {[string, Uint8Array, RegExp][]} */
const HARMFUL = [
  ["nothing", new Uint8Array(0), /holds no ONNX model/],
  ["a varint without an end", new Uint8Array(1e6).fill(255), /damaged/],
  ["text", new TextEncoder().encode("<!doctype html>"), /damaged/],
  ["no output", field(7, [identity]).slice(), /does not say which version/],
  ["an old version", modelOf([identity], { opset: 9 }), /versions 13 to 21.*uses 9/],
  ["a version to come", modelOf([identity], { opset: 99 }), /versions 13 to 21.*uses 99/],
  ["functions", modelOf([identity], { fields: [field(25, [])] }), /functions/],
  ["sparse weights", modelOf([identity, field(15, [])]), /sparse/],
  ["a batch of 4", modelOf([identity], { shape: [4, 2] }), /4 images at a time/],
  ["an input too long", modelOf([identity], { shape: [1, billion, billion] }), /can hold/],
  ["a free width", modelOf([identity], { shape: [1, -1] }), /no fixed length along axis 1/],
  ["nine axes", modelOf([identity], { shape: Array(9).fill(1) }), /more than 8 axes/],
  [
    "an unknown operator",
    modelOf([node("Rnn", ["x"], ["y"])]),
    /cannot run the operator Rnn \(node n\)/,
  ],
  [
    "an operator of JavaScript's",
    modelOf([node("toString", ["x"], ["y"])]),
    /cannot run the operator toString/,
  ],
  ["an output that is not made", modelOf([]), /put out y, which nothing before it makes/],
  [
    "a missing input",
    modelOf([node("Add", ["x"], ["y"]), node("Relu", [""], ["y"])]),
    /lacks its input 0/,
  ],
  [
    "a circle",
    modelOf([node("Add", ["x", "z"], ["y"]), node("Relu", ["y"], ["z"])]),
    /reads z, which nothing/,
  ],
  [
    "a constant that is too large",
    modelOf([constant("w", [], [billion, billion]), identity]),
    /more than this page can hold/,
  ],
  [
    "a constant cut short",
    modelOf([constant("w", [1, 2], [3]), identity]),
    /should hold 3 numbers, but 2/,
  ],
  [
    "weights beside the file",
    modelOf([field(5, [field(8, "w"), field(2, 1), field(14, 1)]), identity]),
    /constant w lies in a file beside/,
  ],
  [
    "a graph inside of a node",
    modelOf([node("If", ["x"], ["y"], [field(6, [])])]),
    /graphs inside of its nodes/,
  ],
  [
    "a constant that is made too large",
    modelOf([
      constant("s", [2 ** 12, 2 ** 12]),
      node("ConstantOfShape", ["s"], ["a"]),
      node("ConstantOfShape", ["s"], ["b"]),
      node("Add", ["a", "b"], ["c"]),
      node("Add", ["c", "x"], ["y"]),
    ]),
    /constants are too large/,
  ],
  [
    "padding without measure",
    modelOf([constant("p", [0, billion, 0, billion]), node("Pad", ["x", "p"], ["y"])]),
    /more than this page can hold/,
  ],
  [
    "a step of 0",
    modelOf([
      constant("a", [0]),
      constant("b", [1]),
      node("Slice", ["x", "a", "b", "a", "a"], ["y"]),
    ]),
    /step of 0/,
  ],
  [
    "a shape into which the numbers do not go",
    modelOf([constant("s", [3, -1]), node("Reshape", ["x", "s"], ["y"])]),
    /cannot show \(1,2\) in the shape \(3,-1\)/,
  ],
  [
    "a join of other axes",
    modelOf([
      constant("a", [1]),
      field(1, [
        ...["x", "a"].map((name) => field(1, name)),
        field(2, "y"),
        field(4, "Concat"),
        field(5, [field(1, "axis"), field(3, 1), field(20, 2)]),
      ]),
    ]),
    /cannot join \(1,2\) and \(1\)/,
  ],
  [
    "another domain",
    modelOf([field(1, [field(2, "y"), field(4, "Gelu"), field(7, "com.microsoft")])]),
    /operator com.microsoft.Gelu/,
  ],
];

for (const [name, bytes, sentence] of HARMFUL) {
  test(name, () => assert.match(attempt(bytes), sentence));
}

test("more nodes, or more outputs of a node, than a network has", () => {
  const chain = Array.from({ length: 5001 }, (_, i) => node("Relu", ["x"], [`y${i || ""}`]));
  assert.match(attempt(modelOf(chain)), /has 5001 nodes/);
  const names = Array.from({ length: 20001 }, (_, i) => `y${i || ""}`);
  assert.match(attempt(modelOf([node("Split", ["x"], names)])), /too many inputs and outputs/);
});

test("shapes with a 0 and without end", () => {
  const bytes = modelOf([
    constant("s", [0, 2 ** 50]),
    node("ConstantOfShape", ["s"], ["a"]),
    node("Add", ["a", "x"], ["y"]),
  ]);
  assert.match(attempt(bytes), /more than this page can hold/);
});

test("many large nodes that are never too large alone", () => {
  const names = Array.from({ length: 2000 }, (_, i) => `t${i}`);
  const nodes = names.map((name, i) => node("Expand", [names[i - 1] ?? "x", "s"], [name]));
  const bytes = modelOf([
    constant("s", [2 ** 12, 2 ** 13, 1]),
    ...nodes,
    node("Identity", ["t1999"], ["y"]),
  ]);
  assert.match(attempt(bytes), /more than this page can hold|takes too long|more memory/);
});

test("a node that nothing needs may be of any kind", () => {
  assert.equal(attempt(modelOf([node("Rnn", ["x"], ["unused"]), identity])), "runs");
});

test("an input of another length", () => {
  const network = new Network(modelOf([identity]));
  assert.throws(() => network.run(new Float32Array(3)), /x takes 2 numbers/);
  assert.throws(() => network.run(), NetworkError);
});
