/** Keeps the page's settings in its address. */

/**
 * Takes the settings from the address now and whenever the user goes back or forward, and writes
 * them into it after every change: of the settings, or by the host, which knows only its own
 * parameters and rewrites the whole query.
 *
 * @param {import("./shared/settings.js").Settings} settings
 */
export function keepInAddress(settings) {
  const take = () => settings.take(new URLSearchParams(location.search));
  const write = () => {
    const parameters = new URLSearchParams(location.search);
    const before = String(parameters);
    settings.write(parameters);
    if (String(parameters) === before) return;
    const query = String(parameters);
    const address = `${location.pathname}${query && "?"}${query}${location.hash}`;
    history.replaceState(history.state, "", address);
  };
  settings.onChange(write);
  take();
  window.addEventListener("popstate", take);
  const { pushState } = history; // for which not every browser has an event
  history.pushState = (...given) => {
    pushState.apply(history, given);
    write();
  };
}
