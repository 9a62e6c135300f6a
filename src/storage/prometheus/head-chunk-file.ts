/**
 * readHeadChunks: the closed chunks of the head of a Prometheus, from one file of chunks_head. Big-endian.
 *
 *   file     0x0130BC91 u32 │ 1 u8 │ 0 0 0 │ chunk... │ zeros, where the file was made larger than it is
 *
 *   chunk
 *   ┌────────────────┬─────────────┬─────────────┬──────────────┬────────────────┬───────────────┬────────────┐
 *   │ series ref u64 │ minTime i64 │ maxTime i64 │ encoding u8  │ length uvarint │ bytes[length] │ crc32c u32 │
 *   └────────────────┴─────────────┴─────────────┴──────────────┴────────────────┴───────────────┴────────────┘
 *   The highest bit of the encoding marks a chunk of out-of-order samples. crc32c covers all that is before it.
 *
 * Source: Prometheus `tsdb/docs/format/head_chunks.md`, `tsdb/chunks/head_chunks.go`.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { CorruptionError } from "../../model/errors.js";
import type { EncodedChunk } from "../../model/series.js";
import { ByteReader } from "../codec/byte-reader.js";
import { readTime } from "./log-record.js";

const MAGIC = 0x0130bc91;
const VERSION = 1;
const HEADER_SIZE_BYTES = 8;
const OUT_OF_ORDER_MASK = 0x80;

export interface HeadChunk {
  readonly ref: number;
  readonly chunk: EncodedChunk;
  readonly isOutOfOrder: boolean;
}

/** Throws CorruptionError where the file ends to be readable. */
export function* readHeadChunks(bytes: Uint8Array, file: string): Generator<HeadChunk, void, void> {
  const reader = new ByteReader(bytes, { file });
  // Made, but not written to before the process was killed.
  if (bytes.every((byte) => byte === 0)) return;
  if (reader.u32() !== MAGIC)
    throw new CorruptionError("this is no file of head chunks", { file, offset: 0 });
  const version = reader.u8();
  if (version !== VERSION)
    throw new CorruptionError(`the head chunks have version ${version}, not ${VERSION}`, { file, offset: 4 });
  reader.seek(HEADER_SIZE_BYTES);
  while (reader.remaining > 0) {
    const chunk = readChunk(reader, bytes);
    if (chunk === undefined) return;
    yield chunk;
  }
}

/** Undefined where only zeros follow. */
function readChunk(reader: ByteReader, bytes: Uint8Array): HeadChunk | undefined {
  const start = reader.position;
  if (bytes[start] === 0 && bytes.subarray(start).every((byte) => byte === 0)) return undefined;
  const ref = reader.u64();
  const minTime = readTime(reader);
  const maxTime = readTime(reader);
  const encoding = reader.u8();
  const body = reader.subarray(reader.uvarint32());
  const isIntact = crc32c(bytes.subarray(start, reader.position)) === reader.u32();
  if (!isIntact) throw reader.corruption("the checksum of a head chunk is wrong");
  if (body.length < 2) throw reader.corruption("a head chunk has no samples");
  // Every encoding begins with the number of samples.
  const count = (body[0]! << 8) | body[1]!;
  return {
    ref,
    chunk: { encoding: encoding & ~OUT_OF_ORDER_MASK, minTime, maxTime, count, bytes: body },
    isOutOfOrder: (encoding & OUT_OF_ORDER_MASK) !== 0,
  };
}
