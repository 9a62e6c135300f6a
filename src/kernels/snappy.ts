/**
 * Snappy, block format: what bodies of remote write and records of a Prometheus WAL are compressed with.
 *
 *   ┌────────────────────────┬──────────────────────────────────────────────┐
 *   │ decoded length, varint │ elements, each with a tag byte                │
 *   └────────────────────────┴──────────────────────────────────────────────┘
 *   tag & 3   element   tag >> 2                            follows the tag
 *   0         literal   length - 1; 60..63: it follows in 1..4 bytes   the bytes
 *   1         copy      3 bits length - 4, 3 bits offset >> 8          1 byte of the offset
 *   2         copy      6 bits length - 1                              2 bytes of the offset
 *   3         copy      6 bits length - 1                              4 bytes of the offset
 *
 * Integers are little-endian. A copy repeats `length` bytes from `offset` before the end of what is decoded; it
 * may overlap itself.
 *
 * Source: github.com/google/snappy, format_description.txt.
 */

import { LimitExceededError, MalformedInputError } from "../model/errors.js";

/** The densest element is a copy of 64 bytes in 3. */
const expansionMax = 64 / 3;

export interface SnappyHeader {
  /** Where the elements begin. */
  readonly start: number;
  readonly decodedSize: number;
}

/**
 * Throws MalformedInputError for what is no Snappy block, and LimitExceededError, before anything is allocated,
 * when the declared length is beyond `decodedSizeMax`.
 */
export function decodeSnappy(bytes: Uint8Array, decodedSizeMax: number): Uint8Array {
  const { start, decodedSize } = readSnappyHeader(bytes, decodedSizeMax);
  const decoded = new Uint8Array(decodedSize);
  decodeElements(bytes, start, decoded);
  return decoded;
}

/** Throws as `decodeSnappy` does. What it returns is what the bytes could decode to. */
export function readSnappyHeader(bytes: Uint8Array, decodedSizeMax: number): SnappyHeader {
  if (isFramed(bytes))
    throw new MalformedInputError(
      "the body is in Snappy's framed format; remote write uses the block format",
    );
  let position = 0;
  let decodedSize = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[position++];
    if (byte === undefined || position > 5) throw malformed("the length is not complete", position);
    decodedSize += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (decodedSize > decodedSizeMax)
    throw new LimitExceededError(`the body decodes to ${decodedSize} bytes; the limit is ${decodedSizeMax}`);
  if (decodedSize > (bytes.length - position) * expansionMax)
    throw malformed(`${bytes.length} bytes cannot decode to the declared ${decodedSize}`, 0);
  return { start: position, decodedSize };
}

function decodeElements(bytes: Uint8Array, start: number, decoded: Uint8Array): void {
  let position = start;
  let written = 0;
  while (position < bytes.length) {
    const tagAt = position;
    const tag = bytes[position++]!;
    const kind = tag & 3;
    // How many bytes of a longer literal length, or of an offset, follow the tag.
    const extra = kind === 0 ? Math.max(0, (tag >> 2) - 59) : kind === 3 ? 4 : kind;
    if (position + extra > bytes.length) throw malformed("an element is not complete", tagAt);
    let number = 0;
    for (let i = extra - 1; i >= 0; i--) number = number * 256 + bytes[position + i]!;
    position += extra;
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (kind === 0 && extra > 0 ? number : tag >> 2) + 1;
    if (length > decoded.length - written) throw malformed("more is decoded than was declared", tagAt);
    if (kind === 0) {
      if (length > bytes.length - position) throw malformed("a literal is not complete", tagAt);
      copyBytes(bytes, position, decoded, written, length);
      position += length;
    } else {
      const offset = kind === 1 ? ((tag >> 5) << 8) | number : number;
      if (offset === 0 || offset > written) throw malformed("a copy reaches before the start", tagAt);
      for (let i = 0; i < length; i++) decoded[written + i] = decoded[written - offset + i]!;
    }
    written += length;
  }
  if (written !== decoded.length)
    throw malformed(`${written} bytes are decoded, but ${decoded.length} were declared`, position);
}

function copyBytes(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length > 32) to.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
}

function isFramed(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 10 && Buffer.from(bytes.subarray(0, 10)).toString("latin1") === "\xff\x06\x00\x00sNaPpY"
  );
}

function malformed(reason: string, offset: number): MalformedInputError {
  return new MalformedInputError(`the body is not valid Snappy: ${reason}`, { offset });
}

const hashBits = 14;
const copyLengthMin = 4;
/** Offsets of two bytes are enough: beyond 64 KiB nothing is looked for. */
const offsetMax = 65_535;

/** Greedy: at each position the last place with the same four bytes, if it is near. */
export function encodeSnappy(bytes: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(10 + bytes.length + Math.ceil(bytes.length / 6));
  const lastPlace = new Int32Array(1 << hashBits).fill(-1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = writeVarint(encoded, 0, bytes.length);
  let literalStart = 0;
  let position = 0;
  while (position + copyLengthMin <= bytes.length) {
    const word = view.getUint32(position, true);
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - hashBits);
    const candidate = lastPlace[slot]!;
    lastPlace[slot] = position;
    if (candidate < 0 || position - candidate > offsetMax || view.getUint32(candidate, true) !== word) {
      position++;
      continue;
    }
    let length = copyLengthMin;
    while (position + length < bytes.length && bytes[candidate + length] === bytes[position + length])
      length++;
    at = writeLiteral(encoded, at, bytes.subarray(literalStart, position));
    at = writeCopies(encoded, at, position - candidate, length);
    position += length;
    literalStart = position;
  }
  at = writeLiteral(encoded, at, bytes.subarray(literalStart));
  return encoded.subarray(0, at);
}

function writeVarint(to: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) to[at++] = (rest % 128) | 0x80;
  to[at++] = rest;
  return at;
}

function writeLiteral(to: Uint8Array, start: number, literal: Uint8Array): number {
  if (literal.length === 0) return start;
  let at = start;
  const last = literal.length - 1;
  if (last < 60) to[at++] = last << 2;
  else {
    const lengthBytes = last < 2 ** 8 ? 1 : last < 2 ** 16 ? 2 : last < 2 ** 24 ? 3 : 4;
    to[at++] = (59 + lengthBytes) << 2;
    for (let rest = last, i = 0; i < lengthBytes; i++, rest = Math.floor(rest / 256)) to[at++] = rest % 256;
  }
  to.set(literal, at);
  return at + literal.length;
}

function writeCopies(to: Uint8Array, start: number, offset: number, length: number): number {
  let at = start;
  for (let rest = length; rest > 0; ) {
    const part = Math.min(rest, 64);
    if (part >= 4 && part <= 11 && offset < 2048) {
      to[at++] = ((offset >> 8) << 5) | ((part - 4) << 2) | 1;
    } else {
      to[at++] = ((part - 1) << 2) | 2;
      to[at + 1] = offset >> 8;
    }
    to[at] = offset & 0xff;
    at += part >= 4 && part <= 11 && offset < 2048 ? 1 : 2;
    rest -= part;
  }
  return at;
}
