/**
 * Records of the WAL: what stands in the payload of a frame. One transaction is one record, so that its new series
 * and its samples come back together or not at all.
 *
 *   kind u8: 1 transaction, 2 tombstones, 3 chunks
 *
 * Transaction (uv: unsigned varint, sv: signed varint, see byte-writer.ts):
 *   ┌────────────┬─────────────────────────────┬───────────┬──────────────────────────────────────────────────┐
 *   │ kind u8    │ symbols uv, then each:      │ series uv │ each: ref sv (from the one before), labels uv,   │
 *   │            │ length uv, UTF-8            │           │ then per label: name uv, value uv (symbols)      │
 *   ├────────────┼─────────────────────────────┼───────────┴──────────────┬───────────────────────────────────┤
 *   │ samples uv │ refs: sv each, from the one │ times: sv each, from the │ values: 8 bytes each, IEEE 754,   │
 *   │            │ before; the first from 0    │ one before; first from 0 │ little-endian, exact bits         │
 *   └────────────┴─────────────────────────────┴──────────────────────────┴───────────────────────────────────┘
 *   A scrape has one time and consecutive refs: 10 bytes per sample.
 *
 * Tombstones: what earlier records hold of the series that all matchers accept, in the range, is deleted.
 *   ┌─────────┬──────────────────┬───────────────────┬─────────────┬──────────────────────────────────────────┐
 *   │ kind u8 │ minTime sv, incl.│ maxTime sv, incl. │ matchers uv │ each: operator u8 (1 =, 2 !=, 3 =~, 4 !~)│
 *   │         │                  │                   │             │ then name and value: length uv, UTF-8    │
 *   └─────────┴──────────────────┴───────────────────┴─────────────┴──────────────────────────────────────────┘
 *
 * Chunks (in checkpoints): series and what they have, compressed as it is in memory. Symbols and series as above.
 *   ┌─────────┬─────────┬────────┬───────────┬─────────────────────────────────────────────────────────────────────┐
 *   │ kind u8 │ symbols │ series │ chunks uv │ each: ref sv (from the one before), minTime sv, maxTime - minTime   │
 *   │         │         │        │           │ uv, encoding u8, count uv, length uv, then the body: `length` bytes │
 *   └─────────┴─────────┴────────┴───────────┴─────────────────────────────────────────────────────────────────────┘
 *
 * Invariants
 *  1. Labels keep their order: sorted by name. Decoding checks that names ascend and that no value is empty.
 *  2. The last byte of the values is the last byte of the payload.
 */

import { assert, unreachable } from "../../model/assert.js";
import { InvalidArgumentError } from "../../model/errors.js";
import { Labels } from "../../model/labels.js";
import { Matcher, type MatchOperator } from "../../model/matcher.js";
import { isTimestampMs, type SampleColumns, type TimeRange } from "../../model/sample.js";
import type { EncodedChunk, SeriesRef } from "../../model/series.js";
import { compareText } from "../../model/text-order.js";
import { ByteReader } from "../codec/byte-reader.js";
import type { ByteWriter } from "../codec/byte-writer.js";

export type WalRecord = TransactionRecord | TombstonesRecord | ChunksRecord;

/** New series, then samples; a sample may be of a series of an earlier record. */
export interface TransactionRecord {
  readonly kind: "transaction";
  readonly series: readonly SeriesDefinition[];
  readonly samples: RefColumns;
}

/** A deletion from the head. Blocks have tombstones of their own. */
export interface TombstonesRecord {
  readonly kind: "tombstones";
  readonly matchers: readonly Matcher[];
  readonly range: TimeRange;
}

/** Series, and chunks of them or of series of earlier records; those of one series in the order in which they count. */
export interface ChunksRecord {
  readonly kind: "chunks";
  readonly series: readonly SeriesDefinition[];
  readonly chunks: readonly RefChunk[];
}

/** When decoded, the bytes are borrowed from the payload. */
export interface RefChunk {
  readonly ref: SeriesRef;
  readonly chunk: EncodedChunk;
}

/** What is encoded: as what is decoded, but for the form of the series. */
export type LoggedRecord = TombstonesRecord | LoggedTransaction | LoggedChunks;

export interface LoggedTransaction extends Omit<TransactionRecord, "series"> {
  readonly series: LoggedSeries;
}

export interface LoggedChunks extends Omit<ChunksRecord, "series"> {
  readonly series: LoggedSeries;
}

/** Series as the head has them: the pairs of series i are those from `ends[i - 1]` (or 0) to `ends[i]`, excluded. */
export interface LoggedSeries {
  readonly length: number;
  /** SeriesRefs. */
  readonly refs: Float64Array;
  readonly ends: Uint32Array;
  readonly pairs: Uint32Array;
  readonly table: { nameOf(pair: number): string; valueOf(pair: number): string };
}

export interface SeriesDefinition {
  readonly ref: SeriesRef;
  readonly labels: Labels;
}

/** Samples of many series as columns: sample i is of the series `refs[i]`. The arrays may be longer than `length`. */
export interface RefColumns extends SampleColumns {
  /** SeriesRefs. */
  readonly refs: Float64Array;
}

const kindNumbers = { transaction: 1, tombstones: 2, chunks: 3 } as const;
/** The position plus 1 stands for the operator. */
const operators: readonly MatchOperator[] = ["=", "!=", "=~", "!~"];
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** The least that a sample takes: a byte of ref, a byte of time, the value. */
const sampleSizeMinBytes = 10;
/** The sample count of a chunk has 16 bits. */
const chunkSamplesMax = 0xffff;

/** Appends the record to `writer`; pass `writer.view()` to `Wal.append`. */
export function encodeWalRecord(writer: ByteWriter, record: LoggedRecord): void {
  switch (record.kind) {
    case "transaction":
      writer.u8(kindNumbers.transaction);
      encodeSeries(writer, record.series);
      encodeSamples(writer, record.samples);
      return;
    case "tombstones":
      writer.u8(kindNumbers.tombstones);
      encodeTombstones(writer, record);
      return;
    case "chunks":
      writer.u8(kindNumbers.chunks);
      encodeSeries(writer, record.series);
      encodeChunks(writer, record.chunks);
      return;
    default:
      unreachable(record);
  }
}

/** Decodes a payload; keeps nothing of it but what RefChunk borrows. Throws CorruptionError with the offset in the payload. */
export function decodeWalRecord(payload: Uint8Array): WalRecord {
  const reader = new ByteReader(payload);
  const record = decodeBody(reader, reader.u8());
  if (reader.remaining > 0) throw reader.corruption(`${reader.remaining} bytes stand behind the record`);
  return record;
}

function decodeBody(reader: ByteReader, kind: number): WalRecord {
  switch (kind) {
    case kindNumbers.transaction:
      return { kind: "transaction", series: decodeSeries(reader), samples: decodeSamples(reader) };
    case kindNumbers.tombstones:
      return { kind: "tombstones", ...decodeTombstones(reader) };
    case kindNumbers.chunks:
      return { kind: "chunks", series: decodeSeries(reader), chunks: decodeChunks(reader) };
    default:
      throw reader.corruption(`a record of kind ${kind} is unknown`);
  }
}

function encodeTombstones(writer: ByteWriter, { matchers, range }: TombstonesRecord): void {
  writer.varint(range.minTime);
  writer.varint(range.maxTime);
  writer.uvarint(matchers.length);
  for (const { operator, name, value } of matchers) {
    writer.u8(operators.indexOf(operator) + 1);
    writer.string(name);
    writer.string(value);
  }
}

function decodeTombstones(reader: ByteReader): Omit<TombstonesRecord, "kind"> {
  const range = { minTime: reader.varint(), maxTime: reader.varint() };
  const matchers: Matcher[] = [];
  for (let count = reader.uvarint(); count > 0; count--) matchers.push(decodeMatcher(reader));
  return { matchers, range };
}

function decodeMatcher(reader: ByteReader): Matcher {
  const operator = operators[reader.u8() - 1];
  if (operator === undefined) throw reader.corruption("a matcher has no operator that is known");
  const name = reader.string();
  const value = reader.string();
  try {
    return new Matcher(name, operator, value);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw reader.corruption(`a matcher is no regular expression: ${error.message}`);
  }
}

function encodeChunks(writer: ByteWriter, chunks: readonly RefChunk[]): void {
  writer.uvarint(chunks.length);
  let previousRef = 0;
  for (const { ref, chunk } of chunks) {
    writer.varint(ref - previousRef);
    previousRef = ref;
    writer.varint(chunk.minTime);
    writer.uvarint(chunk.maxTime - chunk.minTime);
    writer.u8(chunk.encoding);
    writer.uvarint(chunk.count);
    writer.uvarint(chunk.bytes.length);
    writer.bytes(chunk.bytes);
  }
}

function decodeChunks(reader: ByteReader): readonly RefChunk[] {
  const chunks: RefChunk[] = [];
  let ref = 0;
  for (let left = reader.uvarint(); left > 0; left--) {
    ref += reader.varint();
    const minTime = reader.varint();
    const maxTime = minTime + reader.uvarint();
    const encoding = reader.u8();
    const count = reader.uvarint();
    if (count === 0 || count > chunkSamplesMax || !isTimestampMs(minTime) || !isTimestampMs(maxTime))
      throw reader.corruption("a chunk has no samples, too many, or no times");
    const bytes = reader.subarray(reader.uvarint());
    chunks.push({ ref: ref as SeriesRef, chunk: { encoding, minTime, maxTime, count, bytes } });
  }
  return chunks;
}

function encodeSeries(writer: ByteWriter, series: LoggedSeries): void {
  const { length, refs, ends } = series;
  const numbers = writeSymbols(writer, series);
  writer.uvarint(length);
  let previousRef = 0;
  let next = 0;
  for (let i = 0; i < length; i++) {
    const ref = refs[i]!;
    const end = 2 * ends[i]!;
    writer.varint(ref - previousRef);
    previousRef = ref;
    writer.uvarint((end - next) / 2);
    while (next < end) writer.uvarint(numbers[next++]!);
  }
}

/** Returns the numbers of the symbols of all names and values, in order. */
function writeSymbols(writer: ByteWriter, { length, ends, pairs, table }: LoggedSeries): Uint32Array {
  const symbols = new Map<string, number>();
  const intern = (text: string) => {
    const number = symbols.get(text) ?? symbols.size;
    if (number === symbols.size) symbols.set(text, number);
    return number;
  };
  const total = length === 0 ? 0 : ends[length - 1]!;
  const numbers = new Uint32Array(2 * total);
  /** Where a pair came first. */
  const places = new Map<number, number>();
  let at = 0;
  let size = 0;
  for (let i = 0; i < length; i++) {
    // Most pairs are those of the series before, at the same places.
    const back = size;
    size = ends[i]! - at;
    for (const end = ends[i]!; at < end; at++) {
      const pair = pairs[at]!;
      const known = back === size && pairs[at - back] === pair ? at - back : places.get(pair);
      if (known === undefined) places.set(pair, at);
      numbers[2 * at] = known === undefined ? intern(table.nameOf(pair)) : numbers[2 * known]!;
      numbers[2 * at + 1] = known === undefined ? intern(table.valueOf(pair)) : numbers[2 * known + 1]!;
    }
  }
  writer.uvarint(symbols.size);
  for (const symbol of symbols.keys()) writer.string(symbol);
  return numbers;
}

function decodeSeries(reader: ByteReader): readonly SeriesDefinition[] {
  const symbols: string[] = [];
  for (let count = reader.uvarint(); count > 0; count--) symbols.push(reader.string());
  const series: SeriesDefinition[] = [];
  let ref = 0;
  let names: readonly string[] = [];
  for (let count = reader.uvarint(); count > 0; count--) {
    ref += reader.varint();
    if (ref <= 0 || !Number.isSafeInteger(ref)) throw reader.corruption(`${ref} is not a series ref`);
    const pairs = decodePairs(reader, symbols, names);
    names = pairs.names;
    series.push({ ref: ref as SeriesRef, labels: Labels.fromSorted(names, pairs.values) });
  }
  return series;
}

/** Neighbours have the same names, as a rule: then `lastNames` is given again, which is in order already. */
function decodePairs(
  reader: ByteReader,
  symbols: readonly string[],
  lastNames: readonly string[],
): { readonly names: readonly string[]; readonly values: readonly string[] } {
  const values: string[] = [];
  /** Once they are others. */
  let names: string[] | undefined;
  for (let count = reader.uvarint(); count > 0; count--) {
    const name = symbols[reader.uvarint()];
    const value = symbols[reader.uvarint()];
    if (name === undefined || value === undefined) throw reader.corruption("a label names no symbol");
    if (names === undefined && name !== lastNames[values.length]) names = lastNames.slice(0, values.length);
    const previous = names?.at(-1);
    if (value === "" || (previous !== undefined && compareText(previous, name) >= 0))
      throw reader.corruption("labels are not in order, or one has no value");
    names?.push(name);
    values.push(value);
  }
  if (names === undefined)
    return {
      names: values.length === lastNames.length ? lastNames : lastNames.slice(0, values.length),
      values,
    };
  return { names, values };
}

function encodeSamples(writer: ByteWriter, { refs, times, values, length }: RefColumns): void {
  assert(
    length <= refs.length && length <= times.length && length <= values.length,
    "the columns hold `length` samples",
  );
  writer.uvarint(length);
  writer.varintDeltas(refs, length);
  writer.varintDeltas(times, length);
  writer.bytes(valueBytes(values, length));
}

function decodeSamples(reader: ByteReader): RefColumns {
  const length = reader.uvarint();
  if (length * sampleSizeMinBytes > reader.remaining)
    throw reader.corruption(`${length} samples do not fit into ${reader.remaining} bytes`);
  const refs = reader.varintDeltas(length);
  const times = reader.varintDeltas(length);
  const bytes = reader.subarray(length * 8).slice();
  if (!isLittleEndian) reverseEach8(bytes);
  return { refs, times, values: new Float64Array(bytes.buffer), length };
}

/** The bytes of the first `length` values, little-endian: in place where the machine is, too. */
function valueBytes(values: Float64Array, length: number): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, length * 8);
  if (isLittleEndian) return bytes;
  const swapped = bytes.slice();
  reverseEach8(swapped);
  return swapped;
}

function reverseEach8(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 8) bytes.subarray(at, at + 8).reverse();
}
