/**
 * The files of a block, in the layout of Prometheus, which can read them; numbers are big-endian.
 *
 *   01J...ULID/                        see ../fs/data-directory.ts for the names; 01J...ULID.tmp until it is whole
 *     meta.json                        see block-meta.ts
 *     index                            see ../index/index-format.ts
 *     chunks/000001 ...                chunk segments
 *     tombstones                       deleted intervals
 *
 * Chunk segment, at most 512 MiB, unless a single chunk is larger
 *
 *   ┌────────────────────┬────────────┬──────────────┬──────────────────────┬─────┐
 *   │ 0x85BD40DD u32     │ 1 u8       │ 0 0 0        │ chunk                │ ... │
 *   └────────────────────┴────────────┴──────────────┴──────────────────────┴─────┘
 *
 *   chunk
 *   ┌────────────────────┬────────────┬──────────────┬──────────────────────┐
 *   │ length uvarint     │ encoding u8│ bytes[length]│ crc32c u32           │   crc32c of encoding and bytes
 *   └────────────────────┴────────────┴──────────────┴──────────────────────┘
 *
 * Encodings are Prometheus'; 0x80 see ../../kernels/dense-format.ts, 0x81 see shared-times.ts.
 *
 * Chunk ref: index of the segment (file number - 1) * 2^32 + offset of the chunk in the file. It may pass 32
 * bits but not 2^53: computed with * and /, never with shifts.
 *
 * Tombstones
 *
 *   ┌────────────────────┬────────────┬─────────────────────────────────────┬─────┬────────────┐
 *   │ 0x0130BA30 u32     │ 1 u8       │ series ref uvarint, minTime varint, │ ... │ crc32c u32 │
 *   │                    │            │ maxTime varint (both inclusive)     │     │            │
 *   └────────────────────┴────────────┴─────────────────────────────────────┴─────┴────────────┘
 *   crc32c of what is between version and checksum. An absent file is an empty one.
 *
 * Source: Prometheus `tsdb/docs/format/chunks.md` and `tombstones.md`.
 */

export const META_VERSION = 1;

export const CHUNKS_MAGIC = 0x85bd40dd;
export const CHUNKS_VERSION = 1;
export const CHUNKS_HEADER_SIZE_BYTES = 8;
export const CHUNK_SEGMENT_SIZE_BYTES_MAX = 512 * 1024 * 1024;
/** The length is a uvarint of up to 32 bits. */
export const CHUNK_LENGTH_SIZE_BYTES_MAX = 5;
/** Encoding and checksum. */
export const CHUNK_FRAME_SIZE_BYTES = 5;

export const TOMBSTONES_MAGIC = 0x0130ba30;
export const TOMBSTONES_VERSION = 1;
export const TOMBSTONES_HEADER_SIZE_BYTES = 5;

export const CRC_SIZE_BYTES = 4;

const twoTo32 = 2 ** 32;

export function chunkRef(segment: number, offset: number): number {
  return segment * twoTo32 + offset;
}

/** Index of the segment, from 0. */
export function chunkRefSegment(ref: number): number {
  return Math.floor(ref / twoTo32);
}

export function chunkRefOffset(ref: number): number {
  return ref % twoTo32;
}
