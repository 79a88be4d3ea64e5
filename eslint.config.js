import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  { files: ["static/**"], languageOptions: { globals: { ...globals.browser, ...globals.worker } } },
  {
    files: ["benchmarks/**", "tests/**"],
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
  },
];
