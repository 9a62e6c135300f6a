/**
 * Values of devices in MessagePack: what _device-json.ts has, in the same order.
 *
 * A map says how many fields it has, so what comes behind a key belongs to it. Owners of keys, behind those of JSON: samples
 * without a time and with one; columns without times, with many, and with one.
 */

import { addRow } from "./_body-rows";
import { expectedAt, follow, inputEnd, keyAt } from "./_body-keys";
import { setValue, toMilliseconds, value } from "./_body-bytes";
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

const SAMPLE: u32 = 2;
const SAMPLE_WITH_TIME: u32 = 3;
const COLUMNS: u32 = 4;
const COLUMNS_WITH_TIMES: u32 = 5;
const COLUMNS_WITH_TIME: u32 = 6;

const VALUE: u64 = 0x65756c6176a5; // "value"
const TIMES: u64 = 0x73656d6974a5; // "times"
const TIME: u64 = 0x656d6974a4; // "time"
const VALUES: u64 = 0x7365756c6176a6; // "values"
const FIVE: u64 = 0xffffffffff;
const SIX: u64 = 0xffffffffffff;
const SEVEN: u64 = 0xffffffffffffff;

const NIL: u32 = 0xc0;

/** Where the key of the value ends that was read last. */
export let packedHeadEnd: usize = 0;

export function beginsMap(byte: u32): bool {
  return (byte >= 0x80 && byte <= 0x8f) || byte == 0xde || byte == 0xdf;
}

/** As `readJsonValue`. */
export function readPackedValue(from: usize, owner: u32): usize {
  for (let kind = SAMPLE; kind <= COLUMNS_WITH_TIME; kind++) {
    const key = expectedAt(owner + kind, from);
    if (key == 0) continue;
    const at = from + <usize>sizeOf(key);
    if (isWordOf(kind, at)) return readFrom(from, at, owner, kind, key);
  }
  const searchEnd = min(from + HEAD_SIZE_MAX, inputEnd);
  for (let at = from + 1; at < searchEnd; at++) {
    const byte: u32 = load<u8>(at);
    if (byte < 0xa4 || byte > 0xa6) continue;
    for (let kind = SAMPLE; kind <= COLUMNS_WITH_TIME; kind++)
      if (isWordOf(kind, at)) return readFrom(from, at, owner, kind, 0);
  }
  return 0;
}

function isWordOf(kind: u32, at: usize): bool {
  const word = load<u64>(at);
  if (kind <= SAMPLE_WITH_TIME) return (word & SIX) == VALUE;
  if (kind == COLUMNS) return (word & SEVEN) == VALUES;
  return kind == COLUMNS_WITH_TIMES ? (word & SIX) == TIMES : (word & FIVE) == TIME;
}

function readFrom(from: usize, at: usize, owner: u32, kind: u32, key: usize): usize {
  packedHeadEnd = at;
  const behind = kind <= SAMPLE_WITH_TIME ? readSample(from, at, owner, kind, key) : readColumns(from, at, owner + kind, key);
  return behind != 0 && behind - from <= sizeMax ? behind : 0;
}

function readSample(from: usize, at: usize, owner: u32, expectedKind: u32, known: usize): usize {
  let p = readNumber(at + 6);
  if (p == 0) return 0;
  const sample = value;
  let time: f64 = NaN;
  let kind = SAMPLE;
  if ((load<u64>(p) & FIVE) == TIME) {
    p = readNumber(p + 5);
    if (p == 0) return 0;
    time = toMilliseconds(value, timeScale);
    kind = SAMPLE_WITH_TIME;
  }
  const key = known != 0 && kind == expectedKind ? known : keyAt(owner + kind, from, at);
  if (key == 0) return 0;
  addRow(follow(key), time, sample);
  return p;
}

function readColumns(from: usize, at: usize, owner: u32, known: usize): usize {
  const key = known != 0 ? known : keyAt(owner, from, at);
  if (key == 0) return 0;
  const names = follow(key);
  beginColumns();
  let time: f64 = NaN;
  let p = at;
  if ((load<u64>(p) & SIX) == TIMES) p = readTimes(p + 6);
  else if ((load<u64>(p) & FIVE) == TIME) {
    p = readNumber(p + 5);
    time = toMilliseconds(value, timeScale);
  }
  if (p == 0 || (load<u64>(p) & SEVEN) != VALUES) return 0;
  p = readCount(p + 7, 0x80);
  const columns = count;
  if (columns == 0) return 0;
  for (let i: u32 = 0; i < columns; i++) {
    p = readColumn(p, names, time);
    if (p == 0) return 0;
  }
  return p;
}

function readTimes(at: usize): usize {
  let p = readCount(at, 0x90);
  const expected = count;
  if (expected == 0) return 0;
  for (let i: u32 = 0; i < expected; i++) {
    p = readNumber(p);
    if (p == 0) return 0;
    addTime(toMilliseconds(value, timeScale));
  }
  return p;
}

function readColumn(at: usize, names: u32, time: f64): usize {
  let key = expectedAt(names, at);
  let p = key == 0 ? at : at + <usize>sizeOf(key);
  if (key == 0) {
    const byte: u32 = load<u8>(at);
    if (byte >= 0xa0 && byte <= 0xbf) p = at + 1 + <usize>(byte & 0x1f);
    else if (byte == 0xd9) p = at + 2 + <usize>load<u8>(at, 1);
    else return 0;
    if (p > inputEnd) return 0;
    key = keyAt(names, at, p);
    if (key == 0) return 0;
  }
  const series = follow(key);
  if (!isNewColumn(series)) return 0;
  if (timeCount == 0) return readCell(p, series, time);
  p = readCount(p, 0x90);
  if (count != timeCount) return 0;
  for (let i: u32 = 0; i < timeCount; i++) {
    p = readCell(p, series, timeAt(i));
    if (p == 0) return 0;
  }
  return p;
}

// @ts-ignore: decorator
@inline
function readCell(at: usize, series: u32, time: f64): usize {
  if (load<u8>(at) == NIL && at < inputEnd) return at + 1;
  const behind = readNumber(at);
  if (behind != 0) addRow(series, time, value);
  return behind;
}

let count: u32 = 0;

/** How many elements follow, of an array (0x90) or a map (0x80); 0 when it is none, has none or cannot have as many. */
function readCount(at: usize, fixed: u32): usize {
  const byte: u32 = load<u8>(at);
  const wide: u32 = fixed == 0x80 ? 0xde : 0xdc;
  let p = at + 1;
  count = 0;
  if ((byte & 0xf0) == fixed) count = byte & 0x0f;
  else if (byte == wide) {
    count = <u32>bswap<u16>(load<u16>(p));
    p += 2;
  } else if (byte == wide + 1) {
    count = bswap<u32>(load<u32>(p));
    p += 4;
  }
  if (p > inputEnd || <usize>count > inputEnd - p) count = 0;
  return p;
}

/** Sets `value`; 0 for what is no number, for NaN, and where the input ends. */
function readNumber(at: usize): usize {
  const first: u32 = load<u8>(at);
  if (first <= 0x7f || first >= 0xe0) {
    setValue(<f64>(<i32>(<i8>first)));
    return at < inputEnd ? at + 1 : 0;
  }
  const behind = at + 1 + sizeOfNumber(first);
  if (behind == at + 1 || behind > inputEnd) return 0;
  setValue(numberAt(first, at + 1));
  return isNaN(value) ? 0 : behind;
}

/** Bytes behind the first, 0 for what is no number. */
function sizeOfNumber(first: u32): usize {
  if (first == 0xca) return 4;
  if (first == 0xcb) return 8;
  return first >= 0xcc && first <= 0xd3 ? (<usize>1) << ((first - 0xcc) & 3) : 0;
}

function numberAt(first: u32, at: usize): f64 {
  switch (first) {
    case 0xca:
      return <f64>reinterpret<f32>(bswap<u32>(load<u32>(at)));
    case 0xcb:
      return reinterpret<f64>(bswap<u64>(load<u64>(at)));
    case 0xcc:
      return <f64>load<u8>(at);
    case 0xcd:
      return <f64>bswap<u16>(load<u16>(at));
    case 0xce:
      return <f64>bswap<u32>(load<u32>(at));
    case 0xcf:
      return <f64>bswap<u64>(load<u64>(at));
    case 0xd0:
      return <f64>load<i8>(at);
    case 0xd1:
      return <f64>(<i16>bswap<u16>(load<u16>(at)));
    case 0xd2:
      return <f64>(<i32>bswap<u32>(load<u32>(at)));
    default:
      return <f64>(<i64>bswap<u64>(load<u64>(at)));
  }
}
