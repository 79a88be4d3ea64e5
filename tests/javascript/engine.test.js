import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers } from "../../static/live/shared/answers.js";
import { Engine, URGENCY } from "../../static/live/shared/engine.js";
import { Model } from "../../static/live/shared/model.js";
import { TileDecoder } from "../../static/live/shared/tiles.js";
import { payload, product } from "./models.js";

/** A worker that answers only on demand, and may die. */
class SlowWorker {
  #answers = new Answers();
  /** @type {any[]} */
  messages = [];
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onerror = null;

  /** @param {any} message */
  postMessage(message) {
    this.messages.push(message);
  }

  /** Answers a number of messages, or all of them. */
  work(count = Infinity) {
    for (; count > 0 && this.messages.length; count--) {
      const { id, request } = this.messages.shift();
      this.onmessage?.({ data: { id, answer: this.#answers.answer(request) } });
    }
  }
}

/** An engine, its worker and an open model. */
function start(model = new Model(payload())) {
  const worker = new SlowWorker();
  const engine = new Engine(() => worker);
  /** @type {any} */
  let summary = null;
  engine.open(model, (given) => (summary = given));
  worker.work();
  return { engine, worker, model, summary };
}

/** @param {number} x */
const picture = (x) => ({
  kind: /** @type {const} */ ("picture"),
  content: "plain",
  z: Float32Array.of(x, 0),
});
/** The grey value of the first pixel for that request. @param {number} x */
const grey = (x) => Math.round(255 / (1 + Math.exp(-x)));

test("a model is opened once, with how long it takes to decode", () => {
  const { summary } = start();
  assert.equal(summary.problem, null);
  assert.equal(summary.warning, null);
  assert.ok(summary.decodeTime < 5);
});

test("the latest request of a line wins, and results come in order", () => {
  const { engine, worker } = start();
  const line = engine.line(URGENCY.picture);
  /** @type {number[]} */
  const results = [];
  for (let x = 0; x < 50; x++) line.ask(picture(x / 10), ({ pixels }) => results.push(pixels[0]));
  worker.work();
  assert.deepEqual(results, [grey(0), grey(4.9)]);
});

test("a line has one request on its way at a time, and the worker two besides pictures", () => {
  const { engine, worker } = start();
  for (const urgency of [URGENCY.tiles, URGENCY.reading, URGENCY.tiles, URGENCY.picture]) {
    const line = engine.line(urgency);
    line.ask(picture(urgency), () => {});
    line.ask(picture(9), () => {});
  }
  assert.deepEqual(
    worker.messages.map(({ request }) => request.z[0]),
    [URGENCY.tiles, URGENCY.reading, URGENCY.picture],
  );
});

test("urgent requests go before those that were there first", () => {
  const { engine, worker } = start();
  /** @type {string[]} */
  const order = [];
  const ask = (/** @type {keyof typeof URGENCY} */ name) => {
    engine.line(URGENCY[name]).ask(picture(0), () => order.push(name));
  };
  for (const name of /** @type {const} */ (["tiles", "tiles", "tiles", "reading", "picture"]))
    ask(name);
  worker.work();
  assert.deepEqual(order, ["tiles", "tiles", "picture", "reading", "tiles"]);
});

test("what is less urgent waits for a picture on its way, but not for ever", ({ mock }) => {
  let now = 0;
  mock.method(performance, "now", () => now);
  const { engine, worker } = start();
  const [pictures, readings] = [engine.line(URGENCY.picture), engine.line(URGENCY.reading)];
  /** @type {string[]} */
  const order = [];
  const move = () => pictures.ask(picture(0), () => order.push("picture"));
  move();
  readings.ask(picture(1), () => order.push("reading"));
  for (let step = 0; step < 10; step++, now += 40) {
    move();
    worker.work(1);
  }
  assert.equal(order.indexOf("reading"), 9); // after more than 300 ms
  worker.work();
  readings.ask(picture(1), () => order.push("next reading"));
  worker.work();
  assert.equal(order.at(-1), "next reading");
});

test("what takes long lets a picture in between, and a newer request ends it", ({ mock }) => {
  let now = 0;
  mock.method(performance, "now", () => (now += 1));
  const { engine, worker } = start();
  const [tiles, pictures] = [engine.line(URGENCY.tiles), engine.line(URGENCY.picture)];
  const ask = (/** @type {number} */ x) => {
    const latents = Float32Array.from({ length: 200 }, () => x);
    const request = /** @type {const} */ ({ kind: "tiles", content: "plain", latents });
    tiles.ask(request, ({ pixels }) => order.push(pixels.length / 8, pixels[0]));
  };
  /** @type {any[]} */
  const order = [];
  ask(1);
  worker.work(1);
  pictures.ask(picture(0), () => order.push("picture"));
  worker.work();
  assert.deepEqual(order, ["picture", 100, grey(1)]);
  ask(2);
  worker.work(1);
  ask(3);
  worker.work();
  assert.deepEqual(order.slice(3), [100, grey(3)]);
  ask(4);
  worker.work(1);
  tiles.drop();
  worker.work();
  assert.equal(order.length, 5);
});

test("no result comes after a line is closed, and none is asked for", () => {
  const { engine, worker } = start();
  const line = engine.line(URGENCY.picture);
  const fail = () => assert.fail("it is closed");
  line.ask(picture(1), fail);
  line.ask(picture(2), fail);
  line.close();
  line.ask(picture(3), fail);
  worker.work();
});

test("a reading tells what is known of a place, and another reconstruction only if it is one", () => {
  const { engine, worker } = start();
  const line = engine.line(URGENCY.reading);
  const request = {
    kind: /** @type {const} */ ("reading"),
    content: "plain",
    z: Float32Array.of(0, 0),
  };
  /** @type {any} */
  let reading = null;
  line.ask({ ...request, z: Float32Array.of(1, 0), shownRow: -1 }, (answer) => (reading = answer));
  worker.work();
  assert.equal(reading.row, 1);
  assert.equal(reading.distance, 0);
  assert.ok(Math.abs(reading.percentiles[0] - 55.1) < 0.5, reading.percentiles);
  // sigmoid(1) = 0.731, encoded to 1.462; sigmoid(0) = 0.5, encoded to 1
  assert.ok(Math.abs(reading.back - Math.hypot(0.462117, 1)) < 1e-5);
  assert.deepEqual([...reading.pixels], [186, 186, 186, 255, 128, 128, 128, 255]);
  line.ask({ ...request, z: Float32Array.of(2, 0), shownRow: 1 }, (answer) => (reading = answer));
  worker.work();
  assert.equal(reading.pixels, null);
});

test("tiles have the picture and the density of each latent", () => {
  const { engine, worker } = start();
  const latents = Float32Array.of(0, 0, 0, 9);
  /** @type {any} */
  let answer = null;
  engine
    .line(URGENCY.tiles)
    .ask({ kind: "tiles", content: "plain", latents, shares: true }, (given) => (answer = given));
  worker.work();
  assert.ok(Math.abs(answer.shares[0] - 58.1) < 0.1, answer.shares); // log q = −2.338
  assert.equal(answer.shares[1], 0);
  assert.deepEqual(
    [...answer.pixels].filter((_, i) => i % 4 === 0),
    [128, 128, 128, 255],
  );
});

/** @param {string} name @param {() => import("../../static/live/shared/engine.js").Thread} thread */
function testOnPage(name, thread) {
  test(name, async () => {
    const engine = new Engine(thread);
    const summary = await new Promise((use) => engine.open(new Model(payload()), use));
    assert.equal(summary.problem, null);
    const line = engine.line(URGENCY.picture);
    const { pixels } = await new Promise((use) => line.ask(picture(1), use));
    assert.equal(pixels[0], grey(1));
  });
}

testOnPage("a page that may not start workers answers itself", () => {
  throw new Error("SecurityError");
});

testOnPage("a worker that cannot be loaded is replaced", () => {
  const worker = new SlowWorker();
  setTimeout(() => worker.onerror?.({}), 5);
  return worker;
});

test("a worker that dies leaves nothing unanswered", async () => {
  const { engine, worker } = start();
  const lines = [URGENCY.picture, URGENCY.reading, URGENCY.tiles].map((urgency) =>
    engine.line(urgency),
  );
  const answers = lines.map(
    (line, i) => new Promise((use) => line.ask(picture(i), ({ pixels }) => use(pixels[0]))),
  );
  worker.onerror?.({});
  assert.deepEqual(await Promise.all(answers), [grey(0), grey(1), grey(2)]);
  worker.work(); // its answers no longer matter
});

test("a decoder that cannot be run is a sentence that names the operator", () => {
  const decoder = product([[1, 0], [0, 1]], "Swirl"); // prettier-ignore
  const { summary } = start(new Model(payload({}, { decoder })));
  assert.match(summary.problem, /^decoder.onnx: .*Swirl/);
});

test("an encoder that cannot be run leaves all but the return distance", () => {
  const encoder = product([[1, 0], [0, 1]], "Swirl"); // prettier-ignore
  const { summary, engine, worker } = start(new Model(payload({}, { encoder })));
  assert.equal(summary.problem, null);
  assert.match(summary.warning, /^encoder.onnx: .*Swirl/);
  /** @type {any} */
  let reading = null;
  const z = Float32Array.of(0, 0);
  engine
    .line(URGENCY.reading)
    .ask({ kind: "reading", content: "plain", z, shownRow: -1 }, (given) => (reading = given));
  worker.work();
  assert.equal(reading.back, null);
  assert.equal(reading.percentiles[1], null);
});

test("an encoder without variances cannot be refined, which a search says", () => {
  const { engine, worker } = start();
  const line = engine.line(URGENCY.tiles);
  const request = { kind: /** @type {const} */ ("refine"), content: "plain" };
  /** @type {any} */
  let answer = null;
  line.ask({ ...request, image: Float32Array.of(0.2, 0.7) }, (given) => (answer = given));
  worker.work();
  assert.match(answer.problem, /^Refining needs .* an encoder that gives variances/);
});

test("damage on the way is told when the model is opened", () => {
  const bytes = payload();
  bytes[bytes.length - 20] ^= 4;
  assert.match(start(new Model(bytes)).summary.problem, /did not arrive whole \(wrong checksum\)/);
});

test("a forgotten model answers nothing more, and can be opened again", () => {
  const { engine, worker, model } = start();
  engine.forget("plain");
  engine.line(URGENCY.picture).ask(picture(1), () => assert.fail("it is forgotten"));
  worker.work();
  engine.open(model, () => {});
  let count = 0;
  engine.line(URGENCY.picture).ask(picture(1), () => count++);
  worker.work();
  assert.equal(count, 1);
});

test("a line goes on after a request that came to nothing", () => {
  const { engine, worker, model } = start();
  const line = engine.line(URGENCY.picture);
  engine.forget("plain");
  line.ask(picture(1), () => assert.fail("it is forgotten"));
  worker.work();
  engine.open(model, () => {});
  let count = 0;
  line.ask(picture(1), () => count++);
  worker.work();
  assert.equal(count, 1);
});

test("tiles are decoded in slices, each once, from the first to the last", () => {
  const { engine, worker, model } = start();
  /** @type {number[]} */
  const painted = [];
  const decoder = new TileDecoder(engine, model);
  const count = 1000;
  decoder.start(count, (tile, z) => z.fill(tile / count), (pixels, tile) => {
    assert.equal(pixels[0], grey(tile / count));
    painted.push(tile);
  }); // prettier-ignore
  assert.ok(worker.messages[0].request.latents.length / 2 < count);
  worker.work();
  assert.deepEqual(
    painted,
    Array.from({ length: count }, (_, tile) => tile),
  );
});

test("what waits for a picture of tiles is called once they are all painted", () => {
  const { engine, worker, model } = start();
  let [painted, called] = [0, 0];
  const decoder = new TileDecoder(engine, model);
  decoder.start(1000, () => {}, () => painted++); // prettier-ignore
  decoder.whenDone(() => {
    assert.equal(painted, 1000);
    called += 1;
  });
  assert.equal(called, 0);
  worker.work();
  assert.equal(called, 1);
  decoder.whenDone(() => (called += 1));
  assert.equal(called, 2);
});

test("a new start goes on where the one before it was, and ends with every tile as it should be", ({
  mock,
}) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { engine, worker, model } = start();
  const shown = new Array(600).fill(0);
  const decoder = new TileDecoder(engine, model);
  const begin = (/** @type {number} */ value) => {
    decoder.start(600, (_, z) => z.fill(value), (pixels, tile) => (shown[tile] = pixels[0])); // prettier-ignore
  };
  for (let step = 1; step <= 40; step++) {
    begin(step / 10);
    worker.work();
    mock.timers.tick(20);
  }
  assert.ok(shown.every((value) => value > 0), "every tile had its turn"); // prettier-ignore
  for (let frame = 0; frame < 1000; frame++) {
    worker.work();
    mock.timers.tick(20);
  }
  assert.ok(shown.every((value) => value === grey(4)));
});

test("what was decoded for a picture of another size is not painted", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { engine, worker, model } = start();
  const decoder = new TileDecoder(engine, model);
  decoder.start(9, (_, z) => z.fill(1), () => assert.fail("it is another picture")); // prettier-ignore
  /** @type {number[]} */
  const painted = [];
  decoder.start(4, (_, z) => z.fill(2), (_, tile) => painted.push(tile)); // prettier-ignore
  worker.work();
  mock.timers.tick(20);
  worker.work();
  assert.deepEqual(painted, [0, 1, 2, 3]);
});

/**
 * Moves a pointer every 8 ms and shows the pictures of a server that decodes one at a time, 15 ms
 * away; gives what was shown, with how long after its move, and the number of readings.
 *
 * @param {import("node:test").TestContext} test
 * @param {number} decoding milliseconds of a decode @param {number} duration milliseconds
 */
function drag({ mock }, decoding, duration) {
  let [now, free, readings] = [0, 0, 0];
  mock.method(performance, "now", () => now);
  mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {{at: number, id: number, answer: any}[]} */
  const due = [];
  const thread = {
    /** @type {((event: any) => void) | null} */
    onmessage: null,
    onerror: null,
    postMessage(
      /** @type {import("../../static/live/shared/engine.js").Message} */ { id, request },
    ) {
      if (request.kind !== "picture") return due.push({ at: now + 1, id, answer: {} });
      const arrived = now + 15;
      free = Math.max(arrived, free) + decoding;
      due.push({ at: free + 15, id, answer: { pixels: null, pace: free - arrived } });
    },
  };
  const engine = new Engine(() => thread);
  const [pictures, others] = [engine.line(URGENCY.picture), engine.line(URGENCY.reading)];
  /** @type {number[]} */
  const lags = [];
  for (; now < duration; now++, mock.timers.tick(1)) {
    if (now % 8 === 0) {
      const moved = now;
      pictures.ask(picture(0), () => lags.push(now - moved));
      others.ask(
        { kind: "reading", content: "", z: new Float32Array(), shownRow: 0 },
        () => readings++,
      );
    }
    while (due.length && due[0].at <= now) {
      const { id, answer } = /** @type {typeof due[0]} */ (due.shift());
      thread.onmessage?.({ data: { id, answer } });
    }
  }
  return { lags, readings };
}

test("a server that decodes gets the next request when it has done the last, not before", (test) => {
  const { lags } = drag(test, 20, 1000);
  assert.ok(lags.length >= 45, `${lags.length} pictures`); // of 50 that it can decode in a second
  assert.ok(Math.max(...lags) <= 15 + 20 + 15 + 8, `${Math.max(...lags)} ms`);
});

test("readings take little of a slow server's time", (test) => {
  const { lags, readings } = drag(test, 100, 5000);
  assert.ok(lags.length >= 45, `${lags.length} pictures`);
  assert.ok(readings >= 1 && readings <= 3, `${readings} readings`);
});

test("a picture that comes after a later one is not shown", () => {
  const { engine, worker } = start();
  const line = engine.line(URGENCY.picture);
  /** @type {number[]} */
  const shown = [];
  const ask = (/** @type {number} */ x) => line.ask(picture(x), () => shown.push(x));
  const answer = (/** @type {number} */ at) => {
    const [{ id }] = worker.messages.splice(at, 1);
    worker.onmessage?.({ data: { id, answer: { pixels: null, pace: 0 } } });
  };
  ask(1);
  answer(0);
  ask(2);
  ask(3);
  answer(1);
  answer(0);
  assert.deepEqual(shown, [1, 3]);
});
