/** Colours of dots, for a light and a dark page. */

import { SYMBOLS } from "./symbols.js";

/** @typedef {[number, number, number]} Rgb 0 to 255 */

/**
 * Colours of each theme: ten for classes, with a contrast of at least 3:1 against the page, which
 * colour-blind users can tell apart; one for all classes if there are too many; and a scale for
 * values from low to high.
 */
const THEMES = {
  light: {
    classes: ["#0393ff", "#ff4b69", "#1c6b00", "#ac2b84", "#7c850d", "#3152ff", "#c66aae", "#593307", "#7f33bf", "#421793"],
    hue: "#6741d9",
    scale: ["#b97f00", "#d9480f", "#b0185f", "#6a1b9a", "#1d1a6b"],
  },
  dark: {
    classes: ["#ffe33a", "#ae2ef3", "#f76b10", "#4fffda", "#bc1d75", "#00b171", "#e692c0", "#336ba8", "#9ed17e", "#ac81ff"],
    hue: "#b197fc",
    scale: ["#6a5fd0", "#b455c8", "#f06595", "#ff922b", "#ffe066"],
  },
}; // prettier-ignore

/** @param {string} hex @returns {Rgb} */
export function rgbOf(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** The colours and symbols of classes and values in a theme. */
export class Palette {
  #theme;

  /** @param {number} count of classes @param {boolean} isDark */
  constructor(count, isDark) {
    this.#theme = THEMES[isDark ? "dark" : "light"];
    /** Whether there are enough pairs of colour and symbol to distinguish the classes. */
    this.tells = count <= this.#theme.classes.length * SYMBOLS.length;
  }

  /** Colour of a class; after ten they repeat, with other symbols. @param {number} label */
  colourOf(label) {
    const { classes, hue } = this.#theme;
    return this.tells ? classes[label % classes.length] : hue;
  }

  /** Index of a class's symbol. @param {number} label */
  symbolOf(label) {
    return this.tells ? Math.floor(label / this.#theme.classes.length) : 0;
  }

  /** Colours from low to high. */
  get scale() {
    return this.#theme.scale;
  }

  /** Colour of a value by its share of the range, 0 to 1. @param {number} share @returns {Rgb} */
  at(share) {
    const stops = this.#theme.scale.map(rgbOf);
    const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
    const i = Math.min(Math.floor(place), stops.length - 2);
    const [r, g, b] = stops[i].map((low, c) => low + (place - i) * (stops[i + 1][c] - low));
    return [r, g, b];
  }
}
