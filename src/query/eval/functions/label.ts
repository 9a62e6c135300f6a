/**
 * `label_replace` and `label_join`: functions of labels alone; values pass through.
 */

import { CapturingRegExp } from "../../../model/capturing-regexp.js";
import { QueryError } from "../../../model/errors.js";
import { METRIC_NAME } from "../../../model/labels.js";
import { LABEL_VALUE_LENGTH_MAX, LABEL_WORK } from "../budget.js";
import { mergeSeries } from "../merge-series.js";
import { stringValue, vectorSeries } from "../operands.js";
import { type VectorSeries, vector } from "../value.js";
import type { InstantFunction } from "./function-call.js";

/** What matching one character costs, in samples. */
const matchWork = 100;

export const labelReplace: InstantFunction = function* ({ arguments: [operand, ...texts], context }) {
  const [target, template, source, pattern] = texts.map(stringValue) as [string, string, string, string];
  const regexp = compile(pattern);
  checkLabelName(target, "invalid destination label name in label_replace()");
  const series: VectorSeries[] = [];
  for (const each of vectorSeries(operand!)) {
    const value = each.labels.get(source);
    const replaced = regexp.expand(value, template, LABEL_VALUE_LENGTH_MAX);
    if (replaced !== undefined) context.budget.reserveLabels(replaced.length);
    series.push(replaced === undefined ? each : withLabel(each, target, replaced));
    if (context.budget.tick(LABEL_WORK + matchWork * (value.length + (replaced?.length ?? 0)))) yield;
  }
  return vector(yield* mergeSeries(series, context.budget));
};

export const labelJoin: InstantFunction = function* ({ arguments: [operand, ...texts], context }) {
  const [target, separator, ...sources] = texts.map(stringValue) as [string, string, ...string[]];
  for (const source of sources) checkLabelName(source, "invalid source label name in label_join()");
  checkLabelName(target, "invalid destination label name in label_join()");
  const separatorsLength = separator.length * Math.max(0, sources.length - 1);
  const series: VectorSeries[] = [];
  for (const each of vectorSeries(operand!)) {
    const values = sources.map((source) => each.labels.get(source));
    context.budget.reserveLabels(values.reduce((length, value) => length + value.length, separatorsLength));
    series.push(withLabel(each, target, values.join(separator)));
    if (context.budget.tick(LABEL_WORK * (1 + sources.length))) yield;
  }
  return vector(yield* mergeSeries(series, context.budget));
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
