import assert from "node:assert/strict";
import { test } from "node:test";
import { Settings } from "../../static/live/shared/settings.js";

const written = (/** @type {Settings} */ settings, before = "") => {
  const parameters = new URLSearchParams(before);
  settings.write(parameters);
  return String(parameters);
};

test("an address gives the settings, and they give it back", () => {
  const settings = new Settings();
  settings.take(new URLSearchParams("view=Map&map=Principal&drag=lasso&axes=3,1"));
  assert.equal(settings.get("map"), "principal");
  assert.equal(settings.get("drag"), "lasso");
  assert.equal(settings.get("background"), "none");
  assert.equal(written(settings, "view=Map"), "view=Map&map=principal&axes=3%2C1&drag=lasso");
});

test("nonsense and what is as at first leave no trace", () => {
  const settings = new Settings();
  settings.take(new URLSearchParams(`map=globe&drag=move&axes=${"1".repeat(200)}`));
  assert.equal(settings.get("map"), "");
  assert.equal(written(settings, "map=globe&drag=move&z=1"), "z=1");
});

test("what an address asks for in vain is said until the next choice", () => {
  const settings = new Settings();
  let told = 0;
  settings.onChange(() => (told += 1));
  settings.take(new URLSearchParams("map=globe&size=999&drag=BOX&spacing=normal"));
  assert.deepEqual(settings.problems, [
    "The address asks for map “globe”, which does not exist; showing the default.",
    "The address asks for size “999”, which does not exist; showing 20.",
  ]);
  settings.take(new URLSearchParams("drag=box&holes=perhaps"));
  assert.deepEqual(settings.problems, [
    "The address asks for holes “perhaps”, which does not exist; showing the default.",
  ]);
  assert.equal(told, 2); // although the settings are the same
  settings.set("drag", "lasso");
  assert.deepEqual(settings.problems, []);
});

test("a change is told once, with its name, until the listener has gone", () => {
  const settings = new Settings();
  /** @type {(string | null)[]} */
  const heard = [];
  const end = settings.onChange((name) => heard.push(name));
  settings.set("drag", "box");
  settings.set("drag", "box");
  settings.set("drag", "move");
  settings.take(new URLSearchParams("drag=lasso"));
  settings.take(new URLSearchParams("drag=lasso"));
  end();
  settings.set("drag", "box");
  assert.deepEqual(heard, ["drag", "drag", null]);
});
