/** The other side of `runner.js`: one network in a thread of its own. */

import { Network } from "./decoder.js";

/** @type {Network} */
let network;

self.onmessage = ({ data }) => {
  if (data.program) {
    network = new Network(data.program, data.weights);
    self.postMessage("ready");
  } else {
    network.run(data.input, data.output);
    self.postMessage(data, [data.input.buffer, data.output.buffer]);
  }
};
