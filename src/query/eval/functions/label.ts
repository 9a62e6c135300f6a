/**
 * `label_replace` and `label_join`: functions of labels alone; values pass through.
 */

import { CapturingRegExp } from "../../../model/capturing-regexp.js";
import { QueryError } from "../../../model/errors.js";
import { METRIC_NAME } from "../../../model/labels.js";
import { mergeSeries } from "../merge-series.js";
import { stringValue, vectorSeries } from "../operands.js";
import { type VectorSeries, vector } from "../value.js";
import type { InstantFunction } from "./function-call.js";

export const labelReplace: InstantFunction = ({ arguments: [operand, ...texts] }) => {
  const [target, template, source, pattern] = texts.map(stringValue) as [string, string, string, string];
  const regexp = compile(pattern);
  checkLabelName(target, "invalid destination label name in label_replace()");
  const series = vectorSeries(operand!).map((each) => {
    const replaced = regexp.expand(each.labels.get(source), template);
    return replaced === undefined ? each : withLabel(each, target, replaced);
  });
  return vector(mergeSeries(series));
};

export const labelJoin: InstantFunction = ({ arguments: [operand, ...texts] }) => {
  const [target, separator, ...sources] = texts.map(stringValue) as [string, string, ...string[]];
  for (const source of sources) checkLabelName(source, "invalid source label name in label_join()");
  checkLabelName(target, "invalid destination label name in label_join()");
  const series = vectorSeries(operand!).map((each) => {
    const joined = sources.map((source) => each.labels.get(source)).join(separator);
    return withLabel(each, target, joined);
  });
  return vector(mergeSeries(series));
};

/** A name that is set anew is a name to keep. */
function withLabel(series: VectorSeries, name: string, value: string): VectorSeries {
  const labels = series.labels.with({ [name]: value });
  return { labels, dropName: name === METRIC_NAME ? false : series.dropName, column: series.column };
}

function compile(pattern: string): CapturingRegExp {
  try {
    return new CapturingRegExp(pattern);
  } catch (cause) {
    throw new QueryError(`invalid regular expression in label_replace(): ${pattern}`, { cause });
  }
}

function checkLabelName(name: string, problem: string): void {
  if (!isLabelName(name)) throw new QueryError(`${problem}: ${name}`);
}

/** Any text but the empty one, if it is UTF-8: what was no character when it was read is U+FFFD now. */
export function isLabelName(name: string): boolean {
  return name !== "" && !name.includes("\ufffd");
}
