import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers } from "../../static/live/shared/answers.js";
import { errorMap, fromPixels, toGrey } from "../../static/live/shared/paint.js";
import { centring } from "../../static/live/shared/sketch.js";
import { near, payload, product } from "./models.js";

/** A grey image of 28 × 28 with a rectangle on black. @param {number[]} rectangle */
function rectangleAt([left, top, width, height]) {
  const pixels = new Uint8ClampedArray(4 * 28 * 28);
  for (let y = top; y < top + height; y++) {
    for (let x = left; x < left + width; x++) pixels.fill(255, 4 * (28 * y + x), 4 * (28 * y + x + 1));
  }
  return pixels;
} // prettier-ignore

test("a picture becomes grey by its luma", () => {
  const pixels = Uint8ClampedArray.of(255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255);
  toGrey(pixels);
  assert.deepEqual([...pixels], [76, 76, 76, 255, 150, 150, 150, 255, 29, 29, 29, 255]);
});

test("an object is placed as MNIST's are: 20 pixels long, its centre of mass in the middle", () => {
  const [scale, right, down] = centring(rectangleAt([2, 5, 4, 10]), 28, 0, 20);
  assert.equal(scale, 2);
  assert.deepEqual([scale * 4 + right, scale * 10 + down], [14, 14]);
  assert.deepEqual(centring(rectangleAt([0, 0, 0, 0]), 28, 0, 20), [1, 0, 0]);
  assert.equal(centring(rectangleAt([5, 5, 2, 2]), 28, 0, 20)[0], 4); // a dot stays one
});

test("pixels become values of one channel or three", () => {
  const pixels = Uint8ClampedArray.of(255, 0, 51, 255);
  near(fromPixels(pixels, 1), [1]);
  near(fromPixels(pixels, 3), [1, 0, 0.2]);
});

test("an error map is transparent where nothing differs, and full where all does", () => {
  const [white, black] = [Uint8ClampedArray.of(255, 255, 255, 255), Uint8ClampedArray.of(0, 0, 0, 255)]; // prettier-ignore
  const colours = [[1, 0, 0], [0, 0, 1]]; // prettier-ignore
  assert.deepEqual([...errorMap(white, white, colours)].slice(3), [0]);
  assert.deepEqual([...errorMap(black, white, colours)], [255, 0, 0, 255]);
  assert.deepEqual([...errorMap(white, black, colours)], [0, 0, 255, 255]);
});

/**
 * The answer to a request about a drawing.
 *
 * @param {any} header @param {any} sections @param {number[]} image
 */
function askAbout(header, sections, image) {
  const answers = new Answers();
  answers.answer({ kind: "open", content: "plain", payload: payload(header, sections) });
  return answers.answer({
    kind: "drawing",
    content: "plain",
    image: Float32Array.from(image),
    neighbours: 5,
  });
}

test("a drawing gets its place, its terms in nats and its neighbours", () => {
  const { z, reconstruction, kl, rows, pixels } = askAbout({}, {}, [0.5, 0]);
  near(z, [1, 0]);
  assert.deepEqual(rows, [1, 0]);
  assert.equal(pixels[4], 128);
  // Softplus(1) − 0.5 for the first pixel, log 2 for the second
  near([reconstruction], [Math.log(1 + Math.E) - 0.5 + Math.log(2)]);
  assert.equal(kl, null); // this encoder gives no variance
});

test("a Gaussian's term has means and log-variances side by side in every pixel", () => {
  const gaussian = { likelihood: "gaussian" };
  const decoder = product([[1, 0, 0, 0], [0, 0, 0, 0]]); // prettier-ignore
  const { reconstruction } = askAbout(gaussian, { decoder }, [0.5, 0]);
  near([reconstruction], [Math.log(2 * Math.PI) + 0.5 * (0.5 - 1) ** 2]);
});
