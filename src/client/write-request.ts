/**
 * encodeWriteRequest: a message of remote write 1.0, without compression.
 *
 *   WriteRequest { repeated TimeSeries timeseries = 1 }
 *   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2 }
 *   Label        { string name = 1; string value = 2 }
 *   Sample       { double value = 1; int64 timestamp = 2 }
 *
 * Labels are encoded once per series (`encodeLabels`) and copied. Values keep their bits, so that staleness markers
 * arrive as such.
 *
 * Source: prometheus.io/docs/specs/prw/remote_write_spec; protobuf.dev/programming-guides/encoding.
 */

import { bits, HIGH, LOW, readBits } from "../kernels/float-bits.js";
import type { Labels } from "../model/labels.js";
import type { SampleColumns } from "../model/sample.js";

/** Field 1 and field 2, length-delimited. */
const FIRST = 0x0a;
const SECOND = 0x12;
/** Of a sample: field 1, eight bytes; field 2, a varint. */
const VALUE = 0x09;
const TIME = 0x10;
const VALUE_SIZE_BYTES = 9;

export interface EncodedSeries {
  /** What `encodeLabels` gave. */
  readonly labels: Uint8Array;
  readonly samples: SampleColumns;
}

/** The labels as the first fields of a `TimeSeries`. */
export function encodeLabels(labels: Labels): Uint8Array {
  const pairs = Array.from(labels, ([name, value]) => {
    const nameBytes = Buffer.from(name);
    const valueBytes = Buffer.from(value);
    return Buffer.concat([
      head(FIRST, nameBytes.length),
      nameBytes,
      head(SECOND, valueBytes.length),
      valueBytes,
    ]);
  });
  return Buffer.concat(pairs.flatMap((pair) => [head(FIRST, pair.length), pair]));
}

export function encodeWriteRequest(series: readonly EncodedSeries[]): Uint8Array {
  const bodySizes = series.map(({ labels, samples }) => labels.length + samplesSizeBytes(samples));
  const sizeBytes = bodySizes.reduce((sum, size) => sum + 1 + varintSizeBytes(size) + size, 0);
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const [i, { labels, samples }] of series.entries()) {
    bytes[at++] = FIRST;
    at = writeVarint(bytes, at, bodySizes[i]!);
    bytes.set(labels, at);
    at = writeSamples(bytes, at + labels.length, samples);
  }
  return bytes;
}

function samplesSizeBytes({ times, length }: SampleColumns): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += 2 + sampleSizeBytes(times[i]!);
  return sum;
}

/** Less than 128, so that its own length takes one byte. */
function sampleSizeBytes(time: number): number {
  return VALUE_SIZE_BYTES + 1 + varintSizeBytes(time);
}

function writeSamples(bytes: Buffer, start: number, { times, values, length }: SampleColumns): number {
  let at = start;
  for (let i = 0; i < length; i++) {
    const time = times[i]!;
    bytes[at++] = SECOND;
    bytes[at++] = sampleSizeBytes(time);
    bytes[at++] = VALUE;
    readBits(values, i);
    at = bytes.writeInt32LE(bits[LOW]!, at);
    at = bytes.writeInt32LE(bits[HIGH]!, at);
    bytes[at++] = TIME;
    at = writeVarint(bytes, at, time);
  }
  return at;
}

function head(tag: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + varintSizeBytes(length));
  bytes[0] = tag;
  writeVarint(bytes, 1, length);
  return bytes;
}

/** A negative int64 takes all ten bytes. */
function varintSizeBytes(value: number): number {
  if (value < 0) return 10;
  let sizeBytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) sizeBytes++;
  return sizeBytes;
}

/** Any integer that a double has exactly; returns where it ends. */
function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) bytes[at++] = Number(rest & 0x7fn) | 0x80;
    bytes[at++] = Number(rest);
    return at;
  }
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 0x80;
  bytes[at++] = rest;
  return at;
}
