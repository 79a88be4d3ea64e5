/** Receives the test images as one picture, if there are any, and hands it to their model. */

/** Characters of the hash that stands before the picture and says whose it is. */
const HASH = 64;

export class Sprite {
  #hub;

  /** @param {HTMLElement} _root @param {import("../shared/hub.js").Host} host */
  constructor(_root, { hub }) {
    this.#hub = hub;
  }

  /** @param {Uint8Array<ArrayBuffer>} data the hash, then a picture or nothing */
  update(data) {
    this.#hub.withModel(new TextDecoder().decode(data.subarray(0, HASH)), async (model) => {
      if (model.sprite) return;
      const picture = new Blob([data.subarray(HASH)]); // empty, or damaged: then there is none
      model.setSprite(await createImageBitmap(picture).catch(() => null));
    });
  }

  close() {}
}
