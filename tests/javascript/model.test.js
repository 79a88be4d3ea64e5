import assert from "node:assert/strict";
import { test } from "node:test";
import { Decoder, Encoder } from "../../static/live/shared/codec.js";
import { crc32, Model } from "../../static/live/shared/model.js";
import { evenNoise } from "../../static/live/shared/noise.js";
import { Space } from "../../static/live/shared/space.js";
import { payload, product } from "./models.js";

/** @param {ArrayLike<number>} found @param {number[]} expected */
function near(found, expected) {
  assert.equal(found.length, expected.length);
  expected.forEach((value, i) => assert.ok(Math.abs(found[i] - value) < 1e-6, `${found}`));
}

test("a payload gives back what was put into it", () => {
  const model = new Model(payload());
  model.verify();
  assert.equal(model.content, "plain");
  assert.deepEqual([...model.meanOf(1)], [1, 0]);
  assert.equal(model.classOf(1), "right");
});

test("a payload may lie anywhere in a larger buffer", () => {
  const bytes = payload();
  const larger = new Uint8Array(bytes.length + 7);
  larger.set(bytes, 3);
  const model = new Model(larger.subarray(3, 3 + bytes.length));
  model.verify();
  assert.deepEqual([...model.zMean], [-1, 0, 1, 0]);
});

test("a payload cut short is refused at every length", () => {
  const bytes = payload();
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => new Model(bytes.subarray(0, length)), /did not arrive whole.*reload/);
  }
});

test("a flipped bit is found wherever it is", () => {
  const bytes = payload();
  for (let at = 0; at < bytes.length; at += 7) {
    const damaged = bytes.slice();
    damaged[at] ^= 1;
    assert.throws(() => new Model(damaged).verify(), /did not arrive whole/, String(at));
  }
});

test("the checksum is that of zip files", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926); // the check value of CRC-32
});

test("a Bernoulli decoder gives the sigmoid of its logits", () => {
  const image = new Decoder(new Model(payload())).run(Float32Array.of(0, Math.log(3)));
  near(image, [0.5, 0.75]);
});

test("a Gaussian decoder gives its means, clipped to [0, 1], without the variances", () => {
  // Two pixels: mean and log-variance of each, for z = (1, 2)
  const decoder = product([[0.25, 9, 0, 9], [0, 9, 0.75, 9]]); // prettier-ignore
  const model = new Model(payload({ likelihood: "gaussian" }, { decoder }));
  near(new Decoder(model).run(Float32Array.of(1, 2)), [0.25, 1]);
  near(new Decoder(model).run(Float32Array.of(2, -1)), [0.5, 0]);
});

test("a Gaussian decoder of colours keeps the channels together", () => {
  const row = [0.1, 0.2, 0.3, 9, 9, 9, 0.4, 0.5, 0.6, 9, 9, 9];
  const decoder = product([row, row.map(() => 0)]);
  const header = { likelihood: "gaussian", imageShape: [1, 2, 3] };
  const model = new Model(payload(header, { decoder }));
  near(new Decoder(model).run(Float32Array.of(1, 0)), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
});

test("an encoder gives the place of an image", () => {
  near(new Encoder(new Model(payload())).run(Float32Array.of(0.5, 0.25)), [1, 0.5]);
});

test("networks that do not fit the model, or were not sent, are refused", () => {
  const other = { decoder: product([[1, 2, 3], [4, 5, 6]]), encoder: new Uint8Array(0) }; // prettier-ignore
  const model = new Model(payload({}, other));
  assert.throws(() => new Decoder(model), /decoder gives 3 numbers where the model needs 2/);
  assert.throws(() => new Encoder(model), /too large to be sent/);
});

test("the nearest test image is found", () => {
  const space = new Space(new Model(payload()));
  assert.deepEqual(space.nearest(Float32Array.of(4, 4)), { row: 1, distance: 5 });
  assert.deepEqual(space.nearest(Float32Array.of(-1, -2)), { row: 0, distance: 2 });
});

test("density is that of the mixture of Gaussians", () => {
  const space = new Space(new Model(payload()));
  for (const [x, y, value] of [
    [0, 0, -Math.log(2 * Math.PI) - 0.5],
    [0, 3, -Math.log(2 * Math.PI) - 5],
    [1, 0, -Math.log(4 * Math.PI) + Math.log(1 + Math.exp(-2))],
  ]) {
    near([space.logDensity(Float32Array.of(x, y))], [value]);
  }
});

test("stored reconstructions follow the images that are in the picture", () => {
  const some = new Model(payload({}, { tiles: Int32Array.of(-1, 0) }));
  const all = new Model(payload());
  assert.deepEqual([some, all].map((model) => model.reconstructionTileOf(1)), [2, 3]); // prettier-ignore
});

test("a percentile lies between quantiles of the same reading", () => {
  const space = new Space(new Model(payload()));
  assert.equal(space.percentile(0, -3), 25);
  assert.equal(space.percentile(0, -2.75), 37.5);
  assert.equal(space.percentile(0, -9), 0);
  assert.equal(space.percentile(0, 9), 100);
  assert.equal(space.percentile(2, 1.25), 62.5);
});

test("the verdict is good only while every reading is what test images have", () => {
  const space = new Space(new Model(payload()));
  const verdict = (/** @type {(number | null)[]} */ ...readings) => {
    const { level, reasons } = space.verdict(readings);
    return [level, ...reasons];
  };
  assert.deepEqual(verdict(-2, 1, 0), ["good"]);
  assert.deepEqual(verdict(-2, null, 0), ["good"]); // no encoder
  assert.deepEqual(verdict(-3.5, 1, 0), ["doubtful", "thin"]);
  assert.deepEqual(verdict(-1, 0, 0), ["doubtful", "dense", "exact"]);
  assert.deepEqual(verdict(-2, 3, 2), ["doubtful", "elsewhere", "far"]);
  assert.deepEqual(verdict(-5, 3, 0), ["empty", "thin", "elsewhere"]);
  assert.deepEqual(verdict(-2, 1, 4), ["empty", "far"]);
  assert.deepEqual(verdict(NaN, 1, 0), ["empty", "dense"]);
});

test("even noise has mean 0 and variance 1 along each axis, and no two axes alike", () => {
  const noise = evenNoise(16, 80);
  for (let i = 0; i < 80; i++) {
    const [mean, variance, common] = [0, 0, 0].map((_, what) =>
      noise.reduce((sum, z) => sum + [z[i], z[i] ** 2, z[i] * z[(i + 1) % 80]][what] / 16, 0),
    );
    near([mean, variance], [0, 1]);
    assert.ok(Math.abs(common) < 0.95);
  }
});
