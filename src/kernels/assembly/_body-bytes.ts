/**
 * Steps over bytes that the formats of bodies have in common. The input ends with line feeds that belong to nothing:
 * no loop passes them, and no word reaches over them.
 */

import { number, readFloat } from "./_decimal";

export const LINE_FEED: u32 = 0x0a;
export const CARRIAGE_RETURN: u32 = 0x0d;
export const SPACE: u32 = 0x20;
export const QUOTE: u32 = 0x22;
export const BACKSLASH: u32 = 0x5c;

// @ts-ignore: decorator
@inline
export function isBlank(byte: u32): bool {
  return byte == SPACE || byte == 0x09;
}

export function skipBlanks(at: usize): usize {
  while (isBlank(load<u8>(at))) at++;
  return at;
}

// @ts-ignore: decorator
@inline
export function isDigitAt(at: usize): bool {
  return <u32>load<u8>(at) - 0x30 <= 9;
}

/** Behind a carriage return, if there is one, and a line feed; 0 when the line does not end here. */
// @ts-ignore: decorator
@inline
export function behindLine(at: usize): usize {
  const last = load<u8>(at) == CARRIAGE_RETURN ? at + 1 : at;
  return load<u8>(last) == LINE_FEED ? last + 1 : 0;
}

/** Of the last call of a reader of numbers that did not return 0. */
export let value: f64 = 0;

export function setValue(given: f64): void {
  value = given;
}

/** A decimal number, as `readFloat` reads it, but no word. */
export function readDecimal(at: usize): usize {
  const byte: u32 = load<u8>(at);
  const first = byte == 0x2d || byte == 0x2b ? at + 1 : at;
  if (!isDigitAt(first) && load<u8>(first) != 0x2e) return 0;
  const behind = readFloat(at);
  value = number;
  return behind;
}

/** A number as JSON has it: no plus, no leading zeros, digits on both sides of a point. */
export function readJsonNumber(at: usize): usize {
  const first = load<u8>(at) == 0x2d ? at + 1 : at;
  if (!isDigitAt(first)) return 0;
  let p = first + 1;
  if (load<u8>(first) == 0x30 && isDigitAt(p)) return 0;
  while (isDigitAt(p)) p++;
  if (load<u8>(p) == 0x2e && !isDigitAt(p + 1)) return 0;
  const behind = readFloat(at);
  value = number;
  return behind;
}

/** In milliseconds, of a time in units of `scale` of them: half of one is rounded up. */
// @ts-ignore: decorator
@inline
export function toMilliseconds(time: f64, scale: f64): f64 {
  const scaled = time * scale;
  const whole = floor<f64>(scaled);
  return scaled - whole >= 0.5 ? whole + 1 : whole;
}
