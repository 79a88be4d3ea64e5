import assert from "node:assert/strict";
import { test } from "node:test";
import { RemoteDecoder } from "../../static/live/shared/codec.js";
import { Model } from "../../static/live/shared/model.js";
import { payload } from "./models.js";

const z = Float32Array.of(0.5, -1);

/**
 * A decoder whose server answers `fetch` with `response`, and requests that block with black.
 *
 * @param {import("node:test").TestContext} test @param {Response | Error} response
 */
function start(test, response) {
  /** @type {any[]} */
  const asked = [];
  test.mock.method(
    globalThis,
    "fetch",
    async (/** @type {any} */ url, /** @type {any} */ options) => {
      asked.push([String(url).replace(/.*decode/, ""), ...options.body]);
      if (response instanceof Error) throw response;
      return response;
    },
  );
  class Blocking {
    status = 200;
    response = new ArrayBuffer(2);
    open() {}
    send() {
      asked.push("blocking");
    }
  }
  Object.assign(globalThis, { XMLHttpRequest: Blocking });
  test.after(() => Reflect.deleteProperty(globalThis, "XMLHttpRequest"));
  return { decoder: new RemoteDecoder(new Model(payload())), asked };
}

test("what was fetched is there at the next run, with the time that the server took", async (test) => {
  const headers = { "Server-Timing": "decode;dur=21.5" };
  const { decoder, asked } = start(test, new Response(Uint8Array.of(0, 255), { headers }));
  assert.equal(await decoder.fetch(z, 1), 21.5);
  assert.deepEqual([...decoder.run(z, 1)], [0, 1]);
  assert.equal(decoder.hasAnswered, true);
  assert.deepEqual(asked, [["/plain?class=1", 0.5, -1]]);
  decoder.run(z, 0); // another class
  assert.equal(asked.at(-1), "blocking");
});

test("without an answer the image is grey once, and the next run asks again", async (test) => {
  for (const response of [
    new Response("Too many requests at once.", { status: 503 }),
    new Error(),
  ]) {
    const { decoder, asked } = start(test, response);
    assert.equal(await decoder.fetch(z), Infinity);
    assert.deepEqual([...decoder.run(z)], [0.5, 0.5]);
    assert.equal(decoder.hasAnswered, false);
    assert.equal(asked.length, 1);
    assert.deepEqual([...decoder.run(z)], [0, 0]);
    assert.equal(decoder.hasAnswered, true);
    test.mock.restoreAll();
  }
});
