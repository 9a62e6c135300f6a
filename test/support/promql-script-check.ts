/**
 * What a query gave, held against what a script expects: undefined when they agree, else what differs.
 */

import type { Labels } from "../../src/model/labels.js";
import type { EngineResult } from "../../src/query/engine.js";
import type { EvalCommand, Expectation, ExpectedText } from "./promql-script.js";
import type { SeriesLine } from "./promql-script-series.js";

/** Of the field's runner; scripts are written with ten digits. */
const relativeTolerance = 1e-6;

/** The texts of failures and annotations. */
export function checkTexts(
  type: ExpectedText,
  command: EvalCommand,
  texts: readonly string[],
): string | undefined {
  const expected = command.expectations.filter((each) => each.type === type);
  if (type !== "fail" && command.none.has(type) && texts.length > 0) {
    return `expected no ${type}, got ${JSON.stringify(texts)}`;
  }
  if (expected.length === 0) return undefined;
  const unmet = expected.find((each) => !texts.some((text) => agrees(each, text)));
  if (unmet !== undefined) return `expected ${type} ${describe(unmet)}, got ${JSON.stringify(texts)}`;
  const unexpected = texts.find((text) => !expected.some((each) => agrees(each, text)));
  return unexpected === undefined ? undefined : `unexpected ${type}: ${unexpected}`;
}

function agrees({ message, pattern }: Expectation, text: string): boolean {
  if (message !== undefined) return text === message;
  return pattern === undefined || pattern.test(text);
}

function describe({ message, pattern }: Expectation): string {
  return message ?? pattern?.source ?? "of any text";
}

/** The value of an instant query. */
export function checkInstant(command: EvalCommand, result: EngineResult): string | undefined {
  switch (result.type) {
    case "string":
      return result.value === command.text ? undefined : `expected ${command.text}, got ${result.value}`;
    case "scalar":
      if (command.scalar === undefined) return `got a scalar, ${result.value}`;
      return areClose(result.value, command.scalar)
        ? undefined
        : `expected ${command.scalar}, got ${result.value}`;
    case "matrix":
      if (command.rangeVector === undefined) return "got a range vector";
      return checkMatrix(command.series, result, command.rangeVector);
    case "vector":
      return checkVector(command, result.series);
  }
}

export interface LabelledValue {
  readonly labels: Labels;
  readonly value: number;
}

export function checkVector(command: EvalCommand, series: readonly LabelledValue[]): string | undefined {
  if (command.scalar !== undefined) return `expected the scalar ${command.scalar}, got a vector`;
  const got = series.map(({ labels, value }) => `${labels} ${value}`).join("; ");
  const expected = command.series.filter(({ points }) => points[0] !== undefined);
  if (series.length !== expected.length)
    return `expected ${expected.length} series, got ${series.length}: ${got}`;
  for (const [index, { labels, points }] of expected.entries()) {
    const found = command.ordered ? series[index] : series.find((each) => each.labels.equals(labels));
    if (found === undefined || !found.labels.equals(labels)) return `expected ${labels}, got ${got}`;
    const [value] = points;
    if (typeof value !== "number" || !areClose(found.value, value))
      return `${labels}: expected ${value}, got ${found.value}`;
  }
  return undefined;
}

/** Points of a range query, or of a range vector. */
export function checkMatrix(
  expected: readonly SeriesLine[],
  result: EngineResult,
  times: { readonly start: number; readonly end: number; readonly stepMs: number },
): string | undefined {
  if (result.type !== "matrix") return `expected a matrix, got a ${result.type}`;
  const wanted = expected.filter(({ points }) => points.some((point) => point !== undefined));
  const sorted = result.series.every(
    ({ labels }, i) => i === 0 || result.series[i - 1]!.labels.compare(labels) < 0,
  );
  if (!sorted) return "series are not in label order";
  if (result.series.length !== wanted.length) {
    const got = result.series.map(({ labels }) => labels).join("; ");
    return `expected ${wanted.length} series, got ${result.series.length}: ${got}`;
  }
  for (const { labels, points } of wanted) {
    const found = result.series.find((each) => each.labels.equals(labels));
    if (found === undefined)
      return `${labels} is missing among ${result.series.map((each) => each.labels).join("; ")}`;
    const steps = Math.floor((times.end - times.start) / times.stepMs) + 1;
    const got = new Map(Array.from(found.times, (time, i) => [time, found.values[i]!]));
    for (let step = 0; step < Math.max(steps, points.length); step++) {
      const time = times.start + step * times.stepMs;
      const point = points[step];
      const value = got.get(time);
      got.delete(time);
      if (point === undefined && value === undefined) continue;
      if (typeof point !== "number" || value === undefined || !areClose(value, point)) {
        return `${labels} at ${time} ms: expected ${point}, got ${value}`;
      }
    }
    if (got.size > 0) return `${labels}: unexpected points at ${[...got.keys()].join(", ")} ms`;
  }
  return undefined;
}

function areClose(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (a === b) return true;
  const difference = Math.abs(a - b);
  const sum = Math.abs(a) + Math.abs(b);
  if (a === 0 || b === 0 || sum < 2 ** -1022) return difference < relativeTolerance * 2 ** -1022;
  return difference / Math.min(sum, Number.MAX_VALUE) < relativeTolerance;
}
