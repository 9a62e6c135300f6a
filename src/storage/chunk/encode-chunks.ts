/**
 * encodeColumns, encodeChunks, encodeAdaptively and decodeChunk: columns of samples to compressed chunks and back.
 */

import { decodeDense, encodeDense } from "../../kernels/dense.js";
import { decodeXor, encodeXor } from "../../kernels/xor.js";
import { assert } from "../../model/assert.js";
import { NotImplementedError } from "../../model/errors.js";
import type { SampleColumns } from "../../model/sample.js";
import { type BlockEncoding, CHUNK_DENSE, CHUNK_XOR, type EncodedChunk } from "../../model/series.js";

/** As Prometheus cuts them: short enough to decode little in vain, long enough to compress well. */
export const XOR_SAMPLES_PER_CHUNK = 120;
/** Two hours at 15 s. Longer ones save little (bench/README.md), and decode more in vain. */
export const DENSE_SAMPLES_PER_CHUNK = 480;

/**
 * The samples, in strictly increasing time, as a block of the encoding is to have them. Each chunk is made when it is
 * asked for: dense ones take time.
 */
export function* encodeColumns(
  columns: SampleColumns,
  encoding: BlockEncoding,
): Generator<EncodedChunk, void, void> {
  if (encoding === "gorilla")
    for (const part of divide(columns, XOR_SAMPLES_PER_CHUNK)) yield encodeChunk(part);
  else for (const part of divide(columns, DENSE_SAMPLES_PER_CHUNK)) yield* encodeSmaller(part);
}

/** Chunks of nearly equal length, for samples in strictly increasing time. None for no samples. */
export function encodeChunks(
  columns: SampleColumns,
  samplesPerChunk: number = XOR_SAMPLES_PER_CHUNK,
): readonly EncodedChunk[] {
  return divide(columns, samplesPerChunk).map(encodeChunk);
}

/** The same, dense wherever that takes fewer bytes than XOR chunks of the usual length. */
export function encodeAdaptively(
  columns: SampleColumns,
  samplesPerChunk: number = DENSE_SAMPLES_PER_CHUNK,
): readonly EncodedChunk[] {
  return divide(columns, samplesPerChunk).flatMap(encodeSmaller);
}

/** One dense chunk, or XOR chunks. */
function encodeSmaller(columns: SampleColumns): readonly EncodedChunk[] {
  const chunks = encodeChunks(columns);
  const bytes = encodeDense(columns, sizeOf(chunks));
  return bytes === undefined ? chunks : [{ ...boundsOf(columns), encoding: CHUNK_DENSE, bytes }];
}

/** One XOR chunk of at most 65535 samples in strictly increasing time. */
export function encodeChunk(columns: SampleColumns): EncodedChunk {
  assert(columns.length > 0, "a chunk has a sample");
  return { ...boundsOf(columns), encoding: CHUNK_XOR, bytes: encodeXor(columns) };
}

/** Throws CorruptionError for bytes that are no such chunk, NotImplementedError for an unknown encoding. */
export function decodeChunk(chunk: EncodedChunk): SampleColumns {
  const columns = { times: new Float64Array(chunk.count), values: new Float64Array(chunk.count) };
  switch (chunk.encoding) {
    case CHUNK_XOR:
      return { ...columns, length: decodeXor(chunk.bytes, chunk.count, columns) };
    case CHUNK_DENSE:
      return { ...columns, length: decodeDense(chunk.bytes, chunk.count, columns) };
    default:
      throw new NotImplementedError(`chunk encoding ${chunk.encoding}`);
  }
}

/** The samples from index `from` to before `to`, as views. */
export function sliceColumns(columns: SampleColumns, from: number, to: number): SampleColumns {
  return {
    times: columns.times.subarray(from, to),
    values: columns.values.subarray(from, to),
    length: to - from,
  };
}

export function concatenateColumns(parts: readonly SampleColumns[]): SampleColumns {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = { times: new Float64Array(length), values: new Float64Array(length), length };
  let end = 0;
  for (const part of parts) {
    all.times.set(part.times.subarray(0, part.length), end);
    all.values.set(part.values.subarray(0, part.length), end);
    end += part.length;
  }
  return all;
}

/** Parts of nearly equal length. */
function divide(columns: SampleColumns, lengthMax: number): readonly SampleColumns[] {
  const count = Math.ceil(columns.length / lengthMax);
  return Array.from({ length: count }, (_, i) =>
    sliceColumns(
      columns,
      Math.floor((columns.length * i) / count),
      Math.floor((columns.length * (i + 1)) / count),
    ),
  );
}

function boundsOf({ times, length }: SampleColumns): Pick<EncodedChunk, "minTime" | "maxTime" | "count"> {
  return { minTime: times[0]!, maxTime: times[length - 1]!, count: length };
}

function sizeOf(chunks: readonly EncodedChunk[]): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
