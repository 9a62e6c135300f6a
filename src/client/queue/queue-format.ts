/**
 * The queue of a push client on disk: names, headers and frames of its segments.
 *
 *   DIRECTORY/
 *     lock             the process that has the queue
 *     positions        how far each address has got (positions-file.ts)
 *     00000001.queue   segments, numbered from 1; a number is never used again
 *
 * A segment is a header and frames without gaps, big-endian:
 *
 *   ┌──────────────────┬────────────┬─────────────┬────────────┬──────────────┐
 *   │ "NXPQ" u32       │ version u8 │ reserved 3B │ number u32 │ crc32c u32   │   16 bytes; checksum of 0..11
 *   └──────────────────┴────────────┴─────────────┴────────────┴──────────────┘
 *   ┌────────────┬─────────────┬──────────────┬────────────────────┬───────────────────┬─────────┐
 *   │ length u32 │ samples u32 │ queuedAt f64 │ payload crc32c u32 │ header crc32c u32 │ payload │   24 bytes + length
 *   └────────────┴─────────────┴──────────────┴────────────────────┴───────────────────┴─────────┘
 *
 * Invariants
 *  1. The header checksum of a frame is seeded by the segment's number and the frame's place: a frame is valid only
 *     where it was written. So a reader that has lost its place may test every byte, and loses only what is damaged.
 *  2. A segment is written by one process only: what a restart finds is never appended to. Bytes behind its last
 *     valid frame are the torn tail of a process that died.
 *  3. A payload is a remote write request of its own: Snappy around a `WriteRequest`.
 */

import { referenceCrc32c } from "../../kernels/reference-crc32c.js";
import { CorruptionError } from "../../model/errors.js";
import type { TimestampMs } from "../../model/sample.js";

/** What is queued as one: a request's body, and what must be known of it without decoding. */
export interface QueueRecord {
  readonly payload: Uint8Array;
  readonly samples: number;
  /** When it was queued, for the limit of age. */
  readonly queuedAt: TimestampMs;
}

/** Where a record stands in its segment. */
export interface FramePlace {
  /** Of the frame's header. */
  readonly offset: number;
  readonly payloadSizeBytes: number;
  readonly samples: number;
  readonly queuedAt: TimestampMs;
}

const MAGIC = 0x4e585051;
const VERSION = 1;
export const SEGMENT_HEADER_SIZE_BYTES = 16;
export const FRAME_HEADER_SIZE_BYTES = 24;
const MAGIC_AT = 0;
const VERSION_AT = 4;
const NUMBER_AT = 8;
const SEGMENT_CHECKSUM_AT = 12;
const LENGTH_AT = 0;
const SAMPLES_AT = 4;
const QUEUED_AT = 8;
const PAYLOAD_CHECKSUM_AT = 16;
const HEADER_CHECKSUM_AT = 20;

export function segmentFileName(number: number): string {
  return `${String(number).padStart(8, "0")}.queue`;
}

/** The number of a segment's file, undefined for any other name. */
export function segmentOfFileName(name: string): number | undefined {
  return /^\d{8,}\.queue$/.test(name) ? Number(name.slice(0, -".queue".length)) : undefined;
}

export function encodeSegmentHeader(number: number): Uint8Array {
  const bytes = Buffer.alloc(SEGMENT_HEADER_SIZE_BYTES);
  bytes.writeUInt32BE(MAGIC, MAGIC_AT);
  bytes[VERSION_AT] = VERSION;
  bytes.writeUInt32BE(number, NUMBER_AT);
  bytes.writeUInt32BE(referenceCrc32c(bytes.subarray(0, SEGMENT_CHECKSUM_AT)), SEGMENT_CHECKSUM_AT);
  return bytes;
}

/** The frame of a record, for this place only. */
export function encodeFrame(record: QueueRecord, place: { number: number; offset: number }): Uint8Array {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_SIZE_BYTES + record.payload.length);
  bytes.writeUInt32BE(record.payload.length, LENGTH_AT);
  bytes.writeUInt32BE(record.samples, SAMPLES_AT);
  bytes.writeDoubleBE(record.queuedAt, QUEUED_AT);
  bytes.writeUInt32BE(referenceCrc32c(record.payload), PAYLOAD_CHECKSUM_AT);
  bytes.writeUInt32BE(headerChecksum(bytes, place), HEADER_CHECKSUM_AT);
  bytes.set(record.payload, FRAME_HEADER_SIZE_BYTES);
  return bytes;
}

export interface SegmentScan {
  readonly frames: readonly FramePlace[];
  /** Bytes that belong to no valid frame, the torn tail included. */
  readonly damagedSizeBytes: number;
}

/**
 * All valid frames of a segment, payloads checked. Throws CorruptionError for one of a version that is not known,
 * which must be left alone; a damaged header of a segment is no reason not to read its frames.
 */
export function scanSegment(file: Uint8Array, number: number): SegmentScan {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  assertKnownVersion(bytes);
  const frames: FramePlace[] = [];
  let validSizeBytes = SEGMENT_HEADER_SIZE_BYTES;
  for (let offset = SEGMENT_HEADER_SIZE_BYTES; offset + FRAME_HEADER_SIZE_BYTES <= bytes.length; ) {
    const frame = frameAt(bytes, { number, offset });
    if (frame === undefined) {
      offset++;
      continue;
    }
    frames.push(frame);
    const sizeBytes = FRAME_HEADER_SIZE_BYTES + frame.payloadSizeBytes;
    validSizeBytes += sizeBytes;
    offset += sizeBytes;
  }
  return { frames, damagedSizeBytes: Math.max(0, bytes.length - validSizeBytes) };
}

/** Throws CorruptionError when the payload is not what was written. */
export function decodeFrame(frame: Uint8Array, file: string): Uint8Array {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const payload = frame.subarray(FRAME_HEADER_SIZE_BYTES);
  const isWhole = bytes.length >= FRAME_HEADER_SIZE_BYTES && payload.length === bytes.readUInt32BE(LENGTH_AT);
  if (!isWhole || referenceCrc32c(payload) !== bytes.readUInt32BE(PAYLOAD_CHECKSUM_AT))
    throw new CorruptionError("a queued request is not what was written", { file });
  return payload;
}

function assertKnownVersion(bytes: Buffer): void {
  if (bytes.length < SEGMENT_HEADER_SIZE_BYTES) return;
  const checksum = referenceCrc32c(bytes.subarray(0, SEGMENT_CHECKSUM_AT));
  if (bytes.readUInt32BE(SEGMENT_CHECKSUM_AT) !== checksum || bytes.readUInt32BE(MAGIC_AT) !== MAGIC) return;
  if (bytes[VERSION_AT]! > VERSION)
    throw new CorruptionError(
      `a queue of version ${bytes[VERSION_AT]} was written by a newer client; this one knows version ${VERSION}`,
    );
}

function frameAt(bytes: Buffer, place: { number: number; offset: number }): FramePlace | undefined {
  const header = bytes.subarray(place.offset, place.offset + FRAME_HEADER_SIZE_BYTES);
  const payloadSizeBytes = header.readUInt32BE(LENGTH_AT);
  const payloadAt = place.offset + FRAME_HEADER_SIZE_BYTES;
  if (payloadSizeBytes > bytes.length - payloadAt) return undefined;
  if (header.readUInt32BE(HEADER_CHECKSUM_AT) !== headerChecksum(header, place)) return undefined;
  const payload = bytes.subarray(payloadAt, payloadAt + payloadSizeBytes);
  if (referenceCrc32c(payload) !== header.readUInt32BE(PAYLOAD_CHECKSUM_AT)) return undefined;
  return {
    offset: place.offset,
    payloadSizeBytes,
    samples: header.readUInt32BE(SAMPLES_AT),
    queuedAt: header.readDoubleBE(QUEUED_AT),
  };
}

function headerChecksum(header: Uint8Array, { number, offset }: { number: number; offset: number }): number {
  const seed = (Math.imul(number, 0x9e3779b1) ^ offset) >>> 0;
  return referenceCrc32c(header.subarray(0, HEADER_CHECKSUM_AT), seed);
}
