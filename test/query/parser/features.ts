/**
 * Every feature that parsing asks for, switched on.
 */

import type { ParserFeature } from "../../../src/query/parser/signatures.js";

const features: readonly ParserFeature[] = [
  "promql-experimental-functions",
  "promql-extended-range-selectors",
  "promql-binop-fill-modifiers",
  "use-start-timestamps",
];

export const everyFeature: ReadonlySet<string> = new Set(features);
