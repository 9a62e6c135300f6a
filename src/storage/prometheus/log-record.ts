/**
 * Records of a Prometheus write-ahead log. Numbers are big-endian; varints as in ../codec/byte-reader.ts.
 *
 *   type u8 and, up to the end of the record, any number of
 *   1  series       ref u64 │ labels uvarint │ (name, value)...         texts: length uvarint, UTF-8
 *   2  samples      once: first ref u64 │ first time i64
 *                   then: ref - first ref varint │ time - first time varint │ value, IEEE 754, 8 bytes
 *   3  tombstones   ref u64 │ minTime varint │ maxTime varint           both inclusive
 *   7..10           samples of native histograms, in four forms: only counted
 *   others          exemplars, marks of head chunks, metadata: passed over
 *
 * Source: Prometheus `tsdb/docs/format/wal.md`, `tsdb/record/record.go`.
 */

import { TsdbError } from "../../model/errors.js";
import { Labels } from "../../model/labels.js";
import type { TimeRange, TimestampMs } from "../../model/sample.js";
import { ByteReader } from "../codec/byte-reader.js";
import type { RefColumns } from "../wal/wal-record.js";

export type LogRecord =
  | { readonly kind: "series"; readonly series: readonly LoggedSeries[] }
  | { readonly kind: "samples"; readonly samples: RefColumns }
  | { readonly kind: "tombstones"; readonly tombstones: readonly LoggedTombstone[] }
  | { readonly kind: "histograms" }
  | { readonly kind: "other" };

export interface LoggedSeries {
  readonly ref: number;
  readonly labels: Labels;
}

export interface LoggedTombstone extends TimeRange {
  readonly ref: number;
}

/** A sample takes a byte for its ref, one for its time, eight for its value. */
const sampleSizeMinBytes = 10;

/** Throws TsdbError for what is no such record. */
export function decodeLogRecord(record: Uint8Array, file: string): LogRecord {
  const reader = new ByteReader(record, { file });
  const type = reader.u8();
  switch (type) {
    case 1:
      return { kind: "series", series: untilEnd(reader, readSeries) };
    case 2:
      return { kind: "samples", samples: readSamples(reader) };
    case 3:
      return { kind: "tombstones", tombstones: untilEnd(reader, readTombstone) };
    case 7:
    case 8:
    case 9:
    case 10:
      return { kind: "histograms" };
    default:
      return { kind: "other" };
  }
}

/** A 64-bit time. Throws CorruptionError beyond 2^53. */
export function readTime(reader: ByteReader): TimestampMs {
  const high = reader.u32() | 0;
  const time = high * 2 ** 32 + reader.u32();
  if (!Number.isSafeInteger(time)) throw reader.corruption(`${time} is no time`);
  return time;
}

function untilEnd<T>(reader: ByteReader, read: (reader: ByteReader) => T): readonly T[] {
  const all: T[] = [];
  while (reader.remaining > 0) all.push(read(reader));
  return all;
}

function readSeries(reader: ByteReader): LoggedSeries {
  const ref = reader.u64();
  const pairs: [string, string][] = [];
  for (let left = reader.uvarint32(); left > 0; left--) pairs.push([reader.string(), reader.string()]);
  try {
    return { ref, labels: Labels.from(pairs) };
  } catch (error) {
    throw error instanceof TsdbError ? reader.corruption(error.message) : error;
  }
}

function readSamples(reader: ByteReader): RefColumns {
  const capacity = Math.floor(reader.remaining / sampleSizeMinBytes);
  const samples = {
    refs: new Float64Array(capacity),
    times: new Float64Array(capacity),
    values: new Float64Array(capacity),
  };
  if (reader.remaining === 0) return { ...samples, length: 0 };
  const firstRef = reader.u64();
  const firstTime = readTime(reader);
  let length = 0;
  for (; reader.remaining > 0; length++) {
    if (length === capacity) throw reader.corruption("a sample is not complete");
    samples.refs[length] = firstRef + reader.varint();
    samples.times[length] = firstTime + reader.varint();
    reader.f64Into(samples.values, length);
  }
  return { ...samples, length };
}

function readTombstone(reader: ByteReader): LoggedTombstone {
  return { ref: reader.u64(), minTime: reader.varint(), maxTime: reader.varint() };
}
