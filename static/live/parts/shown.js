/** Tells the host once which settings the page shows, as the page applies them by itself. */
export class Shown {
  /** @param {HTMLElement} _ @param {import("../shared/hub.js").Host} host */
  constructor(_, { hub, tell }) {
    const settings = new URLSearchParams();
    hub.settings.write(settings);
    tell("told", Object.fromEntries(settings));
  }

  update() {}

  close() {}
}
