/** Receives the test images as one picture, if there are any, and hands it to their model. */

/** Characters of the hash at the start, which identifies the model of these pictures. */
const HASH = 64;
/** Follows the hash if each original can be requested; `explorer/web/payload.py` writes it. */
const NOT_ALL = "~";

export class Sprite {
  #hub;

  /** @param {HTMLElement} _root @param {import("../shared/hub.js").Host} host */
  constructor(_root, { hub }) {
    this.#hub = hub;
  }

  /** @param {Uint8Array<ArrayBuffer>} data the hash, a flag, then a picture or nothing */
  update(data) {
    const head = new TextDecoder().decode(data.subarray(0, HASH + 1));
    this.#hub.withModel(head.slice(0, HASH), async (model) => {
      if (model.sprite) return;
      model.isExact = head[HASH] !== NOT_ALL;
      const picture = new Blob([data.subarray(HASH + 1)]); // empty, or damaged: then there is none
      model.setSprite(await createImageBitmap(picture).catch(() => null));
    });
  }

  close() {}
}
