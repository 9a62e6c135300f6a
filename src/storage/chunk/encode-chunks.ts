/**
 * encodeChunks and decodeChunk: columns of samples to compressed chunks and back.
 */

import { decodeXor, encodeXor } from "../../kernels/xor.js";
import { assert } from "../../model/assert.js";
import { NotImplementedError } from "../../model/errors.js";
import type { SampleColumns } from "../../model/sample.js";
import { CHUNK_XOR, type EncodedChunk } from "../../model/series.js";

/** As Prometheus cuts them: short enough to decode little in vain, long enough to compress well. */
export const XOR_SAMPLES_PER_CHUNK = 120;

/** Chunks of nearly equal length, for samples in strictly increasing time. None for no samples. */
export function encodeChunks(
  columns: SampleColumns,
  samplesPerChunk: number = XOR_SAMPLES_PER_CHUNK,
): readonly EncodedChunk[] {
  const count = Math.ceil(columns.length / samplesPerChunk);
  const chunks: EncodedChunk[] = [];
  for (let i = 0; i < count; i++) {
    const from = Math.floor((columns.length * i) / count);
    const to = Math.floor((columns.length * (i + 1)) / count);
    chunks.push(encodeChunk(sliceColumns(columns, from, to)));
  }
  return chunks;
}

/** One XOR chunk of at most 65535 samples in strictly increasing time. */
export function encodeChunk(columns: SampleColumns): EncodedChunk {
  assert(columns.length > 0, "a chunk has a sample");
  return {
    encoding: CHUNK_XOR,
    minTime: columns.times[0]!,
    maxTime: columns.times[columns.length - 1]!,
    count: columns.length,
    bytes: encodeXor(columns),
  };
}

/** Throws CorruptionError for bytes that are no such chunk, NotImplementedError for an unknown encoding. */
export function decodeChunk(chunk: EncodedChunk): SampleColumns {
  if (chunk.encoding !== CHUNK_XOR) throw new NotImplementedError(`chunk encoding ${chunk.encoding}`);
  const columns = { times: new Float64Array(chunk.count), values: new Float64Array(chunk.count) };
  return { ...columns, length: decodeXor(chunk.bytes, chunk.count, columns) };
}

/** The samples from index `from` to before `to`, as views. */
export function sliceColumns(columns: SampleColumns, from: number, to: number): SampleColumns {
  return {
    times: columns.times.subarray(from, to),
    values: columns.values.subarray(from, to),
    length: to - from,
  };
}
