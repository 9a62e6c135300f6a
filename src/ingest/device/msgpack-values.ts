/**
 * MsgpackValues: cuts the bytes of a body into its top-level MessagePack values, as they arrive, and decodes each.
 *
 * Values follow each other, or are the elements of one array. Before msgpackr sees a value its whole structure has
 * been walked: every length is within the value's bytes, nesting is bounded, and of the extension types only the
 * timestamp occurs. So no declared length makes anybody allocate.
 *
 * Source: the MessagePack specification, "Formats".
 */

import { Unpackr } from "msgpackr";
import { MalformedInputError } from "../../model/errors.js";
import { NOWHERE, takesNothing, type ValueTaker } from "./value-taker.js";

/** Undefined for a value that cannot be read, with the reason. */
export type MsgpackVisitor = (value: unknown, problem: string | undefined) => void;

const depthMax = 16;
const TIMESTAMP_TYPE = 0xff;

export class MsgpackValues {
  readonly #sizeMaxBytes: number;
  readonly #visit: MsgpackVisitor;
  readonly #taker: ValueTaker;
  /** What has arrived of the value under way. */
  #held: Uint8Array = new Uint8Array(0);
  /** Elements of the body's array that are still to come. */
  #elementsLeft = 0;

  /** Maps that `taker` takes are not visited. */
  constructor(sizeMaxBytes: number, visit: MsgpackVisitor, taker = takesNothing) {
    this.#sizeMaxBytes = sizeMaxBytes;
    this.#visit = visit;
    this.#taker = taker;
  }

  /**
   * Takes the next bytes of the body; they are not kept. Throws MalformedInputError when nothing behind this place can
   * be read: MessagePack has no marks to find the next value by.
   */
  write(piece: Uint8Array): void {
    const bytes =
      this.#held.length === 0
        ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
        : Buffer.concat([this.#held, piece]);
    let at = 0;
    while (at < bytes.length) {
      const header = this.#elementsLeft === 0 ? arrayHeader(bytes, at) : undefined;
      if (header !== undefined) {
        if (header.end > bytes.length) break;
        this.#elementsLeft = header.count;
        at = header.end;
        continue;
      }
      const taken = beginsMap(bytes[at]!) ? this.#taker.take(bytes, at, false) : NOWHERE;
      if (taken !== NOWHERE) {
        // Values that follow the array are read alike.
        this.#elementsLeft = Math.max(0, this.#elementsLeft - this.#taker.taken);
        at = taken;
        continue;
      }
      const end = valueEnd(bytes, at);
      if ((end ?? bytes.length) - at > this.#sizeMaxBytes)
        throw new MalformedInputError(`a value has more than ${this.#sizeMaxBytes} bytes; send several`);
      if (end === undefined) break;
      this.#decode(bytes.subarray(at, end));
      if (this.#elementsLeft > 0) this.#elementsLeft--;
      at = end;
    }
    this.#held = bytes.slice(at);
  }

  /** Throws MalformedInputError when the body ends in the middle of a value. */
  end(): void {
    if (this.#held.length > 0)
      throw new MalformedInputError("the body ends in the middle of a MessagePack value");
    if (this.#elementsLeft > 0)
      throw new MalformedInputError(`the body ends ${this.#elementsLeft} elements before its array does`);
  }

  #decode(bytes: Uint8Array): void {
    let value: unknown;
    try {
      value = unpackr.unpack(bytes);
    } catch (error) {
      this.#visit(undefined, error instanceof Error ? error.message : String(error));
      return;
    }
    this.#visit(value, undefined);
  }
}

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

/** What the bytes are, if they are one value; undefined otherwise. */
export function unpackOne(bytes: Uint8Array): unknown {
  try {
    return valueEnd(bytes, 0) === bytes.length ? unpackr.unpack(bytes) : undefined;
  } catch {
    return undefined;
  }
}

function beginsMap(byte: number): boolean {
  return (byte >= 0x80 && byte <= 0x8f) || byte === 0xde || byte === 0xdf;
}

/** An array at the top; `end` may lie behind the bytes there are. */
function arrayHeader(
  bytes: Uint8Array,
  at: number,
): { readonly count: number; readonly end: number } | undefined {
  const byte = bytes[at]!;
  if (byte >= 0x90 && byte <= 0x9f) return { count: byte & 0x0f, end: at + 1 };
  if (byte === 0xdc) return { count: unsignedAt(bytes, at + 1, 2), end: at + 3 };
  if (byte === 0xdd) return { count: unsignedAt(bytes, at + 1, 4), end: at + 5 };
  return undefined;
}

/** Where the value at `start` ends; undefined when not all of it is there. Throws when it is no acceptable value. */
function valueEnd(bytes: Uint8Array, start: number): number | undefined {
  let at = start;
  /** Values still to be passed, on each level. */
  const left = [1];
  while (left.length > 0) {
    const level = left.length - 1;
    if (left[level] === 0) {
      left.pop();
      continue;
    }
    left[level]!--;
    if (at >= bytes.length) return undefined;
    const { end, children } = step(bytes, at);
    if (end > bytes.length) return undefined;
    // Each child takes a byte at least.
    if (children > bytes.length - end) {
      if (children > Number.MAX_SAFE_INTEGER) throw new MalformedInputError("a length is out of range");
      return undefined;
    }
    at = end;
    if (children === 0) continue;
    if (left.length > depthMax) throw new MalformedInputError(`values are nested deeper than ${depthMax}`);
    left.push(children);
  }
  return at;
}

/** The end of a value's own bytes, and how many values follow that belong to it. */
function step(bytes: Uint8Array, at: number): { readonly end: number; readonly children: number } {
  const byte = bytes[at]!;
  if (byte <= 0x7f || byte >= 0xe0) return { end: at + 1, children: 0 };
  if (byte <= 0x8f) return { end: at + 1, children: 2 * (byte & 0x0f) };
  if (byte <= 0x9f) return { end: at + 1, children: byte & 0x0f };
  if (byte <= 0xbf) return { end: at + 1 + (byte & 0x1f), children: 0 };
  const form = forms.get(byte);
  if (form === undefined) throw new MalformedInputError(`0x${byte.toString(16)} begins no MessagePack value`);
  const { lengthBytes, kind } = form;
  const header = at + 1 + lengthBytes;
  if (header > bytes.length) return { end: Infinity, children: 0 };
  const length = unsignedAt(bytes, at + 1, lengthBytes);
  switch (kind) {
    case "fixed":
      return { end: at + 1 + form.size, children: 0 };
    case "bytes":
      return { end: header + length, children: 0 };
    case "array":
      return { end: header, children: length };
    case "map":
      return { end: header, children: 2 * length };
    case "extension": {
      if (header < bytes.length && bytes[header] !== TIMESTAMP_TYPE)
        throw new MalformedInputError(`the extension type ${bytes[header]} is not read here`);
      return { end: header + 1 + (lengthBytes === 0 ? form.size : length), children: 0 };
    }
  }
}

interface Form {
  readonly kind: "fixed" | "bytes" | "array" | "map" | "extension";
  readonly lengthBytes: number;
  /** Of what has no length of its own. */
  readonly size: number;
}

const form = (kind: Form["kind"], lengthBytes: number, size = 0): Form => ({ kind, lengthBytes, size });

/** 0xc1 is never used. */
const forms: ReadonlyMap<number, Form> = new Map([
  [0xc0, form("fixed", 0)],
  [0xc2, form("fixed", 0)],
  [0xc3, form("fixed", 0)],
  [0xc4, form("bytes", 1)],
  [0xc5, form("bytes", 2)],
  [0xc6, form("bytes", 4)],
  [0xc7, form("extension", 1)],
  [0xc8, form("extension", 2)],
  [0xc9, form("extension", 4)],
  [0xca, form("fixed", 0, 4)],
  [0xcb, form("fixed", 0, 8)],
  [0xcc, form("fixed", 0, 1)],
  [0xcd, form("fixed", 0, 2)],
  [0xce, form("fixed", 0, 4)],
  [0xcf, form("fixed", 0, 8)],
  [0xd0, form("fixed", 0, 1)],
  [0xd1, form("fixed", 0, 2)],
  [0xd2, form("fixed", 0, 4)],
  [0xd3, form("fixed", 0, 8)],
  [0xd4, form("extension", 0, 1)],
  [0xd5, form("extension", 0, 2)],
  [0xd6, form("extension", 0, 4)],
  [0xd7, form("extension", 0, 8)],
  [0xd8, form("extension", 0, 16)],
  [0xd9, form("bytes", 1)],
  [0xda, form("bytes", 2)],
  [0xdb, form("bytes", 4)],
  [0xdc, form("array", 2)],
  [0xdd, form("array", 4)],
  [0xde, form("map", 2)],
  [0xdf, form("map", 4)],
]);

function unsignedAt(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}
