/**
 * A query's result as the JSON of the Prometheus API, and back: sample values as strings (`"1.5"`, `"+Inf"`,
 * `"NaN"`), times as seconds with a fraction of three digits where there is one (`1435781451.781`, `10`).
 *
 * A result is written in pieces, one series at a time, so that a large matrix is streamed and never stands in
 * memory as objects. Labels are written in their own order (a JavaScript object would move names as "1" ahead).
 *
 * Source: Prometheus `util/jsonutil/marshal.go`, `web/api/v1/json_codec.go`.
 */

import type { MatrixResult, QueryResult, VectorResult } from "../api.js";
import { unreachable } from "../model/assert.js";
import { formatFloatJson, parseFloatText } from "../model/float-text.js";
import { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";

/** Notes on a result, as Prometheus words them. */
export type Annotations = Pick<QueryResult, "warnings" | "infos">;

type EncodedSample = readonly [seconds: number, value: string];

interface EncodedSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: EncodedSample;
  readonly values?: readonly EncodedSample[];
}

type EncodedResult =
  | { readonly resultType: "vector" | "matrix"; readonly result: readonly EncodedSeries[] }
  | { readonly resultType: "scalar" | "string"; readonly result: EncodedSample };

/** The `data` of a query's reply, in pieces of one series. */
export function* encodeQueryResult(result: QueryResult): Generator<string> {
  yield `{"resultType":"${result.type}","result":`;
  switch (result.type) {
    case "vector":
      yield* encodeArray(result.series, encodeVectorSeries);
      break;
    case "matrix":
      yield* encodeArray(result.series, encodeMatrixSeries);
      break;
    case "scalar":
      yield encodeSample(result.time, result.value);
      break;
    case "string":
      yield `[${encodeTime(result.time)},${JSON.stringify(result.value)}]`;
      break;
    default:
      unreachable(result);
  }
  yield "}";
}

/** What `encodeQueryResult` writes, parsed as JSON. `data` is trusted to be an answer to a query. */
export function decodeQueryResult(data: unknown, annotations: Annotations): QueryResult {
  const { resultType, result } = data as EncodedResult;
  const { warnings, infos } = annotations;
  switch (resultType) {
    case "vector":
      return { type: "vector", series: result.map(decodeVectorSeries), warnings, infos };
    case "matrix":
      return { type: "matrix", series: result.map(decodeMatrixSeries), warnings, infos };
    case "scalar":
      return { type: "scalar", time: decodeTime(result[0]), value: decodeValue(result[1]), warnings, infos };
    case "string":
      return { type: "string", time: decodeTime(result[0]), value: result[1], warnings, infos };
  }
}

/** A JSON array in pieces, one element each. */
export function* encodeArray<T>(elements: Iterable<T>, encode: (element: T) => string): Generator<string> {
  let separator = "[";
  for (const element of elements) {
    yield separator + encode(element);
    separator = ",";
  }
  yield separator === "[" ? "[]" : "]";
}

export function encodeLabels(labels: Labels): string {
  let text = "";
  for (let i = 0; i < labels.size; i++) {
    const separator = i === 0 ? "" : ",";
    text += `${separator}${JSON.stringify(labels.nameAt(i))}:${JSON.stringify(labels.valueAt(i))}`;
  }
  return `{${text}}`;
}

/** Milliseconds as seconds: -1500 gives `-1.500`, 10000 gives `10`. */
export function encodeTime(time: TimestampMs): string {
  const magnitude = Math.abs(time);
  const fraction = magnitude % 1000;
  const seconds = `${time < 0 ? "-" : ""}${(magnitude - fraction) / 1000}`;
  return fraction === 0 ? seconds : `${seconds}.${fraction.toString().padStart(3, "0")}`;
}

/** A sample value without its quotes. */
export function encodeValue(value: number): string {
  const magnitude = Math.abs(value);
  // Within these bounds JavaScript's own text is the one that Go writes, and several times faster to make.
  return magnitude >= 1e-6 && magnitude < 1e21 ? String(value) : formatFloatJson(value);
}

export function decodeValue(text: string): number {
  return parseFloatText(text) ?? Number.NaN;
}

function encodeSample(time: TimestampMs, value: number): string {
  return `[${encodeTime(time)},"${encodeValue(value)}"]`;
}

function encodeVectorSeries(series: VectorResult["series"][number]): string {
  return `{"metric":${encodeLabels(series.labels)},"value":${encodeSample(series.time, series.value)}}`;
}

function encodeMatrixSeries(series: MatrixResult["series"][number]): string {
  const { times, values } = series;
  let text = `{"metric":${encodeLabels(series.labels)},"values":[`;
  for (let i = 0; i < times.length; i++) {
    const separator = i === 0 ? "" : ",";
    text += separator + encodeSample(times[i]!, values[i]!);
  }
  return `${text}]}`;
}

function decodeVectorSeries({ metric, value = [0, ""] }: EncodedSeries): VectorResult["series"][number] {
  return { labels: Labels.from(metric), time: decodeTime(value[0]), value: decodeValue(value[1]) };
}

function decodeMatrixSeries({ metric, values = [] }: EncodedSeries): MatrixResult["series"][number] {
  return {
    labels: Labels.from(metric),
    times: Float64Array.from(values, ([seconds]) => decodeTime(seconds)),
    values: Float64Array.from(values, ([, value]) => decodeValue(value)),
  };
}

function decodeTime(seconds: number): TimestampMs {
  return Math.round(seconds * 1000);
}
