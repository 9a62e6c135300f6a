/**
 * Signatures: the part of a label set on which two vectors are matched, as a string to look up.
 */

import { type Labels, METRIC_NAME } from "../../../model/labels.js";
import type { VectorMatching } from "../../parser/ast.js";

/** `on`: the named labels. `ignoring`: all but these and the metric name. */
export function matchedLabels(matching: VectorMatching): (labels: Labels) => Labels {
  if (matching.on) {
    const names = new Set(matching.labels);
    return (labels) => labels.keep(names);
  }
  const names = new Set([METRIC_NAME, ...matching.labels]);
  return (labels) => labels.drop(names);
}
