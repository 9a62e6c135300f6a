/**
 * Values of devices in JSON, as most write them: without blanks, and in this order.
 *
 *   {"name":"room_celsius","labels":{"room":"attic"},"value":21.4,"time":1700000000000}
 *   {"labels":{"room":"attic"},"times":[1700000000000,1700000060000],"values":{"room_celsius":[21.4,null]}}
 *   {"labels":{"room":"attic"},"time":1700000000000,"values":{"room_celsius":21.4}}
 *   └──────── the key ────────┘                               └── a key ───┘
 *
 * The time may be left out. Owners of keys: samples, then columns.
 */

import { addRow } from "./_body-rows";
import { expectedAt, follow, keyAt } from "./_body-keys";
import {
  BACKSLASH,
  isBlank,
  LINE_FEED,
  QUOTE,
  readJsonNumber,
  SPACE,
  toMilliseconds,
  value,
} from "./_body-bytes";
import {
  addTime,
  beginColumns,
  HEAD_SIZE_MAX,
  isNewColumn,
  sizeMax,
  timeAt,
  timeCount,
  timeScale,
} from "./_device-values";
import { sizeOf } from "./_series-table";

const COMMA: u32 = 0x2c;
const COLON: u32 = 0x3a;
const OPEN_BRACKET: u32 = 0x5b;
const CLOSE_BRACKET: u32 = 0x5d;
const CLOSE_BRACE: u32 = 0x7d;

const VALUE: u64 = 0x3a2265756c617622; // "value":
const VALUES: u64 = 0x227365756c617622; // "values"
const OPENING: u16 = 0x7b3a; // :{
const TIMES: u64 = 0x3a2273656d697422; // "times":
const TIME: u64 = 0x3a22656d697422; // "time":
const TIME_SIZE: usize = 7;
const NEXT_TIME: u64 = 0x3a22656d6974222c; // ,"time":
const NULL: u32 = 0x6c6c756e;

/** Where the key of the value ends that was read last. */
export let jsonHeadEnd: usize = 0;

/** Behind what may stand between two values. */
export function skipBetween(at: usize, isInArray: bool): usize {
  let byte: u32 = load<u8>(at);
  while (isBlank(byte) || byte == LINE_FEED || byte == 0x0d || (isInArray && byte == COMMA)) byte = load<u8>(++at);
  return at;
}

/** Returns the address behind the value that begins here, 0 when it must be read otherwise: then some rows may have been added. */
export function readJsonValue(from: usize, owner: u32): usize {
  let key = expectedAt(owner, from);
  let p: usize = key == 0 ? 0 : from + <usize>sizeOf(key);
  if (key != 0 && load<u64>(p) == VALUE) return readSample(from, p, owner, key);
  key = expectedAt(owner + 1, from);
  p = key == 0 ? 0 : from + <usize>sizeOf(key);
  if (key != 0 && beginsColumns(p)) return readColumns(from, p, owner + 1, key);
  for (p = from + 1; p < from + HEAD_SIZE_MAX; p++) {
    const byte: u32 = load<u8>(p);
    if (byte == LINE_FEED) return 0;
    if (byte != QUOTE) continue;
    if (load<u64>(p) == VALUE) return readSample(from, p, owner, 0);
    if (beginsColumns(p)) return readColumns(from, p, owner + 1, 0);
  }
  return 0;
}

function beginsColumns(at: usize): bool {
  const word = load<u64>(at);
  if (word == VALUES) return load<u16>(at, 8) == OPENING;
  return word == TIMES || (word & 0xffffffffffffff) == TIME;
}

function readSample(from: usize, at: usize, owner: u32, known: usize): usize {
  let p = readJsonNumber(at + 8);
  if (p == 0) return 0;
  const sample = value;
  let time: f64 = NaN;
  if (load<u64>(p) == NEXT_TIME) {
    p = readJsonNumber(p + 8);
    if (p == 0) return 0;
    time = toMilliseconds(value, timeScale);
  }
  if (load<u8>(p) != CLOSE_BRACE || p + 1 - from > sizeMax) return 0;
  jsonHeadEnd = at;
  const key = known != 0 ? known : keyAt(owner, from, at);
  if (key == 0) return 0;
  addRow(follow(key), time, sample);
  return p + 1;
}

function readColumns(from: usize, at: usize, owner: u32, known: usize): usize {
  jsonHeadEnd = at;
  const key = known != 0 ? known : keyAt(owner, from, at);
  if (key == 0) return 0;
  const names = follow(key);
  beginColumns();
  let time: f64 = NaN;
  let p = at;
  if (load<u64>(p) == TIMES) p = readTimes(p + 8);
  else if (load<u64>(p) != VALUES) {
    p = readJsonNumber(p + TIME_SIZE);
    time = toMilliseconds(value, timeScale);
    if (p == 0 || load<u8>(p) != COMMA) return 0;
    p++;
  }
  if (p == 0 || load<u64>(p) != VALUES || load<u16>(p, 8) != OPENING) return 0;
  p += 9;
  do {
    p = readColumn(p + 1, names, time);
    if (p == 0) return 0;
  } while (load<u8>(p) == COMMA);
  return load<u16>(p) == 0x7d7d && p + 2 - from <= sizeMax ? p + 2 : 0;
}

/** `[1700000000000,1700000060000],` */
function readTimes(at: usize): usize {
  if (load<u8>(at) != OPEN_BRACKET) return 0;
  let p = at;
  do {
    p = readJsonNumber(p + 1);
    if (p == 0) return 0;
    addTime(toMilliseconds(value, timeScale));
  } while (load<u8>(p) == COMMA);
  return load<u8>(p) == CLOSE_BRACKET && load<u8>(p, 1) == COMMA ? p + 2 : 0;
}

/** A name and as many numbers as there are times, or a number alone. Where null stands nothing was measured. */
function readColumn(at: usize, names: u32, time: f64): usize {
  let key = expectedAt(names, at);
  let p = key == 0 ? at : at + <usize>sizeOf(key);
  if (key == 0) {
    p = skipName(at);
    if (p == 0) return 0;
    key = keyAt(names, at, p);
    if (key == 0) return 0;
  }
  if (load<u8>(p) != COLON) return 0;
  const series = follow(key);
  if (!isNewColumn(series)) return 0;
  p++;
  if (timeCount == 0) return readCell(p, series, time);
  if (load<u8>(p) != OPEN_BRACKET) return 0;
  for (let i: u32 = 0; i < timeCount; i++) {
    if (i > 0 && load<u8>(p) != COMMA) return 0;
    p = readCell(p + 1, series, timeAt(i));
    if (p == 0) return 0;
  }
  return load<u8>(p) == CLOSE_BRACKET ? p + 1 : 0;
}

// @ts-ignore: decorator
@inline
function readCell(at: usize, series: u32, time: f64): usize {
  if (load<u32>(at) == NULL) return at + 4;
  const behind = readJsonNumber(at);
  if (behind != 0) addRow(series, time, value);
  return behind;
}

/** Behind the closing quote; 0 when it is not that simple. */
function skipName(at: usize): usize {
  if (load<u8>(at) != QUOTE) return 0;
  let p = at + 1;
  for (let byte: u32 = load<u8>(p); byte != QUOTE; byte = load<u8>(++p))
    if (byte == BACKSLASH || byte < SPACE) return 0;
  return p + 1;
}
