/**
 * PointScan: where the parts of a data point are in its bytes, without decoding any. What is known by the bytes of its
 * attributes needs no more; a point that is written in an unusual way is left to the decoder.
 *
 * Usual is: known fields only, with their wire types, the attributes behind one another, lists packed.
 */

import { NO_RECORDED_VALUE } from "./otlp-message.js";

/** Tags: the number of the field * 8 + wire type. */
const START_TIME = 0x11;
const TIME = 0x19;
const FLAGS_OF_NUMBER = 0x40;
const DOUBLE_VALUE = 0x21;
const INTEGER_VALUE = 0x31;
const EXEMPLAR_OF_NUMBER = 0x2a;
const ATTRIBUTE_OF_NUMBER = 0x3a;

const COUNT = 0x21;
const SUM = 0x29;
const BUCKET_COUNTS = 0x32;
const BOUNDS = 0x3a;
const EXEMPLAR_OF_HISTOGRAM = 0x42;
const ATTRIBUTE_OF_HISTOGRAM = 0x4a;
const FLAGS_OF_HISTOGRAM = 0x50;
const MIN = 0x59;
const MAX = 0x61;

/** No offset. */
const NOWHERE = -1;

export class PointScan {
  /** With their tags; empty where there are none. */
  attributesStart = 0;
  attributesEnd = 0;
  exemplars = 0;
  hasNoValue = false;
  /** Of a histogram: with their tag. */
  boundsStart = 0;
  boundsEnd = 0;
  boundCount = 0;
  /** Offset of the first count of a bucket. */
  bucketsAt = NOWHERE;
  #sumAt = NOWHERE;
  #bucketCount = 0;
  #timeAt = NOWHERE;
  #valueAt = NOWHERE;
  #isInteger = false;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** Behind the field of variable length that was passed last, and where its contents begin. */
  #next = 0;
  #contents = 0;

  constructor(bytes: Buffer, view: DataView) {
    this.#bytes = bytes;
    this.#view = view;
  }

  /** Milliseconds; 0 when the sender gave none. */
  get timeMs(): number {
    return this.#timeAt === NOWHERE ? 0 : nanosecondsAt(this.#view, this.#timeAt);
  }

  /** Of a number's point. */
  get value(): number {
    if (this.#valueAt === NOWHERE) return 0;
    return this.#isInteger ? this.#signed64() : this.#view.getFloat64(this.#valueAt, true);
  }

  /** Of a histogram's point. */
  get count(): number {
    return this.#valueAt === NOWHERE ? 0 : unsigned64At(this.#view, this.#valueAt);
  }

  get hasSum(): boolean {
    return this.#sumAt !== NOWHERE;
  }

  /** Of a histogram's point that has one. */
  get sum(): number {
    return this.#view.getFloat64(this.#sumAt, true);
  }

  /** False for what is left to the decoder. */
  scanNumber(start: number, end: number): boolean {
    this.#begin();
    const bytes = this.#bytes;
    let at = start;
    while (at < end) {
      switch (bytes[at]) {
        case ATTRIBUTE_OF_NUMBER:
          if (!this.#passAttribute(at)) return false;
          at = this.#next;
          break;
        case START_TIME:
          at += 9;
          break;
        case TIME:
          this.#timeAt = at + 1;
          at += 9;
          break;
        case DOUBLE_VALUE:
        case INTEGER_VALUE:
          this.#valueAt = at + 1;
          this.#isInteger = bytes[at] === INTEGER_VALUE;
          at += 9;
          break;
        case EXEMPLAR_OF_NUMBER:
          if (!this.#passBytes(at)) return false;
          this.exemplars++;
          at = this.#next;
          break;
        case FLAGS_OF_NUMBER:
          if (!this.#passFlags(at, end)) return false;
          at += 2;
          break;
        default:
          return false;
      }
    }
    return at === end;
  }

  /** False for what is left to the decoder, as are counts that do not fit the bounds. */
  scanHistogram(start: number, end: number): boolean {
    this.#begin();
    const bytes = this.#bytes;
    let at = start;
    while (at < end) {
      switch (bytes[at]) {
        case ATTRIBUTE_OF_HISTOGRAM:
          if (!this.#passAttribute(at)) return false;
          at = this.#next;
          break;
        case START_TIME:
        case MIN:
        case MAX:
          at += 9;
          break;
        case TIME:
          this.#timeAt = at + 1;
          at += 9;
          break;
        case COUNT:
          this.#valueAt = at + 1;
          at += 9;
          break;
        case SUM:
          this.#sumAt = at + 1;
          at += 9;
          break;
        case BUCKET_COUNTS:
        case BOUNDS:
          if (!this.#passList(at)) return false;
          at = this.#next;
          break;
        case EXEMPLAR_OF_HISTOGRAM:
          if (!this.#passBytes(at)) return false;
          this.exemplars++;
          at = this.#next;
          break;
        case FLAGS_OF_HISTOGRAM:
          if (!this.#passFlags(at, end)) return false;
          at += 2;
          break;
        default:
          return false;
      }
    }
    const isFitting = this.#bucketCount === this.boundCount + 1 || this.#bucketCount + this.boundCount === 0;
    return at === end && isFitting;
  }

  #begin(): void {
    this.attributesStart = 0;
    this.attributesEnd = 0;
    this.exemplars = 0;
    this.hasNoValue = false;
    this.boundsStart = 0;
    this.boundsEnd = 0;
    this.boundCount = 0;
    this.bucketsAt = NOWHERE;
    this.#sumAt = NOWHERE;
    this.#bucketCount = 0;
    this.#timeAt = NOWHERE;
    this.#valueAt = NOWHERE;
  }

  #passAttribute(at: number): boolean {
    if (!this.#passBytes(at)) return false;
    if (this.attributesEnd === 0) this.attributesStart = at;
    else if (this.attributesEnd !== at) return false;
    this.attributesEnd = this.#next;
    return true;
  }

  /** A list that is given twice is unusual. */
  #passList(at: number): boolean {
    if (!this.#passBytes(at)) return false;
    const size = this.#next - this.#contents;
    if (size % 8 !== 0) return false;
    if (this.#bytes[at] === BOUNDS) {
      if (this.boundsEnd !== 0) return false;
      this.boundsStart = at;
      this.boundsEnd = this.#next;
      this.boundCount = size / 8;
    } else {
      if (this.bucketsAt !== NOWHERE) return false;
      this.bucketsAt = this.#contents;
      this.#bucketCount = size / 8;
    }
    return true;
  }

  /** Lengths of up to two bytes. What reaches beyond the point is found at its end. */
  #passBytes(at: number): boolean {
    const first = this.#bytes[at + 1] ?? 0x80;
    if (first < 0x80) {
      this.#contents = at + 2;
      this.#next = this.#contents + first;
      return true;
    }
    const second = this.#bytes[at + 2] ?? 0x80;
    if (second >= 0x80) return false;
    this.#contents = at + 3;
    this.#next = this.#contents + (first & 0x7f) + (second << 7);
    return true;
  }

  #passFlags(at: number, end: number): boolean {
    const flags = this.#bytes[at + 1]!;
    if (at + 1 >= end || flags >= 0x80) return false;
    this.hasNoValue = (flags & NO_RECORDED_VALUE) !== 0;
    return true;
  }

  #signed64(): number {
    return this.#view.getInt32(this.#valueAt + 4, true) * 2 ** 32 + this.#view.getUint32(this.#valueAt, true);
  }
}

/** Rounded beyond 2^53. */
export function unsigned64At(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

const nanosecondsPerMs = 1_000_000;

/** Milliseconds at or before: by a long division, since nanoseconds since 1970 do not fit into a double. */
function nanosecondsAt(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  const rest = (high % nanosecondsPerMs) * 2 ** 32 + view.getUint32(at, true);
  const quotient = (high - (high % nanosecondsPerMs)) / nanosecondsPerMs;
  return quotient * 2 ** 32 + (rest - (rest % nanosecondsPerMs)) / nanosecondsPerMs;
}
