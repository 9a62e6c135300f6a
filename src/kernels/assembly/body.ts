/**
 * The module of ../wasm-body-kernel.ts: reads bodies of push protocols as far as what stands for their series is known.
 * What it gives and takes stands in ../body-kernel.ts, the numbers in ../body-format.ts.
 */

import { grownCapacity, allocate } from "./_region";
import { dropRows, rowCount } from "./_body-rows";
import { addKey, beginKeys, findNumber, forgetMissed, missedAt, missedEnd, missedOwner } from "./_body-keys";
import { LINE_FEED } from "./_body-bytes";
import { beginDevice } from "./_device-values";
import { jsonHeadEnd, readJsonValue, skipBetween } from "./_device-json";
import { beginsMap, packedHeadEnd, readPackedValue } from "./_device-msgpack";
import { readGraphiteLine } from "./_graphite-lines";
import { beginInflux, readInfluxLine } from "./_influx-lines";
import { readJsonLine } from "./_json-lines";
import { beginText, kind, readTextLine } from "./_text-lines";

export { rowCount, rowNumbers, rowTimes, rowValues } from "./_body-rows";
export { missedOwner } from "./_body-keys";
export { tableBytes } from "./_series-table";
export { kind } from "./_text-lines";

const TEXT: u32 = 0;
const OPEN_METRICS: u32 = 1;
const INFLUX: u32 = 2;
const GRAPHITE: u32 = 3;
const JSON_LINES: u32 = 4;
const JSON_VALUES: u32 = 5;
const PACKED_VALUES: u32 = 6;

const NONE: u32 = 0xffffffff;
const OPEN_BRACE: u32 = 0x7b;
/** Line feeds behind the input: more than any word has bytes. */
const GUARD: usize = 32;

let input: usize = 0;
let inputCapacity: usize = 0;
let end: usize = 0;
let scratch: usize = 0;
let scratchCapacity: usize = 0;

let format: u32 = 0;
let owner: u32 = 0;
let lineSizeMax: usize = 0;

/** Lines that the last `read` passed. */
export let lines: u32 = 0;
/** Offsets in the input, of the key that was missing, and of the end of what stands around it. */
export let missedStart: u32 = 0;
export let missedStop: u32 = 0;
export let headEnd: u32 = 0;

export function base(): usize {
  return __heap_base;
}

export function reserveInput(sizeBytes: usize): usize {
  if (sizeBytes + GUARD > inputCapacity) {
    inputCapacity = grownCapacity(inputCapacity, sizeBytes + GUARD, 131_072);
    input = allocate(inputCapacity);
  }
  return input;
}

/** Where the bytes of a key are to be put for `find` and `add`. */
export function reserveKey(sizeBytes: usize): usize {
  if (sizeBytes + GUARD > scratchCapacity) {
    scratchCapacity = grownCapacity(scratchCapacity, sizeBytes + GUARD, 4096);
    scratch = allocate(scratchCapacity);
  }
  return scratch;
}

export function begin(sizeBytes: usize, bodyFormat: u32, firstOwner: u32, sizeMax: usize, timeScale: f64, digitsCut: i32): void {
  end = input + sizeBytes;
  memory.fill(end, <u8>LINE_FEED, GUARD);
  format = bodyFormat;
  owner = firstOwner;
  lineSizeMax = sizeMax;
  beginKeys(end);
  beginDevice(timeScale, sizeMax);
  beginInflux(digitsCut, timeScale);
}

/** Forgets the rows, and reads from `offset` on. Returns the offset of the first thing that must be read otherwise. */
export function read(offset: u32, firstKind: u32, flag: bool): u32 {
  dropRows(0);
  lines = 0;
  forgetMissed();
  const from = input + <usize>offset;
  let stop: usize;
  if (format == JSON_VALUES) stop = readValues(from, flag);
  else if (format == PACKED_VALUES) stop = readPackedValues(from);
  else {
    if (format <= OPEN_METRICS) beginText(firstKind, format == OPEN_METRICS, flag);
    stop = readLines(from);
  }
  missedStart = <u32>(missedAt - input);
  missedStop = <u32>(missedEnd - input);
  headEnd = <u32>((format == JSON_VALUES ? jsonHeadEnd : packedHeadEnd) - input);
  return <u32>(stop - input);
}

function readLines(from: usize): usize {
  let at = from;
  while (at < end) {
    const rows = rowCount;
    const behind = readLine(at);
    if (behind == 0 || behind - at > lineSizeMax + 1) {
      dropRows(rows);
      return at;
    }
    lines++;
    at = behind;
  }
  return at;
}

// @ts-ignore: decorator
@inline
function readLine(at: usize): usize {
  if (format <= OPEN_METRICS) return readTextLine(at, owner);
  if (format == INFLUX) return readInfluxLine(at, owner);
  return format == GRAPHITE ? readGraphiteLine(at, owner) : readJsonLine(at, owner);
}

function readValues(from: usize, isInArray: bool): usize {
  let at = from;
  while (at < end && load<u8>(at) == OPEN_BRACE) {
    const rows = rowCount;
    const behind = readJsonValue(at, owner);
    if (behind == 0) {
      dropRows(rows);
      return at;
    }
    lines++;
    at = min(skipBetween(behind, isInArray), end);
  }
  return at;
}

function readPackedValues(from: usize): usize {
  let at = from;
  while (at < end && beginsMap(load<u8>(at))) {
    const rows = rowCount;
    const behind = readPackedValue(at, owner);
    if (behind == 0) {
      dropRows(rows);
      return at;
    }
    lines++;
    at = behind;
  }
  return at;
}

/** What the owner's key stands for whose bytes were put where `reserveKey` says; NONE when it is not known. */
export function find(keyOwner: u32, sizeBytes: usize): u32 {
  return findNumber(keyOwner, scratch, sizeBytes, NONE);
}

/** Remembers that key; false when it cannot be. */
export function add(keyOwner: u32, sizeBytes: usize, number: u32): bool {
  return addKey(keyOwner, scratch, sizeBytes, number);
}
