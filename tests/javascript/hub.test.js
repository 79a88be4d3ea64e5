import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../static/live/shared/engine.js";
import { Hub } from "../../static/live/shared/hub.js";
import { Model } from "../../static/live/shared/model.js";
import { payload, product } from "./models.js";

/** A hub whose engine answers on this thread. */
const makeHub = () =>
  new Hub(
    new Engine(() => {
      throw new Error("no workers here");
    }),
  );
const fail = () => assert.fail("there is nothing to warn of");

test("a look reaches every part until it has gone", () => {
  const model = new Model(payload());
  /** @type {any[]} */
  const heard = [];
  const end = model.onLook((z, source, row) => heard.push([z && [...z], source, row]));
  model.look(Float32Array.of(1, 2), "map", 17);
  model.look(null, "map");
  end();
  model.look(Float32Array.of(3, 4), "map");
  assert.deepEqual(heard, [[[1, 2], "map", 17], [null, "map", null]]); // prettier-ignore
});

test("a part gets its model when that is open, or at once", async () => {
  const hub = makeHub();
  const early = new Promise((use) => hub.withModel("plain", use));
  const model = new Model(payload());
  hub.provide(model, fail);
  assert.equal(await early, model);
  assert.ok(model.decodeTime < Infinity);
  hub.withModel("plain", (known) => assert.equal(known, model));
});

test("a model that came already is not opened again", async () => {
  const hub = makeHub();
  const first = new Model(payload());
  hub.provide(first, fail);
  await new Promise((use) => hub.withModel("plain", use));
  hub.provide(new Model(payload()), fail);
  hub.withModel("plain", (known) => assert.equal(known, first));
});

test("a model that comes twice at once is one to all parts", async () => {
  const hub = makeHub();
  const models = [new Model(payload()), new Model(payload())];
  for (const model of models) hub.provide(model, fail);
  const early = await new Promise((use) => hub.withModel("plain", use));
  await new Promise((use) => setTimeout(use, 20)); // for the second to be open as well
  assert.equal(early, models[0]);
  hub.withModel("plain", (known) => assert.equal(known, early));
});

test("what the page cannot run is told, every time that the model comes", async () => {
  const hub = makeHub();
  const decoder = product([[1, 0], [0, 1]], "Swirl"); // prettier-ignore
  for (let time = 0; time < 2; time++) {
    const sentence = await new Promise((warn) =>
      hub.provide(new Model(payload({}, { decoder })), warn),
    );
    assert.match(sentence, /Swirl/);
  }
  hub.withModel("plain", ({ problem }) => assert.match(problem ?? "", /Swirl/));
});

test("the models on the page and those that were used last are kept", async () => {
  const hub = makeHub();
  const open = async (/** @type {string} */ content) => {
    const leave = hub.provide(new Model(payload({ content })), fail);
    await new Promise((use) => hub.withModel(content, use));
    return leave;
  };
  await open("page");
  for (const content of ["a", "b", "c", "a", "d"]) (await open(content))();
  /** @type {string[]} */
  const known = [];
  for (const content of ["page", "a", "b", "c", "d"]) {
    hub.withModel(content, () => known.push(content));
  }
  assert.deepEqual(known, ["page", "a", "d"]);
});

test("what is noted of a model is found again", () => {
  const hub = makeHub();
  hub.memory("a").zoom = 3;
  assert.equal(hub.memory("a").zoom, 3);
  assert.deepEqual(hub.memory("b"), {});
});

test("all that is decoded is told when another class is", async () => {
  const hub = makeHub();
  const model = new Model(payload());
  hub.provide(model, fail);
  await new Promise((use) => hub.withModel("plain", use));
  /** @type {any[]} */
  const heard = [];
  hub.settings.onChange((name) => heard.push(name));
  model.onLook((z) => heard.push(z));
  hub.condition("plain", 0);
  assert.deepEqual(heard, []);
  hub.condition("plain", 2);
  hub.condition("plain", 2);
  assert.deepEqual(heard, [null, null]);
  assert.equal(hub.engine.labels.get("plain"), 2);
});
