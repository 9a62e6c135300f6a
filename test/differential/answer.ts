/**
 * Answer: what either side says to a query, in one form, and the comparison of two.
 */

import { decodeValue } from "../../src/api/result-json.js";
import type { QueryResult } from "../../src/api.js";
import { unreachable } from "../../src/model/assert.js";
import { compareText } from "../../src/model/text-order.js";

export type Answer =
  | { readonly kind: "error"; readonly status: number; readonly errorType: string; readonly message: string }
  | {
      readonly kind: "result";
      readonly type: string;
      /** In the order of the answer. */
      readonly series: readonly AnsweredSeries[];
      readonly warnings: readonly string[];
      readonly infos: readonly string[];
    };

export interface AnsweredSeries {
  /** Equal exactly for equal labels; the text of a string result. */
  readonly key: string;
  /** Milliseconds. */
  readonly times: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** The relative difference of values that passes for none. */
export const tolerance = 1e-12;

interface EncodedSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

interface EncodedAnswer {
  readonly status: string;
  readonly errorType?: string;
  readonly error?: string;
  readonly data: { readonly resultType: string; readonly result: unknown };
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

/** From the JSON of the HTTP API. */
export function decodeAnswer(status: number, body: string): Answer {
  const {
    data,
    errorType = "",
    error = "",
    warnings = [],
    infos = [],
    ...envelope
  } = JSON.parse(body) as EncodedAnswer;
  if (envelope.status !== "success") return { kind: "error", status, errorType, message: error };
  const { resultType: type, result } = data;
  const series =
    type === "vector" || type === "matrix"
      ? (result as readonly EncodedSeries[]).map(decodeSeries)
      : [decodeSingle(type, result as readonly [number, string])];
  return { kind: "result", type, series, warnings, infos };
}

function decodeSeries({
  metric,
  value,
  values = value === undefined ? [] : [value],
}: EncodedSeries): AnsweredSeries {
  return {
    key: keyOf(Object.entries(metric)),
    times: values.map(([seconds]) => Math.round(seconds * 1000)),
    values: values.map(([, text]) => decodeValue(text)),
  };
}

function decodeSingle(type: string, [seconds, text]: readonly [number, string]): AnsweredSeries {
  const isString = type === "string";
  return {
    key: isString ? text : "",
    times: [Math.round(seconds * 1000)],
    values: isString ? [] : [decodeValue(text)],
  };
}

/** Of a query in process. */
export function answerOf(result: QueryResult): Answer {
  const { type, warnings, infos } = result;
  return { kind: "result", type, series: seriesOf(result), warnings, infos };
}

function seriesOf(result: QueryResult): readonly AnsweredSeries[] {
  switch (result.type) {
    case "vector":
      return result.series.map(({ labels, time, value }) => ({
        key: keyOf(labels),
        times: [time],
        values: [value],
      }));
    case "matrix":
      return result.series.map(({ labels, times, values }) => ({ key: keyOf(labels), times, values }));
    case "scalar":
      return [{ key: "", times: [result.time], values: [result.value] }];
    case "string":
      return [{ key: result.value, times: [result.time], values: [] }];
  }
  return unreachable(result);
}

function keyOf(labels: Iterable<readonly [string, string]>): string {
  const pairs = [...labels].sort(([a], [b]) => compareText(a, b));
  return `{${pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}}`;
}

/** In words how two answers differ, undefined when they do not. `inOrder`: the order of values is defined. */
export function differenceOf(ours: Answer, theirs: Answer, inOrder: boolean): string | undefined {
  if (ours.kind === "error" || theirs.kind === "error") {
    if (ours.kind !== theirs.kind) return `${describe(ours)}, not ${describe(theirs)}`;
    const [a, b] = [ours, theirs] as Extract<Answer, { kind: "error" }>[];
    const isSame = a!.status === b!.status && a!.errorType === b!.errorType;
    return isSame ? undefined : `${describe(a!)}, not ${describe(b!)}`;
  }
  if (ours.type !== theirs.type) return `a ${ours.type}, not a ${theirs.type}`;
  const others = new Map(theirs.series.map((series) => [series.key, series]));
  for (const series of ours.series) {
    const other = others.get(series.key);
    if (other === undefined) return `${series.key} is only in ours`;
    others.delete(series.key);
    const difference = pointDifference(series, other);
    if (difference !== undefined) return `${series.key}: ${difference}`;
  }
  for (const key of others.keys()) return `${key} is only in theirs`;
  return inOrder ? orderDifference(ours.series, theirs.series) : undefined;
}

function describe(answer: Answer): string {
  if (answer.kind === "error") return `error ${answer.status} ${answer.errorType} (${answer.message})`;
  return `a ${answer.type} of ${answer.series.length} series`;
}

function pointDifference(ours: AnsweredSeries, theirs: AnsweredSeries): string | undefined {
  for (let i = 0; i < Math.max(ours.times.length, theirs.times.length); i++) {
    if (ours.times[i] !== theirs.times[i]) return `point ${i} at ${ours.times[i]}, not at ${theirs.times[i]}`;
    const [a, b] = [ours.values[i], theirs.values[i]];
    if (a === undefined || b === undefined || areClose(a, b)) continue;
    return `${a}, not ${b}, at ${ours.times[i]}`;
  }
  return undefined;
}

/** Equal values may change places. */
function orderDifference(
  ours: readonly AnsweredSeries[],
  theirs: readonly AnsweredSeries[],
): string | undefined {
  const at = ours.findIndex((series, i) => !areClose(series.values[0] ?? 0, theirs[i]!.values[0] ?? 0));
  return at < 0 ? undefined : `in place ${at} ${ours[at]!.key}, not ${theirs[at]!.key}`;
}

function areClose(a: number, b: number): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
