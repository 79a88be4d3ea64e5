/** Icons of the map's buttons, 24 × 24. */

/** @param {string} path */
const icon = (path) =>
  `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${path}"/></svg>`;

export const ICONS = {
  move: icon("M12 3v18M3 12h18M12 3l-2.5 2.5M12 3l2.5 2.5M12 21l-2.5-2.5M12 21l2.5-2.5M3 12l2.5-2.5M3 12l2.5 2.5M21 12l-2.5-2.5M21 12l-2.5 2.5"),
  box: icon("M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M11 4h2M11 20h2M4 11v2M20 11v2"),
  lasso: icon("M12 4c5 0 9 2.5 9 6s-4 6-9 6-9-2.500-9-6 4-6 9-6zM7 15c-2 1-2 4 0 4s2 2 0 3"),
  closer: icon("M12 5v14M5 12h14"),
  farther: icon("M5 12h14"),
  whole: icon("M4 11l8-7 8 7M6 10v10h12V10"),
  full: icon("M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"),
  save: icon("M12 4v11M7.500 11l4.500 4.500 4.500-4.500M4 20h16"),
}; // prettier-ignore
