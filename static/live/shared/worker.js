/** The worker that all parts of a page share: answers the requests of `engine.js`. */

import { Answers } from "./answers.js";

const answers = new Answers();

self.onmessage = ({ data: { id, request } }) => {
  const give = (/** @type {any} */ answer) => {
    const transfer = answer?.pixels ? [answer.pixels.buffer] : [];
    self.postMessage({ id, answer }, { transfer });
  };
  const answer = answers.answer(request);
  if (answer instanceof Promise) void answer.then(give, reportError);
  else give(answer);
};
