/**
 * PointsEncoder: the points of a series as JSON, written as bytes: most of what a range query answers with.
 *
 *   times [1000, 2500], values [1.25, NaN]    [1,"1.25"],[2.500,"NaN"]
 *
 * A value with up to three decimals and fifteen digits is written digit by digit: no other decimal of that many
 * digits has the same float, so it is the shortest one. All others go the long way, over text.
 */

import { formatFloatJson } from "../model/float-text.js";
import type { TimestampMs } from "../model/sample.js";

/** Brackets, quotes and comma, 21 bytes of time, up to 26 of value. */
const pointSizeBytesMax = 56;
const exactMax = 1e15;

const code = { minus: 45, point: 46, zero: 48, quote: 34, comma: 44, open: 91, close: 93 } as const;

export class PointsEncoder {
  #bytes = new Uint8Array(0);
  #end = 0;

  /** The points, with commas between them and no bracket around them. */
  encode(times: Float64Array, values: Float64Array): Uint8Array {
    if (this.#bytes.length < times.length * pointSizeBytesMax)
      this.#bytes = new Uint8Array(times.length * pointSizeBytesMax);
    this.#end = 0;
    for (let i = 0; i < times.length; i++) {
      if (i > 0) this.#put(code.comma);
      this.#put(code.open);
      this.#putTime(times[i]!);
      this.#put(code.comma);
      this.#put(code.quote);
      this.#putValue(values[i]!);
      this.#put(code.quote);
      this.#put(code.close);
    }
    return this.#bytes.slice(0, this.#end);
  }

  #put(byte: number): void {
    this.#bytes[this.#end++] = byte;
  }

  /** Seconds, with three decimals where there are milliseconds. */
  #putTime(time: TimestampMs): void {
    const magnitude = Math.abs(time);
    const seconds = Math.floor(magnitude / 1000);
    if (time < 0) this.#put(code.minus);
    this.#putInteger(seconds);
    if (magnitude === seconds * 1000) return;
    this.#put(code.point);
    this.#putDigits(magnitude - seconds * 1000, 3);
  }

  #putValue(value: number): void {
    const magnitude = Math.abs(value);
    const thousandths = Math.round(magnitude * 1000);
    if (thousandths < exactMax && thousandths / 1000 === magnitude) {
      if (value < 0 || Object.is(value, -0)) this.#put(code.minus);
      const whole = Math.floor(thousandths / 1000);
      this.#putInteger(whole);
      const rest = thousandths - whole * 1000;
      if (rest !== 0) this.#putFraction(rest);
      return;
    }
    const text = encodeValue(value);
    for (let i = 0; i < text.length; i++) this.#put(text.charCodeAt(i));
  }

  /** Without the zeros at its end. */
  #putFraction(thousandths: number): void {
    this.#put(code.point);
    if (thousandths % 100 === 0) this.#putDigits(thousandths / 100, 1);
    else if (thousandths % 10 === 0) this.#putDigits(thousandths / 10, 2);
    else this.#putDigits(thousandths, 3);
  }

  #putInteger(value: number): void {
    if (value >= 1e8) {
      const high = Math.floor(value / 1e8);
      this.#putInteger(high);
      this.#putDigits(value - high * 1e8, 8);
      return;
    }
    let width = 1;
    for (let limit = 10; limit <= value; limit *= 10) width++;
    this.#putDigits(value, width);
  }

  /** Of a number below 10^8. */
  #putDigits(value: number, width: number): void {
    let rest = value | 0;
    for (let at = this.#end + width - 1; at >= this.#end; at--) {
      const tenth = (rest / 10) | 0;
      this.#bytes[at] = code.zero + rest - tenth * 10;
      rest = tenth;
    }
    this.#end += width;
  }
}

/** A sample value without its quotes. */
export function encodeValue(value: number): string {
  const magnitude = Math.abs(value);
  // Within these bounds JavaScript's own text is the one that Go writes, and several times faster to make.
  return magnitude >= 1e-6 && magnitude < 1e21 ? String(value) : formatFloatJson(value);
}
