/** All operators that this page runs, by their ONNX names; each operator is one entry. */

import { CONVOLUTION } from "./convolution.js";
import { ELEMENTWISE } from "./elementwise.js";
import { MATRIX } from "./matrix.js";
import { NORMALISATION } from "./normalisation.js";
import { REDUCTION } from "./reduction.js";
import { RESIZING } from "./resizing.js";
import { SELECTION } from "./selection.js";
import { SHAPES } from "./shapes.js";

/** @type {Record<string, import("../node.js").Operator>} */
export const OPERATORS = {
  ...CONVOLUTION,
  ...ELEMENTWISE,
  ...MATRIX,
  ...NORMALISATION,
  ...REDUCTION,
  ...RESIZING,
  ...SELECTION,
  ...SHAPES,
};
