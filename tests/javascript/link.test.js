import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../static/live/shared/engine.js";
import { Hub } from "../../static/live/shared/hub.js";
import { Link } from "../../static/live/shared/link.js";
import { Model } from "../../static/live/shared/model.js";
import { near, payload } from "./models.js";

/**
 * Links two models, and records what is looked at with the second.
 *
 * @param {object} header of the second model
 * @param {object | null} pictures of the first model's test images
 */
async function pair(header, pictures = null) {
  const hub = new Hub(
    new Engine(() => {
      throw new Error("no workers here");
    }),
  );
  const models = [{}, { content: "other", ...header }].map(
    (changed) => new Model(payload(changed)),
  );
  for (const model of models) {
    hub.provide(model, assert.fail);
    await new Promise((use) => hub.withModel(model.content, use));
  }
  const [from, to] = models;
  const link = new Link(
    { hub, model: from, tell: assert.fail },
    "other",
    /** @type {any} */ (pictures),
  );
  const looks = /** @type {[Float32Array | null, number | null][]} */ ([]);
  const next = () =>
    /** @type {Promise<void>} */ (
      new Promise((use) => {
        const end = to.onLook((z, _, row) => {
          looks.push([z, row]);
          end();
          use();
        });
      })
    );
  return { from, link, to, looks, next };
}

test("a test image that both models have is looked at with both, and so is the point", async () => {
  const { link, to, looks } = await pair({});
  to.onLook((z, _, row) => looks.push([z, row]));
  link.look(Float32Array.of(-1, 0), 0);
  link.look(null);
  link.close();
  assert.deepEqual(looks, [[to.meanOf(0), 0], [null, null], [null, null]]); // prettier-ignore
});

test("a place, and an image that the other model has not, go through its encoder", async () => {
  const { link, looks, next } = await pair({ testSet: "others" });
  for (const row of [null, 1]) {
    const found = next();
    link.look(Float32Array.of(2, 0), row);
    await found;
  }
  for (const [z, row] of looks) {
    assert.equal(row, null);
    // The first decodes to sigmoid(z), as bytes; the second encodes to twice that
    near(z ?? [], [(2 * Math.round(255 / (1 + Math.exp(-2)))) / 255, (2 * 128) / 255]);
  }
});

test("what is decoded late is not shown when somebody looks elsewhere", async () => {
  const { link, to, looks } = await pair({});
  to.onLook((z, _, row) => looks.push([z, row]));
  link.look(Float32Array.of(2, 0));
  link.look(Float32Array.of(1, 0), 1);
  await new Promise((use) => setTimeout(use, 50));
  assert.deepEqual(looks, [[to.meanOf(1), 1]]);
});

test("the other model follows while somebody goes on looking elsewhere", async () => {
  const { link, to, looks } = await pair({ testSet: "others" });
  to.onLook((z) => looks.push([z, null]));
  const end = Date.now() + 200;
  for (let x = 0; Date.now() < end; x += 0.01) {
    link.look(Float32Array.of(x, 0));
    await new Promise((use) => setTimeout(use, 1));
  }
  assert.ok(looks.length > 5, `${looks.length} looks`);
});

test("what is decoded late does not follow a picture that was there at once", async () => {
  const grey = [0, 255].flatMap((value) => [value, value, value, 255]);
  const pictures = { pixelsOf: () => Uint8ClampedArray.from(grey) };
  const { from, link, to, looks } = await pair({ testSet: "others" }, pictures);
  from.setSprite(/** @type {any} */ ({ width: 2, height: 1 }));
  to.onLook((z, _, row) => looks.push([z, row]));
  link.look(Float32Array.of(2, 0)); // decoded first
  link.look(Float32Array.of(1, 0), 1);
  await new Promise((use) => setTimeout(use, 50));
  assert.equal(looks.length, 1);
  near(looks[0][0] ?? [], [0, 2]);
});
