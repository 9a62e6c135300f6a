/**
 * The message of remote write 1.0, prometheus.WriteRequest.
 *
 *   WriteRequest  1: TimeSeries, repeated    3: MetricMetadata, repeated
 *   TimeSeries    1: Label, repeated         2: Sample, repeated      3: Exemplar, repeated    4: Histogram, repeated
 *   Label         1: name, string            2: value, string
 *   Sample        1: value, double           2: time in milliseconds, int64
 *
 * Fields may come in any order, unknown ones are skipped. Metadata, exemplars and histograms are counted only.
 *
 * Source: prometheus.io/docs/specs/prw/remote_write_spec.
 */

import { isUtf8 } from "node:buffer";
import { encodeSnappy } from "../../kernels/snappy.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { SampleColumns } from "../../model/sample.js";
import { compareText } from "../../model/text-order.js";
import { describeLimit, type IngestLimits } from "../limits.js";
import { ProtobufReader, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from "./protobuf-reader.js";

export interface WriteRequestVisitor {
  /** Begins a series with valid labels; its samples follow. */
  series(labels: Labels): void;
  /** Samples of the series begun last, a part of them at a time. The columns are reused after the call. */
  samples(columns: SampleColumns): void;
  /** A series whose labels are not acceptable; `index` counts from 1. Its samples are only counted. */
  invalidSeries(index: number, reason: string, sampleCount: number): void;
  metadata(): void;
  exemplar(): void;
  histogram(): void;
}

/** Throws MalformedInputError where the message ends to be one; what was visited before is not undone. */
export function decodeWriteRequest(
  bytes: Uint8Array,
  limits: IngestLimits,
  visitor: WriteRequestVisitor,
): void {
  const decoder = new TimeSeriesDecoder(bytes, limits, visitor);
  const reader = new ProtobufReader(bytes);
  while (reader.nextField()) {
    if (reader.isAt(1, WIRE_BYTES)) {
      const end = reader.readLength();
      decoder.decode(reader.position, end);
      reader.position = end;
    } else {
      if (reader.isAt(3, WIRE_BYTES)) visitor.metadata();
      reader.skip();
    }
  }
}

const batchSamples = 1024;
/** Where the low half of a double lies in a pair of 32-bit words. */
const lowWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;

/** One cursor for the messages within, another for the messages within these, so that none is made per series. */
class TimeSeriesDecoder {
  readonly #limits: IngestLimits;
  readonly #visitor: WriteRequestVisitor;
  readonly #outer: ProtobufReader;
  readonly #inner: ProtobufReader;
  readonly #view: DataView;
  readonly #times = new Float64Array(batchSamples);
  readonly #values = new Float64Array(batchSamples);
  /** The bits of `#values`: they are copied as words, because a NaN that passes as a number may lose its bits. */
  readonly #valueWords = new Uint32Array(this.#values.buffer);
  #index = 0;

  constructor(bytes: Uint8Array, limits: IngestLimits, visitor: WriteRequestVisitor) {
    this.#limits = limits;
    this.#visitor = visitor;
    this.#outer = new ProtobufReader(bytes);
    this.#inner = new ProtobufReader(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  decode(start: number, end: number): void {
    this.#index++;
    const labels = this.#decodeLabels(start, end);
    if (typeof labels !== "string") this.#visitor.series(labels);
    const sampleCount = this.#decodeSamples(start, end, typeof labels !== "string");
    if (typeof labels === "string") this.#visitor.invalidSeries(this.#index, labels, sampleCount);
  }

  /** The labels, or why they are not acceptable. */
  #decodeLabels(start: number, end: number): Labels | string {
    const reader = this.#outer;
    reader.enter(start, end);
    const names: string[] = [];
    const values: string[] = [];
    let reason: string | undefined;
    let isSorted = true;
    let previous = "";
    let count = 0;
    while (reader.nextField()) {
      if (!reader.isAt(1, WIRE_BYTES)) {
        reader.skip();
        continue;
      }
      const labelEnd = reader.readLength();
      const label = reason === undefined ? this.#decodeLabel(reader.position, labelEnd) : "";
      reader.position = labelEnd;
      count++;
      if (reason !== undefined) continue;
      if (typeof label === "string") reason = label;
      else if (count > this.#limits.labelsMax)
        reason = describeLimit("the series", count, this.#limits, "labelsMax");
      else {
        isSorted &&= count === 1 || compareText(previous, label.name) < 0;
        previous = label.name;
        // An empty value means that there is no such label.
        if (label.value === "") continue;
        names.push(label.name);
        values.push(label.value);
      }
    }
    if (reason !== undefined) return reason;
    if (!names.includes(METRIC_NAME)) return "the series has no metric name";
    return isSorted ? Labels.fromSorted(names, values) : sortLabels(names, values);
  }

  #decodeLabel(start: number, end: number): { readonly name: string; readonly value: string } | string {
    const reader = this.#inner;
    const limits = this.#limits;
    reader.enter(start, end);
    let name = "";
    let value = "";
    while (reader.nextField()) {
      const isName = reader.isAt(1, WIRE_BYTES);
      if (!isName && !reader.isAt(2, WIRE_BYTES)) {
        reader.skip();
        continue;
      }
      const textEnd = reader.readLength();
      const size = textEnd - reader.position;
      if (isName && size > limits.labelNameSizeBytes)
        return describeLimit("a label name", size, limits, "labelNameSizeBytes");
      if (!isName && size > limits.labelValueSizeBytes)
        return describeLimit("a label value", size, limits, "labelValueSizeBytes");
      const text = reader.bytes.toString("utf8", reader.position, textEnd);
      if (text.includes("\ufffd") && !isUtf8(reader.bytes.subarray(reader.position, textEnd)))
        return `a label ${isName ? "name" : "value"} is not valid UTF-8`;
      reader.position = textEnd;
      if (isName) name = text;
      else value = text;
    }
    return name === "" ? "a label has an empty name" : { name, value };
  }

  /** Returns how many samples there are. */
  #decodeSamples(start: number, end: number, isWanted: boolean): number {
    const reader = this.#outer;
    reader.enter(start, end);
    let total = 0;
    let length = 0;
    while (reader.nextField()) {
      if (reader.isAt(2, WIRE_BYTES)) {
        const sampleEnd = reader.readLength();
        this.#decodeSample(reader.position, sampleEnd, length);
        reader.position = sampleEnd;
        total++;
        if (++length < batchSamples) continue;
        if (isWanted) this.#visitor.samples({ times: this.#times, values: this.#values, length });
        length = 0;
        continue;
      }
      if (reader.isAt(3, WIRE_BYTES)) this.#visitor.exemplar();
      else if (reader.isAt(4, WIRE_BYTES)) this.#visitor.histogram();
      reader.skip();
    }
    if (isWanted && length > 0) this.#visitor.samples({ times: this.#times, values: this.#values, length });
    return total;
  }

  #decodeSample(start: number, end: number, index: number): void {
    const reader = this.#inner;
    reader.enter(start, end);
    this.#times[index] = 0;
    this.#values[index] = 0;
    while (reader.nextField()) {
      if (reader.isAt(1, WIRE_FIXED64)) {
        const offset = reader.readFixed64();
        this.#valueWords[index * 2 + lowWord] = this.#view.getUint32(offset, true);
        this.#valueWords[index * 2 + 1 - lowWord] = this.#view.getUint32(offset + 4, true);
      } else if (reader.isAt(2, WIRE_VARINT)) this.#times[index] = reader.readInt64();
      else reader.skip();
    }
  }
}

/** The specification asks senders to sort; Prometheus stores what those send that do not, and so do we. */
function sortLabels(names: readonly string[], values: readonly string[]): Labels | string {
  const order = names.map((_, index) => index).sort((a, b) => compareText(names[a]!, names[b]!));
  const sortedNames = order.map((index) => names[index]!);
  const repeated = sortedNames.find((name, index) => index > 0 && name === sortedNames[index - 1]);
  if (repeated !== undefined) return `the label "${repeated}" is given twice`;
  return Labels.fromSorted(
    sortedNames,
    order.map((index) => values[index]!),
  );
}

export interface WriteRequestSeries {
  readonly labels: Labels;
  readonly samples: SampleColumns;
}

/** Ready to be sent with `Content-Encoding: snappy` and `Content-Type: application/x-protobuf`. */
export function encodeWriteRequest(series: Iterable<WriteRequestSeries>): Uint8Array {
  const encoded: Uint8Array[] = [];
  for (const one of series) encoded.push(field(1, encodeTimeSeries(one)));
  return encodeSnappy(Buffer.concat(encoded));
}

function encodeTimeSeries({ labels, samples }: WriteRequestSeries): Uint8Array {
  const fields: Uint8Array[] = [];
  for (const [name, value] of labels) {
    const label = Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))]);
    fields.push(field(1, label));
  }
  for (let i = 0; i < samples.length; i++) {
    const time = varint(BigInt.asUintN(64, BigInt(samples.times[i]!)));
    const sample = Buffer.alloc(10 + time.length);
    sample[0] = (1 << 3) | 1;
    // The bits, not the number: it may be a staleness marker.
    Buffer.from(samples.values.buffer, samples.values.byteOffset + i * 8, 8).copy(sample, 1);
    if (lowWord === 1) sample.subarray(1, 9).reverse();
    sample[9] = 2 << 3;
    sample.set(time, 10);
    fields.push(field(2, sample));
  }
  return Buffer.concat(fields);
}

function field(fieldNumber: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of((fieldNumber << 3) | 2), varint(BigInt(bytes.length)), bytes]);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
