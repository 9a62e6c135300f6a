/**
 * WAL file: a segment (wal/00000001) or a checkpoint (wal/checkpoint.00000001). A header, then frames without gaps.
 *
 * Header, 16 bytes, synced before the first frame is written:
 *   ┌────────────────────┬──────────────┬────────────┬──────────────────┬────────────┬─────────────────────┐
 *   │ magic u32 "NXWL"   │ version u8=1 │ kind u8    │ reserved u16 = 0 │ number u32 │ crc32c u32          │
 *   └────────────────────┴──────────────┴────────────┴──────────────────┴────────────┴─────────────────────┘
 *     kind: 1 segment, 2 checkpoint. number: the one in the file's name. crc32c covers the 12 bytes before it.
 *
 * Frame, 13 bytes and the payload:
 *   ┌─────────┬────────────┬────────────────────┬───────────────────┬─────────────────┐
 *   │ type u8 │ length u32 │ payload crc32c u32 │ header crc32c u32 │ payload[length] │   big-endian
 *   └─────────┴────────────┴────────────────────┴───────────────────┴─────────────────┘
 *     type: 1 record, 2 end of the file (length 0, nothing behind it).
 *     header crc32c covers type, length and payload crc32c, so that it vouches for the payload too, and is seeded
 *     by the place: (number * 0x9e3779b1 xor offset of the frame) modulo 2^32.
 *
 * Invariants
 *  1. A frame is valid only where it was written: bytes that look like a frame inside of a payload, or an old
 *     frame in a reused sector, fail the header checksum. Hence a reader that lost its place may test every
 *     byte for a frame: it finds the next one, and only what is unreadable is lost.
 *  2. A header that holds with a payload that does not: exactly this record is lost, the length is known.
 *  3. A segment is ended (and synced) before the next one is created. So only the last segment may lack its
 *     end, and only there may unreadable bytes up to the end of the file, with no valid frame behind them, be a
 *     torn tail: a write that was not acknowledged. Everything else that is unreadable, a segment without an
 *     end before another segment, and a missing number are corruption.
 *  4. A file of at most 16 bytes, without a valid header, is a segment whose creation was cut short.
 *  5. A checkpoint is renamed into place complete: it has no torn tail.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { CorruptionError } from "../../model/errors.js";
import { ByteReader } from "../codec/byte-reader.js";
import { ByteWriter } from "../codec/byte-writer.js";

export const FILE_HEADER_SIZE_BYTES = 16;
export const FRAME_HEADER_SIZE_BYTES = 13;
/** Where the fields of a frame header begin; the type is its first byte. */
export const FRAME_LENGTH_AT = 1;
export const FRAME_PAYLOAD_CRC_AT = 5;
export const FRAME_HEADER_CRC_AT = 9;
export const FORMAT_VERSION = 1;
/** A payload may have this many bytes: no reader believes a greater length. */
export const PAYLOAD_SIZE_MAX_BYTES = 256 * 1024 * 1024;

export const FRAME_RECORD = 1;
export const FRAME_END = 2;

/** Which of the two files, and its number. */
export interface WalFileIdentity {
  readonly kind: "segment" | "checkpoint";
  readonly number: number;
}

const MAGIC = 0x4e58574c;
const kindNumbers = { segment: 1, checkpoint: 2 } as const;

export function encodeFileHeader(identity: WalFileIdentity): Uint8Array {
  const writer = new ByteWriter(FILE_HEADER_SIZE_BYTES);
  writer.u32(MAGIC);
  writer.u8(FORMAT_VERSION);
  writer.u8(kindNumbers[identity.kind]);
  writer.u16(0);
  writer.u32(identity.number);
  writer.u32(crc32c(writer.view()));
  return writer.toBytes();
}

/** What is wrong with the header of a file, undefined when nothing is. A later version throws. */
export function fileHeaderFault(
  bytes: Uint8Array,
  file: string,
  expected: WalFileIdentity,
): string | undefined {
  if (bytes.length < FILE_HEADER_SIZE_BYTES) return "the file header is incomplete";
  const reader = new ByteReader(bytes, { file });
  const magic = reader.u32();
  const version = reader.u8();
  const kind = reader.u8();
  reader.skip(2);
  const number = reader.u32();
  if (magic !== MAGIC || crc32c(bytes.subarray(0, 12)) !== reader.u32()) return "the file header is damaged";
  if (version > FORMAT_VERSION)
    throw new CorruptionError(
      `WAL format version ${version} is newer than this release, which reads ${FORMAT_VERSION}`,
      { file, offset: 4 },
    );
  if (kind !== kindNumbers[expected.kind] || number !== expected.number)
    return "the file header names another file";
  return undefined;
}

/** The header checksum of the frame whose header is `bytes[at..]` and which stands at `offset` of the file. */
export function frameHeaderCrc(bytes: Uint8Array, at: number, fileNumber: number, offset: number): number {
  const place = (Math.imul(fileNumber, 0x9e3779b1) ^ (offset % 2 ** 32)) >>> 0;
  return crc32c(bytes.subarray(at, at + FRAME_HEADER_CRC_AT), place);
}
