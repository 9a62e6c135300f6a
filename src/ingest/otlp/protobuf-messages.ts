/**
 * The messages within a request, from the protobuf wire format: resources, scopes and points. They throw
 * MalformedInputError when the bytes are no such message. What stands around them: read-protobuf.ts.
 *
 * Source: opentelemetry-proto, `metrics/v1/metrics.proto` and `common/v1/common.proto`.
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
  NO_RECORDED_VALUE,
  type NumberPoint,
  type Scope,
  type SummaryPoint,
  sortAttributes,
} from "./otlp-message.js";

/** Of a Resource. */
export function decodeResource(reader: ProtobufReader): Attributes {
  return attributesAt(reader, 1);
}

/** Of an InstrumentationScope. */
export function decodeScope(reader: ProtobufReader): Scope {
  let [name, version] = ["", ""];
  const pairs: (readonly [string, string])[] = [];
  eachField(reader, () => {
    if (reader.isAt(1, WIRE_BYTES)) name = text(reader);
    else if (reader.isAt(2, WIRE_BYTES)) version = text(reader);
    else if (reader.isAt(3, WIRE_BYTES)) pairs.push(keyValue(nested(reader), 0));
    else reader.skip();
  });
  return { name, version, attributes: sortAttributes(pairs) };
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

export function decodeNumberPoint(reader: ProtobufReader): NumberPoint {
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

export function decodeHistogramPoint(reader: ProtobufReader): HistogramPoint {
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

export function decodeSummaryPoint(reader: ProtobufReader): SummaryPoint {
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
  return decodeText(reader.bytes, start, end);
}

export function decodeText(bytes: Buffer, start: number, end: number): string {
  const decoded = bytes.toString("utf8", start, end);
  // What is no UTF-8 is decoded to U+FFFD, which hardly any text has.
  if (decoded.includes("\ufffd") && !isUtf8(bytes.subarray(start, end)))
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
