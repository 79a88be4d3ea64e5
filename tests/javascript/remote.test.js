import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers } from "../../static/live/shared/answers.js";
import { Decoder, RemoteDecoder } from "../../static/live/shared/codec.js";
import { Engine, URGENCY } from "../../static/live/shared/engine.js";
import { Model } from "../../static/live/shared/model.js";
import { payload, product } from "./models.js";

/** Lets all promises that are due be settled. */
const settled = () => new Promise((use) => setImmediate(use));
/** An answer with both pixels of that grey. @param {number} grey */
const pixels = (grey) => new Response(Uint8Array.of(grey, grey));

/**
 * A server whose answers come on demand: requests that wait, as the latents and what answers them.
 *
 * @param {import("node:test").TestContext} test
 */
function serve({ mock }) {
  /** @type {{url: string, z: number[], answer: (response: Response | Promise<never>) => void}[]} */
  const asked = [];
  mock.method(globalThis, "fetch", (/** @type {any} */ url, /** @type {any} */ { body }) => {
    return new Promise((answer) => asked.push({ url, z: [...body], answer }));
  });
  mock.getter(RemoteDecoder, "isPossible", () => true);
  return asked;
}

/**
 * An engine with a worker and a model that only the server can decode; `ask` makes a new line that
 * notes the first pixel of its answers.
 *
 * @param {import("node:test").TestContext} test
 */
async function start(test) {
  const asked = serve(test);
  const answers = new Answers();
  /** @type {string[]} */
  const sent = [];
  /** @type {import("../../static/live/shared/engine.js").Thread} */
  const worker = {
    onmessage: null,
    onerror: null,
    async postMessage({ id, request }) {
      sent.push(request.kind);
      const answer = await answers.answer(request);
      this.onmessage?.(/** @type {MessageEvent} */ ({ data: { id, answer } }));
    },
  };
  const engine = new Engine(() => worker);
  const decoder = product([[1, 0], [0, 1]], "Swirl"); // prettier-ignore
  const model = new Model(payload({}, { decoder }));
  /** @type {any} */
  const summary = await new Promise((use) => engine.open(model, use));
  /** @type {any[]} */
  const told = [];
  const lineOf = (/** @type {keyof typeof URGENCY} */ urgency) => {
    const line = engine.line(URGENCY[urgency]);
    const ask = (/** @type {any} */ request) =>
      line.ask({ content: "plain", ...request }, (answer) => told.push([request.kind, answer.pixels[0]])); // prettier-ignore
    return { ask, line };
  };
  return { asked, engine, sent, summary, told, lineOf };
}

const picture = { kind: "picture", z: Float32Array.of(9, 9) };
const tiles = { kind: "tiles", latents: Float32Array.of(1, 1, 2, 2) };

test("the server's image comes with the time that it took", async (test) => {
  const asked = serve(test);
  const decoder = new RemoteDecoder(new Model(payload()));
  const image = decoder.run(Float32Array.of(0.5, -1), 1);
  assert.match(asked[0].url, /\/decode\/plain\?class=1$/);
  assert.deepEqual(asked[0].z, [0.5, -1]);
  const headers = { "Server-Timing": "decode;dur=21.5" };
  asked[0].answer(new Response(Uint8Array.of(0, 255), { headers }));
  assert.deepEqual([...((await image) ?? [])], [0, 1]);
  assert.equal(decoder.time, 21.5);
});

test("without an answer there is no image, and the next run asks again", async (test) => {
  const asked = serve(test);
  const decoder = new RemoteDecoder(new Model(payload()));
  for (const response of [
    new Response("12", { status: 503 }),
    new Response("too long"),
    Promise.reject(new TypeError("Failed to fetch")),
  ]) {
    const image = decoder.run(Float32Array.of(0, 0));
    asked.pop()?.answer(response);
    assert.equal(await image, null);
    assert.equal(decoder.time, Infinity);
  }
});

test("a picture is answered while the server decodes tiles", async (test) => {
  const { asked, summary, told, lineOf } = await start(test);
  assert.match(summary.warning, /^Decoded by the server. decoder.onnx: .*Swirl/);
  for (let line = 0; line < 3; line++) lineOf("tiles").ask(tiles);
  lineOf("picture").ask(picture);
  await settled();
  const places = asked.map(({ z }) => z[0]);
  assert.deepEqual(places, [1, 1, 9]); // the third line of tiles waits
  asked[2].answer(pixels(30));
  await settled();
  assert.deepEqual(told, [["picture", 30]]);
  for (const next of [0, 1, 3, 4, 5, 6]) {
    asked[next].answer(pixels(10));
    await settled();
  }
  assert.equal(told.length, 4);
  assert.equal(asked.length, 7);
});

test("tiles wait between two latents as long as a picture is decoded", async (test) => {
  let now = 0;
  test.mock.method(performance, "now", () => now);
  const { asked, told, lineOf } = await start(test);
  lineOf("tiles").ask(tiles);
  lineOf("picture").ask(picture);
  await settled();
  now = 20;
  asked[0].answer(pixels(10));
  await settled();
  assert.equal(asked.length, 2);
  asked[1].answer(pixels(30));
  await settled();
  assert.deepEqual(asked[2].z, [2, 2]);
  asked[2].answer(pixels(10));
  await settled();
  assert.deepEqual(told, [["picture", 30], ["tiles", 10]]); // prettier-ignore
});

test("newer tiles replace older ones while the server decodes those", async (test) => {
  let now = 0;
  test.mock.method(performance, "now", () => now);
  const { asked, told, lineOf } = await start(test);
  const { ask } = lineOf("tiles");
  ask(tiles);
  ask({ kind: "tiles", latents: Float32Array.of(5, 5) });
  await settled();
  now = 20;
  asked[0].answer(pixels(10));
  await settled();
  asked[1].answer(pixels(50));
  await settled();
  assert.deepEqual(asked.map(({ z }) => z[0]), [1, 5]); // prettier-ignore
  assert.deepEqual(told, [["tiles", 50]]);
});

test("a line that is closed while the server decodes leaves nothing behind", async (test) => {
  let now = 0;
  test.mock.method(performance, "now", () => now);
  const { asked, sent, told, lineOf } = await start(test);
  const { ask, line } = lineOf("tiles");
  ask(tiles);
  await settled();
  line.close();
  now = 20;
  asked[0].answer(pixels(10));
  await settled();
  assert.deepEqual(sent, ["open", "tiles", "drop", "drop"]); // the last one when it was half done
  assert.equal(asked.length, 1);
  assert.deepEqual(told, []);
});

test("what a server that is gone would decode is grey, and nothing is said of a return", async (test) => {
  const { asked, engine, told, lineOf } = await start(test);
  lineOf("picture").ask(picture);
  lineOf("tiles").ask(tiles);
  /** @type {any} */
  let reading = null;
  const request = /** @type {const} */ ({ kind: "reading", content: "plain", shownRow: -1 });
  engine
    .line(URGENCY.reading)
    .ask({ ...request, z: Float32Array.of(0, 0) }, (given) => (reading = given));
  for (let count = 0; count < 5; count++) {
    await settled();
    asked.shift()?.answer(Promise.reject(new TypeError("Failed to fetch")));
  }
  await settled();
  assert.deepEqual(told, [["picture", 128], ["tiles", 128]]); // prettier-ignore
  assert.equal(reading.back, null);
  assert.equal(reading.pixels[0], 128);
});

test("a decoder that is slow here is left to a server that is faster", async (test) => {
  const asked = serve(test);
  let now = 0;
  test.mock.method(performance, "now", () => now);
  test.mock.method(Decoder.prototype, "run", () => (now += 100));
  for (const [taken, isFaster] of /** @type {const} */ ([
    [80, false],
    [40, true],
  ])) {
    // prettier-ignore
    const answer = new Answers().answer({ kind: "open", content: "plain", payload: payload() });
    for (let count = 0; count < 8; count++) {
      await settled();
      now += taken;
      asked.pop()?.answer(pixels(0));
    }
    const { warning, decodeTime } = await answer;
    assert.equal(/faster than this browser/.test(warning), isFaster);
    assert.equal(decodeTime, isFaster ? Infinity : 100);
  }
});
