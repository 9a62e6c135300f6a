/**
 * decodeOtlpProtobuf: an ExportMetricsServiceRequest from the protobuf wire format.
 *
 *   request 1: ResourceMetrics { 1 resource, 2 ScopeMetrics { 1 scope, 2 Metric, 3 schema URL } }
 *   Metric { 1 name, 2 description, 3 unit, 5 gauge, 7 sum, 9 histogram, 10 exponential histogram, 11 summary }
 *
 * Source: opentelemetry-proto, `collector/metrics/v1/metrics_service.proto` and what it imports.
 */

import { isUtf8 } from "node:buffer";
import {
  ProtobufReader,
  WIRE_BYTES,
  WIRE_FIXED32,
  WIRE_FIXED64,
  WIRE_VARINT,
} from "../../kernels/protobuf-reader.js";
import { MalformedInputError } from "../../model/errors.js";
import { type AnyValue, attributeText, DEPTH_MAX } from "./attribute-text.js";
import {
  type Attributes,
  type HistogramPoint,
  type Metric,
  NO_RECORDED_VALUE,
  type NumberPoint,
  type Points,
  type ResourceMetrics,
  type ScopeMetrics,
  type SummaryPoint,
  sortAttributes,
  type Temporality,
} from "./otlp-message.js";

/** Throws MalformedInputError when the bytes are no such message. */
export function decodeOtlpProtobuf(bytes: Uint8Array): readonly ResourceMetrics[] {
  const resources: ResourceMetrics[] = [];
  eachField(new ProtobufReader(bytes), (reader) => {
    if (reader.isAt(1, WIRE_BYTES)) resources.push(resourceMetrics(nested(reader)));
    else reader.skip();
  });
  return resources;
}

function resourceMetrics(reader: ProtobufReader): ResourceMetrics {
  let attributes: Attributes = [];
  const scopes: ScopeMetrics[] = [];
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_BYTES)) attributes = attributesAt(nested(reader), 1);
    else if (reader.isAt(2, WIRE_BYTES)) scopes.push(scopeMetrics(nested(reader)));
    else reader.skip();
  });
  return { attributes, scopes };
}

function scopeMetrics(reader: ProtobufReader): ScopeMetrics {
  let [name, version, schemaUrl] = ["", "", ""];
  let attributes: Attributes = [];
  const metrics: Metric[] = [];
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_BYTES)) {
      const scope = nested(reader);
      const pairs: (readonly [string, string])[] = [];
      eachField(scope, () => {
        if (scope.isAt(1, WIRE_BYTES)) name = text(scope);
        else if (scope.isAt(2, WIRE_BYTES)) version = text(scope);
        else if (scope.isAt(3, WIRE_BYTES)) pairs.push(keyValue(nested(scope), 0));
        else scope.skip();
      });
      attributes = sortAttributes(pairs);
    } else if (reader.isAt(2, WIRE_BYTES)) metrics.push(metric(nested(reader)));
    else if (reader.isAt(3, WIRE_BYTES)) schemaUrl = text(reader);
    else reader.skip();
  });
  return { name, version, schemaUrl, attributes, metrics };
}

function metric(reader: ProtobufReader): Metric {
  let [name, description, unit] = ["", "", ""];
  let points: Points = { kind: "empty" };
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_BYTES)) name = text(reader);
    else if (reader.isAt(2, WIRE_BYTES)) description = text(reader);
    else if (reader.isAt(3, WIRE_BYTES)) unit = text(reader);
    else if (reader.isAt(5, WIRE_BYTES)) points = { kind: "gauge", ...pointsOf(nested(reader), numberPoint) };
    else if (reader.isAt(7, WIRE_BYTES)) points = { kind: "sum", ...pointsOf(nested(reader), numberPoint) };
    else if (reader.isAt(9, WIRE_BYTES))
      points = { kind: "histogram", ...pointsOf(nested(reader), histogramPoint) };
    else if (reader.isAt(10, WIRE_BYTES)) {
      const { points: exponential } = pointsOf(nested(reader), (point) =>
        eachField(point, () => point.skip()),
      );
      points = { kind: "exponential-histogram", count: exponential.length };
    } else if (reader.isAt(11, WIRE_BYTES))
      points = { kind: "summary", ...pointsOf(nested(reader), summaryPoint) };
    else reader.skip();
  });
  return { name, description, unit, points };
}

const temporalities: readonly Temporality[] = ["unspecified", "delta", "cumulative"];

/** What gauges, sums, histograms and summaries have alike: 1 points, 2 temporality, 3 whether monotonic. */
function pointsOf<T>(
  reader: ProtobufReader,
  read: (point: ProtobufReader) => T,
): { readonly points: readonly T[]; readonly temporality: Temporality; readonly isMonotonic: boolean } {
  const points: T[] = [];
  let temporality: Temporality = "unspecified";
  let isMonotonic = false;
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_BYTES)) points.push(read(nested(reader)));
    else if (reader.isAt(2, WIRE_VARINT)) temporality = temporalities[reader.readVarint()] ?? "unspecified";
    else if (reader.isAt(3, WIRE_VARINT)) isMonotonic = reader.readVarint() !== 0;
    else reader.skip();
  });
  return { points, temporality, isMonotonic };
}

/** The fields that all points have; the numbers of the others differ. */
class PointFields {
  timeMs = 0;
  hasNoValue = false;
  exemplars = 0;
  readonly pairs: (readonly [string, string])[] = [];

  /** Takes the field if it is one of them. `numbers`: of attributes, flags and exemplars. */
  take(
    reader: ProtobufReader,
    numbers: readonly [attributes: number, flags: number, exemplars: number],
  ): boolean {
    const [attributes, flags, exemplars] = numbers;
    if (reader.isAt(attributes, WIRE_BYTES)) this.pairs.push(keyValue(nested(reader), 0));
    else if (reader.isAt(3, WIRE_FIXED64)) this.timeMs = nanosecondsToMs(reader);
    else if (reader.isAt(flags, WIRE_VARINT))
      this.hasNoValue = (reader.readVarint() & NO_RECORDED_VALUE) !== 0;
    else if (reader.isAt(exemplars, WIRE_BYTES)) {
      this.exemplars++;
      reader.skip();
    } else return false;
    return true;
  }

  end() {
    const { timeMs, hasNoValue, exemplars } = this;
    return { attributes: sortAttributes(this.pairs), timeMs, hasNoValue, exemplars };
  }
}

function numberPoint(reader: ProtobufReader): NumberPoint {
  const fields = new PointFields();
  let value = 0;
  eachField(reader, () => {
    if (fields.take(reader, [7, 8, 5])) return;
    if (reader.isAt(4, WIRE_FIXED64)) value = double(reader);
    else if (reader.isAt(6, WIRE_FIXED64)) value = Number(reader.bytes.readBigInt64LE(reader.readFixed64()));
    else reader.skip();
  });
  return { ...fields.end(), value };
}

function histogramPoint(reader: ProtobufReader): HistogramPoint {
  const fields = new PointFields();
  let count = 0;
  let sum: number | undefined;
  const bucketCounts: number[] = [];
  const bounds: number[] = [];
  eachField(reader, () => {
    if (fields.take(reader, [9, 10, 8])) return;
    if (reader.isAt(4, WIRE_FIXED64)) count = unsigned64(reader);
    else if (reader.isAt(5, WIRE_FIXED64)) sum = double(reader);
    else if (reader.fieldNumber === 6) repeated(reader, bucketCounts, unsigned64);
    else if (reader.fieldNumber === 7) repeated(reader, bounds, double);
    else reader.skip();
  });
  return { ...fields.end(), count, sum, bucketCounts, bounds };
}

function summaryPoint(reader: ProtobufReader): SummaryPoint {
  const fields = new PointFields();
  let [count, sum] = [0, 0];
  const quantiles: { readonly quantile: number; readonly value: number }[] = [];
  eachField(reader, () => {
    if (fields.take(reader, [7, 8, -1])) return;
    if (reader.isAt(4, WIRE_FIXED64)) count = unsigned64(reader);
    else if (reader.isAt(5, WIRE_FIXED64)) sum = double(reader);
    else if (reader.isAt(6, WIRE_BYTES)) quantiles.push(quantileAt(nested(reader)));
    else reader.skip();
  });
  return { ...fields.end(), count, sum, quantiles };
}

function quantileAt(reader: ProtobufReader): { readonly quantile: number; readonly value: number } {
  let [quantile, value] = [0, 0];
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_FIXED64)) quantile = double(reader);
    else if (reader.isAt(2, WIRE_FIXED64)) value = double(reader);
    else reader.skip();
  });
  return { quantile, value };
}

function attributesAt(reader: ProtobufReader, fieldNumber: number): Attributes {
  const pairs: (readonly [string, string])[] = [];
  eachField(reader, () => {
    if (reader.isAt(fieldNumber, WIRE_BYTES)) pairs.push(keyValue(nested(reader), 0));
    else reader.skip();
  });
  return sortAttributes(pairs);
}

function keyValue(reader: ProtobufReader, depth: number): readonly [string, string] {
  const [key, value] = keyAnyValue(reader, depth);
  return [key, attributeText(value)];
}

function keyAnyValue(reader: ProtobufReader, depth: number): readonly [string, AnyValue] {
  let key = "";
  let value: AnyValue = null;
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_BYTES)) key = text(reader);
    else if (reader.isAt(2, WIRE_BYTES)) value = anyValue(nested(reader), depth);
    else reader.skip();
  });
  return [key, value];
}

function anyValue(reader: ProtobufReader, depth: number): AnyValue {
  if (depth > DEPTH_MAX) throw new MalformedInputError(`an attribute is nested deeper than ${DEPTH_MAX}`);
  let value: AnyValue = null;
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_BYTES)) value = text(reader);
    else if (reader.isAt(2, WIRE_VARINT)) value = reader.readVarint() !== 0;
    else if (reader.isAt(3, WIRE_VARINT)) value = BigInt(reader.readInt64());
    else if (reader.isAt(4, WIRE_FIXED64)) value = double(reader);
    else if (reader.isAt(5, WIRE_BYTES))
      value = nestedValues(nested(reader), (one) => anyValue(one, depth + 1));
    else if (reader.isAt(6, WIRE_BYTES))
      value = Object.fromEntries(nestedValues(nested(reader), (one) => keyAnyValue(one, depth + 1)));
    else if (reader.isAt(7, WIRE_BYTES)) {
      const end = reader.readLength();
      value = Uint8Array.from(reader.bytes.subarray(reader.position, end));
      reader.position = end;
    } else reader.skip();
  });
  return value;
}

/** Field 1 of lists of values. */
function nestedValues<T>(reader: ProtobufReader, read: (one: ProtobufReader) => T): T[] {
  const values: T[] = [];
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_BYTES)) values.push(read(nested(reader)));
    else reader.skip();
  });
  return values;
}

function eachField(reader: ProtobufReader, take: (reader: ProtobufReader) => void): void {
  while (reader.nextField()) take(reader);
}

/** A reader of the message that begins here; the outer one goes on behind it. */
function nested(reader: ProtobufReader): ProtobufReader {
  const end = reader.readLength();
  const inner = new ProtobufReader(reader.bytes, reader.position, end);
  reader.position = end;
  return inner;
}

/** Packed, or one by one. */
function repeated(reader: ProtobufReader, into: number[], read: (reader: ProtobufReader) => number): void {
  if (reader.wireType === WIRE_FIXED64) into.push(read(reader));
  else if (reader.wireType === WIRE_BYTES) {
    const end = reader.readLength();
    if ((end - reader.position) % 8 !== 0) throw new MalformedInputError("a list of numbers is cut short");
    while (reader.position < end) into.push(read(reader));
  } else if (reader.wireType === WIRE_FIXED32 || reader.wireType === WIRE_VARINT) reader.skip();
}

function text(reader: ProtobufReader): string {
  const end = reader.readLength();
  const start = reader.position;
  reader.position = end;
  const decoded = reader.bytes.toString("utf8", start, end);
  // What is no UTF-8 is decoded to U+FFFD, which hardly any text has.
  if (decoded.includes("\ufffd") && !isUtf8(reader.bytes.subarray(start, end)))
    throw new MalformedInputError("a text is not valid UTF-8", { offset: start });
  return decoded;
}

function double(reader: ProtobufReader): number {
  return reader.bytes.readDoubleLE(reader.readFixed64());
}

function unsigned64(reader: ProtobufReader): number {
  return Number(reader.bytes.readBigUInt64LE(reader.readFixed64()));
}

function nanosecondsToMs(reader: ProtobufReader): number {
  return Number(reader.bytes.readBigUInt64LE(reader.readFixed64()) / 1_000_000n);
}
