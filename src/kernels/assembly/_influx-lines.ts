/**
 * Lines of the InfluxDB protocol: `MEASUREMENT,TAG=VALUE FIELD=NUMBER,FIELD=NUMBER [TIME]`.
 *
 * What stands before the fields is a key that stands for an owner: of the names of its fields, which stand for series.
 */

import { addRow, rowCount, setTimes } from "./_body-rows";
import { expectedAt, follow, keyAt } from "./_body-keys";
import {
  BACKSLASH,
  behindLine,
  CARRIAGE_RETURN,
  isDigitAt,
  LINE_FEED,
  readDecimal,
  setValue,
  SPACE,
  value,
} from "./_body-bytes";
import { sizeOf } from "./_series-table";

const COMMA: u32 = 0x2c;
const EQUALS: u32 = 0x3d;
const DIGITS_MAX: i32 = 19;
/** Integers of as many are exact. */
const EXACT_DIGITS: i32 = 15;

/** Of a time: digits at its end that are less than a millisecond, and milliseconds of the others' unit. */
let digitsCut: i32 = 0;
let timeScale: f64 = 1;

export function beginInflux(cut: i32, scale: f64): void {
  digitsCut = cut;
  timeScale = scale;
}

/** Returns the address behind the line, 0 when it must be read otherwise: then some rows may have been added. */
export function readInfluxLine(from: usize, owner: u32): usize {
  let p = skipSpaces(from);
  let head = expectedAt(owner, p);
  let behind: usize = head == 0 ? 0 : p + <usize>sizeOf(head);
  if (head == 0 || load<u8>(behind) != SPACE) {
    behind = skipTo(p, SPACE);
    if (behind == 0) return 0;
    head = keyAt(owner, p, behind);
    if (head == 0) return 0;
  }
  const fields = follow(head);
  p = skipSpaces(behind);
  const first = rowCount;
  let byte: u32 = COMMA;
  while (true) {
    let field = expectedAt(fields, p);
    behind = field == 0 ? <usize>0 : p + <usize>sizeOf(field);
    if (field == 0 || load<u8>(behind) != EQUALS) {
      behind = skipTo(p, EQUALS);
      if (behind == 0) return 0;
      field = keyAt(fields, p, behind);
      if (field == 0) return 0;
    }
    p = readFieldValue(behind + 1);
    if (p == 0) return 0;
    addRow(follow(field), NaN, value);
    byte = load<u8>(p);
    if (byte != COMMA) break;
    p++;
  }
  if (byte != SPACE) return behindLine(p);
  p = readTime(skipSpaces(p));
  if (p == 0) return 0;
  setTimes(first, value);
  return behindLine(p);
}

function readFieldValue(at: usize): usize {
  const byte: u32 = load<u8>(at) | 0x20;
  if (byte == 0x74 || byte == 0x66) return readTruth(at);
  const behind = readDecimal(at);
  if (behind == 0) return 0;
  const suffix: u32 = load<u8>(behind);
  if (suffix != 0x69 && suffix != 0x75) return endOfValue(behind);
  let p = isDigitAt(at) ? at : at + 1;
  while (isDigitAt(p)) p++;
  return p == behind ? endOfValue(behind + 1) : 0;
}

/** t, T, true, True, TRUE, and the same of false. */
function readTruth(at: usize): usize {
  const word = load<u32>(at);
  let behind = at + 1;
  if (word == 0x65757274 || word == 0x65757254 || word == 0x45555254) behind = at + 4;
  else if ((word == 0x736c6166 || word == 0x736c6146) && load<u8>(at, 4) == 0x65) behind = at + 5;
  else if (word == 0x534c4146 && load<u8>(at, 4) == 0x45) behind = at + 5;
  setValue((load<u8>(at) | 0x20) == 0x74 ? 1 : 0);
  return endOfValue(behind);
}

// @ts-ignore: decorator
@inline
function endOfValue(at: usize): usize {
  const byte: u32 = load<u8>(at);
  return byte == COMMA || byte == SPACE || byte == LINE_FEED || byte == CARRIAGE_RETURN ? at : 0;
}

/** Nothing but digits, of which those that are less than a millisecond are cut off. */
function readTime(at: usize): usize {
  let p = at;
  while (isDigitAt(p)) p++;
  const digits = <i32>(p - at);
  const kept = digits - digitsCut;
  if (digits > DIGITS_MAX || kept < 1 || kept > EXACT_DIGITS) return 0;
  let time: u64 = 0;
  for (let digit = at; digit < at + <usize>kept; digit++) time = time * 10 + <u64>(load<u8>(digit) - 0x30);
  setValue(<f64>time * timeScale);
  return p;
}

function skipSpaces(at: usize): usize {
  while (load<u8>(at) == SPACE) at++;
  return at;
}

/** The next `wanted` that no backslash stands before; 0 when the line ends before it. */
function skipTo(at: usize, wanted: u32): usize {
  let p = at;
  for (let byte: u32 = load<u8>(p); byte != wanted; byte = load<u8>(++p)) {
    if (byte == LINE_FEED) return 0;
    if (byte == BACKSLASH && load<u8>(p, 1) != LINE_FEED) p++;
  }
  return p;
}
