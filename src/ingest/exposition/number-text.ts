/**
 * Numbers as bytes of text: sample values and the two ways to write a time.
 *
 * A decimal with up to 15 digits or so is exact by one multiplication or division (both operands are exact, so
 * the result is rounded once); the rest goes through a string.
 */

import { parseFloatText } from "../../model/float-text.js";
import type { TimestampMs } from "../../model/sample.js";

const exactInteger = 2 ** 53;
const powersOfTen = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/**
 * The float in bytes[start, end): what Go's ParseFloat reads, without hexadecimal ones, as in Prometheus; or undefined. A
 * decimal too large for a float is an error there, so it is undefined here.
 */
export function parseFloatBytes(bytes: Buffer, start: number, end: number): number | undefined {
  const first = bytes[start];
  const negative = first === 0x2d;
  let i = negative || first === 0x2b ? start + 1 : start;
  const digitsStart = i;
  let mantissa = 0;
  for (; i < end && isDigit(bytes[i]!); i++) mantissa = mantissa * 10 + (bytes[i]! - 0x30);
  let digits = i - digitsStart;
  let exponent = 0;
  if (i < end && bytes[i] === 0x2e) {
    const fractionStart = ++i;
    for (; i < end && isDigit(bytes[i]!); i++) mantissa = mantissa * 10 + (bytes[i]! - 0x30);
    exponent = fractionStart - i;
    digits += i - fractionStart;
  }
  if (i < end && digits > 0 && (bytes[i]! | 0x20) === 0x65) {
    const written = parseIntegerBytes(bytes, i + 1, end);
    if (written === undefined) return undefined;
    exponent += written;
    i = end;
  }
  if (i !== end || digits === 0) {
    const text = bytes.toString("latin1", start, end);
    return /p/i.test(text) ? undefined : parseFloatText(text);
  }
  const magnitude =
    mantissa < exactInteger && exponent >= -22 && exponent <= 22
      ? scale(mantissa, exponent)
      : Number(bytes.toString("latin1", digitsStart, end));
  if (magnitude === Infinity) return undefined;
  return negative ? -magnitude : magnitude;
}

/** Milliseconds written as an integer, as the Prometheus format does. */
export function parseIntegerBytes(bytes: Uint8Array, start: number, end: number): number | undefined {
  const first = bytes[start];
  let i = first === 0x2d || first === 0x2b ? start + 1 : start;
  if (i >= end) return undefined;
  let value = 0;
  for (; i < end; i++) {
    if (!isDigit(bytes[i]!)) return undefined;
    value = value * 10 + (bytes[i]! - 0x30);
  }
  return first === 0x2d ? 0 - value : value;
}

/** Seconds written as a float, as OpenMetrics does; what is finer than a millisecond is cut off. */
export function parseSecondsBytes(bytes: Buffer, start: number, end: number): TimestampMs | undefined {
  const first = bytes[start];
  let i = first === 0x2d || first === 0x2b ? start + 1 : start;
  const digitsStart = i;
  let ms = 0;
  // By digits, not by multiplication: 1.001 * 1000 is less than 1001.
  for (; i < end && isDigit(bytes[i]!); i++) ms = ms * 10 + (bytes[i]! - 0x30);
  let missing = 3;
  const hasWhole = i > digitsStart;
  if (hasWhole && i < end && bytes[i] === 0x2e) {
    for (i++; i < end && isDigit(bytes[i]!); i++) {
      if (missing > 0) {
        ms = ms * 10 + (bytes[i]! - 0x30);
        missing--;
      }
    }
  }
  if (i < end || !hasWhole) return unusualSeconds(bytes, start, end);
  for (; missing > 0; missing--) ms *= 10;
  return first === 0x2d ? 0 - ms : ms;
}

/** With an exponent, as `1.5e9`, or without a digit before the point. */
function unusualSeconds(bytes: Buffer, start: number, end: number): TimestampMs | undefined {
  const seconds = parseFloatBytes(bytes, start, end);
  return seconds === undefined || !Number.isFinite(seconds) ? undefined : Math.trunc(seconds * 1000) + 0;
}

function scale(mantissa: number, exponent: number): number {
  return exponent < 0 ? mantissa / powersOfTen[-exponent]! : mantissa * powersOfTen[exponent]!;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
