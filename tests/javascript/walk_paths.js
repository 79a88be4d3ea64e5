/**
 * Walks from one latent to another as a page without a server does: `node walk_paths.js MODEL ENDS`
 * with a payload and the two ends as float32; writes a line of JSON for each kind of path.
 */

import { readFileSync } from "node:fs";
import { Answers } from "../../static/live/shared/answers.js";
import { Model } from "../../static/live/shared/model.js";
import { kindsOfPath, walk } from "../../static/live/shared/walk.js";

const [payload, bytes] = process.argv.slice(2).map((file) => new Uint8Array(readFileSync(file)));
const ends = new Float32Array(bytes.slice().buffer);
const model = new Model(payload);
const { content } = model;
const answers = new Answers();
answers.answer({ kind: "open", content, payload });
for (const kind of kindsOfPath(model)) {
  const half = ends.length / 2;
  const points = walk(model, kind, ends.subarray(0, half), ends.subarray(half));
  const latents = Float32Array.from(points.flat());
  /** @type {any} */
  let answer = { goesOn: true };
  while (answer.goesOn) answer = answers.answer({ kind: "path", content, latents });
  const { changes, shares, back } = answer;
  console.log(JSON.stringify({ kind, points, changes: [...changes], shares: [...shares], back }));
}
