/**
 * ProtobufReader: a cursor over the wire format, without a schema. Every read is checked against the end of the
 * message; what is wrong throws MalformedInputError with its offset.
 *
 *   field := varint(number << 3 | wire type), then
 *   wire type 0: a varint    1: eight bytes    2: varint length, bytes    5: four bytes    (3, 4: groups, refused)
 *
 * Source: protobuf.dev/programming-guides/encoding.
 */

import { MalformedInputError } from "../model/errors.js";

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

export class ProtobufReader {
  readonly bytes: Buffer;
  position: number;
  /** Of the field that `nextField` has found. */
  fieldNumber = 0;
  wireType = 0;
  /** Whether a field that is asked for must have the wire type that is asked for; else it is none that is known. */
  readonly #isStrict: boolean;
  #end: number;
  readonly #base: number;
  /** The two halves of the varint read last, both unsigned. */
  #low = 0;
  #high = 0;

  /** Errors name offsets from `base` on: where the bytes stand in what was sent. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length, base = 0, isStrict = false) {
    // A reader of a nested message is made for each: a view of a view would take longer than reading it.
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.#end = end;
    this.#base = base;
    this.#isStrict = isStrict;
  }

  /** A reader of a message within this one, as strict as this one. */
  within(start: number, end: number): ProtobufReader {
    return new ProtobufReader(this.bytes, start, end, this.#base, this.#isStrict);
  }

  /** Moves to another message in the same bytes. */
  enter(start: number, end: number): void {
    this.position = start;
    this.#end = end;
  }

  /** Reads a field's tag; false at the end of the message. Its value must then be read or skipped. */
  nextField(): boolean {
    if (this.position >= this.#end) return false;
    const start = this.position;
    const tag = this.readVarint();
    this.fieldNumber = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.fieldNumber === 0 || this.fieldNumber >= 2 ** 29)
      throw this.#malformedAt(start, "a field has no valid number");
    return true;
  }

  isAt(fieldNumber: number, wireType: number): boolean {
    if (this.fieldNumber !== fieldNumber) return false;
    if (this.wireType === wireType) return true;
    if (!this.#isStrict) return false;
    throw this.#malformed(`field ${fieldNumber} has the wire type ${this.wireType}, not ${wireType}`);
  }

  /** An unsigned varint of up to 64 bits; rounded beyond 2^53. */
  readVarint(): number {
    const first = this.bytes[this.position];
    if (first !== undefined && first < 0x80 && this.position < this.#end) {
      this.position++;
      return first;
    }
    this.#readVarintHalves();
    return this.#high * 2 ** 32 + this.#low;
  }

  /** A varint that holds a signed 64-bit integer in two's complement; rounded beyond 2^53. */
  readInt64(): number {
    this.#readVarintHalves();
    return (this.#high | 0) * 2 ** 32 + this.#low;
  }

  /** Past a length; returns the end of the bytes that begin at `position`. The caller moves on. */
  readLength(): number {
    const length = this.readVarint();
    if (length > this.#end - this.position) throw this.#malformed("a field is longer than its message");
    return this.position + length;
  }

  /** Past eight bytes; returns their offset. */
  readFixed64(): number {
    return this.#advance(8);
  }

  /** Past the value of the field that `nextField` has found. */
  skip(): void {
    switch (this.wireType) {
      case WIRE_VARINT:
        this.#readVarintHalves();
        return;
      case WIRE_FIXED64:
        this.#advance(8);
        return;
      case WIRE_BYTES:
        this.position = this.readLength();
        return;
      case WIRE_FIXED32:
        this.#advance(4);
        return;
      default:
        throw this.#malformed(`the wire type ${this.wireType} is not known`);
    }
  }

  #readVarintHalves(): void {
    const start = this.position;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      if (this.position >= this.#end) throw this.#malformedAt(start, "a number is cut short");
      const byte = this.bytes[this.position++]!;
      const bits = byte & 0x7f;
      if (i < 4) low += bits * 2 ** (7 * i);
      else if (i === 4) {
        low += (bits & 0x0f) * 2 ** 28;
        high = bits >> 4;
      } else if (i < 9) high += bits * 2 ** (7 * i - 32);
      else high += (bits & 1) * 2 ** 31;
      if (byte < 0x80) {
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw this.#malformedAt(start, "a number is longer than 64 bits");
  }

  #advance(size: number): number {
    const start = this.position;
    if (size > this.#end - start) throw this.#malformed("a number is cut short");
    this.position = start + size;
    return start;
  }

  #malformed(reason: string): MalformedInputError {
    return this.#malformedAt(this.position, reason);
  }

  #malformedAt(position: number, reason: string): MalformedInputError {
    const offset = position + this.#base;
    const message = `the body is not a valid protobuf message: ${reason} (at byte ${offset})`;
    return new MalformedInputError(message, { offset });
  }
}
