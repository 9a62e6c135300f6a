/**
 * Snappy's framing format, as clients of a Pushgateway send it: chunks, the first of which identifies the stream.
 *
 *   ┌─────────┬────────────────────────┬────────┐   type 0xff  "sNaPpY", the stream begins
 *   │ type u8 │ length u24             │ data   │        0x00  crc32c of the decoded bytes, a block of Snappy
 *   └─────────┴────────────────────────┴────────┘        0x01  crc32c, bytes as they are
 *                              little-endian             0x80 to 0xfe  to be skipped; others are errors
 *
 * Checksums are masked: rotated right by 15 bits, plus a constant. A chunk decodes to at most 64 KiB.
 *
 * Source: github.com/google/snappy, framing_format.txt.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { decodeSnappy } from "../../kernels/snappy.js";
import { LimitExceededError, MalformedInputError } from "../../model/errors.js";

const COMPRESSED = 0x00;
const PLAIN = 0x01;
const STREAM = 0xff;
const SKIPPED_FROM = 0x80;
const headerSize = 4;
const checksumSize = 4;
const chunkDecodedMax = 65_536;
const identifier = Buffer.from("sNaPpY");

/** Throws MalformedInputError, and LimitExceededError before more than `decodedSizeMax` bytes are allocated. */
export function* decodeSnappyFrames(bytes: Uint8Array, decodedSizeMax: number): Generator<Uint8Array> {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let decodedSize = 0;
  for (let position = 0; position < source.length; ) {
    const { type, data, end } = readChunk(source, position);
    if (position === 0 && type !== STREAM)
      throw malformed("it does not begin as a stream of Snappy's framed format", 0);
    if (type === STREAM && !data.equals(identifier)) throw malformed("another stream begins", position);
    if (type === COMPRESSED || type === PLAIN) {
      const decoded = decodeChunk(type, data, position);
      decodedSize += decoded.length;
      if (decodedSize > decodedSizeMax)
        throw new LimitExceededError(
          `the decompressed body has more than ${decodedSizeMax} bytes, the limit`,
        );
      yield decoded;
    } else if (type < SKIPPED_FROM) throw malformed(`a chunk has the unknown type ${type}`, position);
    position = end;
  }
}

interface Chunk {
  readonly type: number;
  readonly data: Buffer;
  readonly end: number;
}

function readChunk(source: Buffer, position: number): Chunk {
  const start = position + headerSize;
  if (start > source.length) throw malformed("a chunk is cut short", position);
  const end = start + source.readUIntLE(position + 1, 3);
  if (end > source.length) throw malformed("a chunk is cut short", position);
  return { type: source[position]!, data: source.subarray(start, end), end };
}

function decodeChunk(type: number, data: Buffer, position: number): Uint8Array {
  if (data.length < checksumSize) throw malformed("a chunk has no checksum", position);
  const content = data.subarray(checksumSize);
  const decoded = type === COMPRESSED ? decodeSnappy(content, chunkDecodedMax) : content;
  if (decoded.length > chunkDecodedMax) throw malformed("a chunk is too large", position);
  if (maskedChecksum(decoded) !== data.readUInt32LE(0))
    throw malformed("the checksum of a chunk is wrong", position);
  return decoded;
}

export function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function malformed(what: string, offset: number): MalformedInputError {
  return new MalformedInputError(`the body is not valid snappy: ${what} (at byte ${offset})`, { offset });
}
