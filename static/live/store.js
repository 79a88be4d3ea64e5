/** Receives a model from the server and hands it to the other parts. */

import { Network } from "./decoder.js";
import { has, provide } from "./hub.js";
import { Model } from "./model.js";

/** @param {{parentElement: any, data: Uint8Array}} component */
export default function render({ parentElement: root, data }) {
  try {
    const model = new Model(data);
    if (has(model.content)) return;
    for (const part of [model.decoder, model.encoder]) {
      if (part) new Network(part.program, part.weights); // reports damage, once, here
    }
    provide(model);
  } catch (error) {
    const alert = document.createElement("div");
    alert.className = "problem";
    alert.setAttribute("role", "alert");
    alert.textContent = `The model did not arrive whole; reload the page. ${error.message}`;
    root.append(alert);
  }
}
