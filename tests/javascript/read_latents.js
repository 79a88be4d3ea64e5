/**
 * Reads latents as the page does: `node read_latents.js MODEL LATENTS` with a payload and
 * float32 numbers prints the readings at each place as JSON.
 */

import { readFileSync } from "node:fs";
import { Answers } from "../../static/live/shared/answers.js";
import { Model } from "../../static/live/shared/model.js";

const [payload, latents] = process.argv
  .slice(2, 4)
  .map((path) => new Uint8Array(readFileSync(path)));
const { content, header } = new Model(payload);
const answers = new Answers();
const { problem } = answers.answer({ kind: "open", content, payload });
if (problem) throw new Error(problem);
const values = new Float32Array(latents.slice().buffer);
const found = [];
for (let from = 0; from < values.length; from += header.latentDim) {
  const z = values.subarray(from, from + header.latentDim);
  const { verdict, percentiles } = answers.answer({ kind: "reading", content, z, shownRow: -1 });
  found.push({ verdict, percentiles });
}
console.log(JSON.stringify(found));
