/**
 * Dense chunks that share their times: what is scraped or pushed together has the same times, and where these are
 * not regular they take more bytes than many a series' values. Of such chunks in one segment, the first is written
 * whole, and the others without their times. Only chunk files know of it: what they are given and what they return
 * are chunks with all that is theirs.
 *
 * Chunk of encoding 0x81; `lender` is the chunk of encoding 0x80 that has the times, in the same segment:
 *
 *   ┌───────────┬──────────────────────┬───────────────────┬─────────────────────────────┐
 *   │ count u16 │ back uvarint         │ timesSize uvarint │ values, as in a dense chunk │
 *   └───────────┴──────────────────────┴───────────────────┴─────────────────────────────┘
 *   back: from where the lender begins to where this chunk begins, in bytes
 *   timesSize: how many bytes of the lender, from behind its count on, are the times
 *
 * Invariants
 *  1. The lender has the same count, stands before its borrowers, and borrows nothing.
 *  2. Regular times are never borrowed: they are a dozen bytes, and a reader would have to look elsewhere for them.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { denseTimesSizeBytes } from "../../kernels/dense.js";
import { DENSE_HEADER_SIZE_BYTES } from "../../kernels/dense-format.js";
import { CorruptionError } from "../../model/errors.js";
import { CHUNK_DENSE, type EncodedChunk } from "../../model/series.js";
import { ByteReader } from "../codec/byte-reader.js";
import { ByteWriter } from "../codec/byte-writer.js";
import { CHUNKS_HEADER_SIZE_BYTES } from "./block-format.js";

export const CHUNK_SHARED_TIMES = 0x81;

/** Fewer bytes are not worth a second place to read. */
const TIMES_SIZE_BYTES_MIN = 32;
/** A writer that has seen more forgets it all, and begins again. */
const KNOWN_SIZE_BYTES_MAX = 16 * 1024 * 1024;

/** What stands in a chunk file. */
export type FramedChunk = Pick<EncodedChunk, "encoding" | "bytes">;

interface KnownTimes {
  /** Where the lender begins. */
  readonly offset: number;
  /** Count and times. */
  readonly bytes: Uint8Array;
}

/** The times of the chunks of a segment that is being written. */
export class TimesLenders {
  /** By checksum; of those that share one, the last. */
  readonly #known = new Map<number, KnownTimes>();
  #sizeBytes = 0;

  /** The chunk as it is to be written at `offset`: itself, or one that borrows its times. */
  framed(chunk: EncodedChunk, offset: number): FramedChunk {
    if (chunk.encoding !== CHUNK_DENSE) return chunk;
    const timesSize = denseTimesSizeBytes(chunk.bytes, chunk.count);
    if (timesSize === undefined || timesSize < TIMES_SIZE_BYTES_MIN) return chunk;
    const valuesAt = DENSE_HEADER_SIZE_BYTES + timesSize;
    const times = chunk.bytes.subarray(0, valuesAt);
    const key = crc32c(times);
    const lender = this.#known.get(key);
    if (lender === undefined || !isSame(lender.bytes, times)) {
      this.#remember(key, { offset, bytes: times.slice() });
      return chunk;
    }
    const body = new ByteWriter(chunk.bytes.length);
    body.u16(chunk.count);
    body.uvarint32(offset - lender.offset);
    body.uvarint32(timesSize);
    body.bytes(chunk.bytes.subarray(valuesAt));
    return { encoding: CHUNK_SHARED_TIMES, bytes: body.view() };
  }

  /** At the beginning of a segment. */
  clear(): void {
    this.#known.clear();
    this.#sizeBytes = 0;
  }

  #remember(key: number, lender: KnownTimes): void {
    if (this.#sizeBytes >= KNOWN_SIZE_BYTES_MAX) this.clear();
    this.#known.set(key, lender);
    this.#sizeBytes += lender.bytes.length;
  }
}

/** A chunk without its times. */
export interface Borrower {
  /** Where it stands, for errors. */
  readonly place: ChunkPlace;
  readonly count: number;
  /** Offset of the lender in the segment. */
  readonly lender: number;
  readonly timesSizeBytes: number;
  readonly values: Uint8Array;
}

export interface ChunkPlace {
  readonly file: string;
  readonly offset: number;
}

/** Reads the body of a chunk. Throws CorruptionError. */
export function decodeBorrower(bytes: Uint8Array, place: ChunkPlace): Borrower {
  const reader = new ByteReader(bytes, place);
  const count = reader.u16();
  const lender = place.offset - reader.uvarint32();
  if (lender < CHUNKS_HEADER_SIZE_BYTES || lender === place.offset)
    throw new CorruptionError("a chunk borrows its times from where no chunk can be", { ...place });
  const timesSizeBytes = reader.uvarint32();
  return { place, count, lender, timesSizeBytes, values: bytes.subarray(reader.position) };
}

/** The size of the whole chunk. */
export function wholeSizeBytes({ timesSizeBytes, values }: Borrower): number {
  return DENSE_HEADER_SIZE_BYTES + timesSizeBytes + values.length;
}

/** Count and times of a lender, as far as the borrower says that they reach. Throws CorruptionError. */
export function lentTimes({ encoding, bytes }: FramedChunk, { timesSizeBytes, place }: Borrower): Uint8Array {
  const sizeBytes = DENSE_HEADER_SIZE_BYTES + timesSizeBytes;
  if (encoding !== CHUNK_DENSE || bytes.length <= sizeBytes)
    throw new CorruptionError("a chunk borrows its times from one that cannot lend them", { ...place });
  return bytes.slice(0, sizeBytes);
}

/** Writes the body of the whole chunk. Throws CorruptionError when what was lent to another is not for this one. */
export function writeWhole(borrower: Borrower, lent: Uint8Array, into: Uint8Array): void {
  const { count, timesSizeBytes, values, place } = borrower;
  const lentCount = (lent[0]! << 8) | lent[1]!;
  if (lent.length !== DENSE_HEADER_SIZE_BYTES + timesSizeBytes || lentCount !== count)
    throw new CorruptionError("a chunk borrows times that are not its own", { ...place });
  into.set(lent);
  into.set(values, lent.length);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
