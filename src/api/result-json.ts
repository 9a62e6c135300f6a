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
import { parseFloatText } from "../model/float-text.js";
import { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { encodeValue, PointsEncoder } from "./points-json.js";

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

/** JSON in pieces, as text or, where there is much of it, already as UTF-8. */
export type JsonPieces = Iterable<string | Uint8Array>;

/** The `data` of a query's reply, in pieces of one series or less. */
export function* encodeQueryResult(result: QueryResult): Generator<string | Uint8Array> {
  yield `{"resultType":"${result.type}","result":`;
  switch (result.type) {
    case "vector":
      yield* encodeArray(result.series, encodeVectorSeries);
      break;
    case "matrix":
      yield* encodeMatrix(result.series);
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

/** All pieces as one text. */
export function joinPieces(pieces: JsonPieces): string {
  const utf8 = new TextDecoder();
  let text = "";
  for (const piece of pieces) text += typeof piece === "string" ? piece : utf8.decode(piece);
  return text;
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
    text += `${separator}${encodeText(labels.nameAt(i))}:${encodeText(labels.valueAt(i))}`;
  }
  return `{${text}}`;
}

/** Characters that JSON leaves as they are: all that most labels have. */
const plainText = /^[ !#-[\]-~]*$/;

function encodeText(text: string): string {
  return plainText.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Milliseconds as seconds: -1500 gives `-1.500`, 10000 gives `10`. */
export function encodeTime(time: TimestampMs): string {
  const magnitude = Math.abs(time);
  const fraction = magnitude % 1000;
  const seconds = `${time < 0 ? "-" : ""}${(magnitude - fraction) / 1000}`;
  return fraction === 0 ? seconds : `${seconds}.${fraction.toString().padStart(3, "0")}`;
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

function* encodeMatrix(series: MatrixResult["series"]): Generator<string | Uint8Array> {
  const points = new PointsEncoder();
  let before = "[";
  for (const { labels, times, values } of series) {
    yield `${before}{"metric":${encodeLabels(labels)},"values":[`;
    yield points.encode(times, values);
    before = "]},";
  }
  yield before === "[" ? "[]" : "]}]";
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
