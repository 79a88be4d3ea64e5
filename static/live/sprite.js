/** Receives the test set's images as one picture, if there are any, and hands it to their model. */

import { withModel } from "./hub.js";

/** Images in a row of the picture, as in `explorer/ui/live.py`. */
export const COLUMNS = 100;

/** Characters of the hash that stands before the picture and says whose it is. */
const HASH = 64;

/** @param {{data: Uint8Array}} component */
export default function render({ data }) {
  withModel(new TextDecoder().decode(data.subarray(0, HASH)), async (model) => {
    if (model.sprite) return;
    const picture = new Blob([data.subarray(HASH)], { type: "image/png" });
    model.setSprite(picture.size ? await createImageBitmap(picture) : null);
  });
}
