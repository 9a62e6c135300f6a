/**
 * The JSON of the Prometheus API, written as text: sample values as strings (`"1.5"`, `"+Inf"`, `"NaN"`), times
 * as seconds with a fraction of three digits where there is one (`1435781451.781`, `10`).
 *
 * A result is written in pieces, one series at a time, so that a large matrix is streamed and never stands in
 * memory as objects. Labels are written in their own order (a JavaScript object would move names as "1" ahead).
 *
 * Source: Prometheus `util/jsonutil/marshal.go`, `web/api/v1/json_codec.go`.
 */

import type { MatrixResult, QueryResult, VectorResult } from "../api.js";
import { unreachable } from "../model/assert.js";
import { formatFloatJson } from "../model/float-text.js";
import type { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";

/** Annotations of a reply, as Prometheus words them. */
export interface Annotations {
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

export const NO_ANNOTATIONS: Annotations = { warnings: [], infos: [] };

/** The envelope of success around `data`, which is JSON in pieces. */
export function* encodeSuccess(data: Iterable<string>, annotations = NO_ANNOTATIONS): Generator<string> {
  yield '{"status":"success","data":';
  yield* data;
  const { warnings, infos } = annotations;
  const warningsText = warnings.length === 0 ? "" : `,"warnings":${JSON.stringify(warnings)}`;
  const infosText = infos.length === 0 ? "" : `,"infos":${JSON.stringify(infos)}`;
  yield `${warningsText}${infosText}}`;
}

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
