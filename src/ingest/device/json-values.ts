/**
 * JsonValues: cuts the bytes of a body into the texts of its top-level JSON values, as they arrive.
 *
 * Values may follow each other with nothing, blanks or line ends between them, or be the elements of one array; so
 * lines of JSON, one object over many lines, and an array of objects are read alike. Only brackets and strings are
 * looked at: what is inside of a value is JSON.parse's affair.
 *
 * Invariant: at most `sizeMaxBytes` of a value are held; the rest of one that is longer is skipped.
 */

import { MalformedInputError } from "../../model/errors.js";
import { NOWHERE, takesNothing, type ValueTaker } from "./value-taker.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The text of one value; undefined for one that was longer than the limit. */
export type ValueVisitor = (text: string | undefined) => void;

export class JsonValues {
  readonly #sizeMaxBytes: number;
  readonly #visit: ValueVisitor;
  readonly #taker: ValueTaker;
  #isInArray = false;
  #hasArrayEnded = false;
  /** Brackets and braces that are open within the value; 0 between values and in a bare word. */
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isInWord = false;
  #parts: Uint8Array[] = [];
  #sizeBytes = 0;

  /** Objects that `taker` takes are not visited. */
  constructor(sizeMaxBytes: number, visit: ValueVisitor, taker = takesNothing) {
    this.#sizeMaxBytes = sizeMaxBytes;
    this.#visit = visit;
    this.#taker = taker;
  }

  /** Takes the next bytes of the body; they are not kept. Throws MalformedInputError where no value can begin. */
  write(piece: Uint8Array): void {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let start = 0;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i]!;
      if (this.#isInString) this.#stepInString(byte);
      else if (this.#depth > 0) this.#stepInValue(byte);
      else if (this.#isInWord) {
        if (!isWordEnd(byte)) continue;
        this.#isInWord = false;
        this.#finish(piece.subarray(start, i));
        this.#stepBetween(byte);
        start = i;
        continue;
      } else {
        start = i;
        const end =
          byte === OPEN_BRACE && !this.#hasArrayEnded ? this.#taker.take(bytes, i, this.#isInArray) : NOWHERE;
        if (end === NOWHERE) this.#stepBetween(byte);
        else i = end - 1;
        continue;
      }
      if (this.#depth === 0 && !this.#isInString) {
        this.#finish(piece.subarray(start, i + 1));
        start = i + 1;
      }
    }
    if (this.#isInside()) this.#keep(piece.slice(start));
  }

  /** Throws MalformedInputError when the body ends in the middle of a value. */
  end(): void {
    if (this.#isInWord) this.#finish(new Uint8Array(0));
    else if (this.#isInside()) throw new MalformedInputError("the body ends in the middle of a JSON value");
    if (this.#isInArray) throw new MalformedInputError("the body ends before its array does");
  }

  #isInside(): boolean {
    return this.#depth > 0 || this.#isInString || this.#isInWord;
  }

  #stepInString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInString = false;
  }

  #stepInValue(byte: number): void {
    if (byte === QUOTE) this.#isInString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth--;
  }

  /** What may stand between values; anything else begins one. */
  #stepBetween(byte: number): void {
    if (isBlank(byte)) return;
    if (byte === COMMA && this.#isInArray) return;
    if (byte === CLOSE_BRACKET && this.#isInArray) {
      this.#isInArray = false;
      this.#hasArrayEnded = true;
      return;
    }
    if (this.#hasArrayEnded) throw new MalformedInputError("something follows the array of the body");
    if (byte === OPEN_BRACKET && !this.#isInArray) this.#isInArray = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth = 1;
    else if (byte === QUOTE) this.#isInString = true;
    else this.#isInWord = true;
  }

  #keep(part: Uint8Array): void {
    this.#sizeBytes += part.length;
    if (this.#sizeBytes > this.#sizeMaxBytes) this.#parts = [];
    else this.#parts.push(part);
  }

  #finish(last: Uint8Array): void {
    this.#keep(last);
    const isTooLong = this.#sizeBytes > this.#sizeMaxBytes;
    const isCut = this.#parts.length > 1;
    const value = isTooLong ? undefined : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#sizeBytes = 0;
    // Of one that arrived in pieces nobody has seen the whole.
    const isTaken = isCut && value?.[0] === OPEN_BRACE && this.#taker.take(value, 0, false) !== NOWHERE;
    if (!isTaken) this.#visit(value?.toString());
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isWordEnd(byte: number): boolean {
  return isBlank(byte) || byte === COMMA || byte === CLOSE_BRACKET || byte === OPEN_BRACE || byte === QUOTE;
}
