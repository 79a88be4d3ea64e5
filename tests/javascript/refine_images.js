/**
 * Refines the latents of images as the page does: `node refine_images.js MODEL IMAGES NOISE` with a
 * payload and float32 numbers: images, and noise for 16 and for 40 draws of the first image only.
 * Prints the result for each image with the page's own noise, then for the first with the given
 * noise.
 */

import { readFileSync } from "node:fs";
import { Answers } from "../../static/live/shared/answers.js";
import { Decoder, Encoder } from "../../static/live/shared/codec.js";
import { Model } from "../../static/live/shared/model.js";
import { refine } from "../../static/live/shared/refine.js";

const [payload, ...files] = process.argv.slice(2).map((file) => new Uint8Array(readFileSync(file)));
const [images, noise] = files.map((bytes) => new Float32Array(bytes.slice().buffer));
const model = new Model(payload);
const { content, header } = model;
const size = header.imageShape.reduce((product, length) => product * length);

/** @param {Float32Array} values @param {number} length @returns {Float32Array[]} */
const split = (values, length) =>
  Array.from({ length: values.length / length }, (_, i) =>
    values.subarray(i * length, (i + 1) * length),
  );

const answers = new Answers();
answers.answer({ kind: "open", content, payload });
for (const [job, image] of split(images, size).entries()) {
  /** @type {any} */
  let answer = {};
  while (!answer.found) answer = answers.answer({ kind: "refine", content, image, job });
  console.log(JSON.stringify(answer.found));
}
const draws = split(noise, header.latentDim);
const given = [draws.slice(0, 16), draws.slice(16)];
const networks = /** @type {const} */ ([new Encoder(model), new Decoder(model)]);
const steps = refine(...networks, images.slice(0, size), header.refining, 0, given);
let step = steps.next();
while (!step.done) step = steps.next();
console.log(JSON.stringify(step.value));
