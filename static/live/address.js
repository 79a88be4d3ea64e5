/** Keeps the page's settings in its address. */

/**
 * Takes the settings from the address now and whenever its reader goes back or forward, and
 * writes them into it after every change: of theirs, or by the host, which knows only its own
 * names and rewrites all.
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
  take();
  settings.onChange(write);
  window.addEventListener("popstate", take);
  const { pushState } = history; // which no event tells of in every browser
  history.pushState = (...given) => {
    pushState.apply(history, given);
    write();
  };
}
