/**
 * Reads pages of the text formats as far as their lines are known. What it gives and takes stands in
 * ../exposition-kernel.ts, the numbers in ../exposition-format.ts.
 *
 * A line is compared with the one that came after the line before it the last time; only where it is another one is it
 * hashed and looked up. What is known has been read by the parser in TypeScript, and counts only with a blank behind it,
 * so that no line is taken for another that it begins with.
 */

import { regrown } from "./_arena";
import { behindLine, CARRIAGE_RETURN, LINE_FEED, skipBlanks, SPACE } from "./_body-bytes";
import { number, readFloat } from "./_decimal";
import {
  addEntry,
  entryAfter,
  findEntry,
  lineOf,
  markSeen,
  NONE,
  setEntryAfter,
} from "./_line-table";
import { allocatedBytes } from "./_region";
import { areEqual } from "./_series-table";
import { behindTime, isOpenMetrics, OPEN_BRACE, setOpenMetrics, skipSeries, time, valueBehind } from "./_text-format";
import { findText, sizeOfText, TEXT_HEADER } from "./_texts";

export { createTable, deleteTable, enterTable, entryCount, forgetVanished, recordsAt } from "./_line-table";
export { allocatedBytes } from "./_region";
export { setHashKey } from "./_texts";

const END: i32 = 0;
const LINE: i32 = 1;
const VALUE: i32 = 2;
const OPEN_METRICS: u32 = 1;
const READ_COMMENTS: u32 = 2;
const COMMENT: u32 = 4;
const KEEP: u32 = 3;
const TEXT_SIZE_MAX: usize = 1024 * 1024;
const PADDING: usize = 64;

let input: usize = 0;
let inputCapacity: usize = 0;
let end: usize = 0;
let position: usize = 0;
/** The line that is being read. */
let from: usize = 0;
let mustReadComments = false;
let lineSizeMax: usize = 0;
let allocatedMax: usize = 0;
let previous: u32 = NONE;

/** Offsets in the page. */
export let line: u32 = 0;
export let lineStart: u32 = 0;
export let lineEnd: u32 = 0;
export let valueStart: u32 = 0;
export let valueEnd: u32 = 0;
/** Of the metric that lines are about: which of its labels is a float. */
export let kind: u32 = 0;
let valueEntry: u32 = NONE;

export let rowCount: u32 = 0;
export let rowEntries: usize = 0;
export let rowValues: usize = 0;
export let rowTimes: usize = 0;
let rowCapacity: u32 = 0;

export function base(): usize {
  return __heap_base;
}

export function reserveInput(sizeBytes: usize): usize {
  if (sizeBytes + PADDING > inputCapacity) {
    const larger = (sizeBytes + (sizeBytes >> 2) + PADDING + 0xffff) & ~0xffff;
    input = regrown(input, inputCapacity, larger, 0);
    inputCapacity = larger;
  }
  return input;
}

export function begin(sizeBytes: usize, flags: u32, lineSize: usize, memoryMax: usize): void {
  end = input + sizeBytes;
  // Ends every loop over bytes.
  store<u8>(end, LINE_FEED);
  position = input;
  setOpenMetrics((flags & OPEN_METRICS) != 0);
  mustReadComments = (flags & READ_COMMENTS) != 0;
  lineSizeMax = lineSize;
  allocatedMax = memoryMax;
  previous = NONE;
  line = 0;
  kind = 0;
  rowCount = 0;
}

/** Reads lines up to one that must be looked at. */
export function read(): i32 {
  let p = position;
  while (p < end) {
    line++;
    from = p;
    if (!isOpenMetrics) p = skipBlanks(p);
    const byte = load<u8>(p);
    if (byte == LINE_FEED && !isOpenMetrics && p - from <= lineSizeMax) {
      p++;
      continue;
    }
    const next = byte == 0x23 ? readComment(p) : readSample(p);
    if (next == 0) return stop();
    p = next;
  }
  position = end;
  return END;
}

function stop(): i32 {
  let p = from;
  while (load<u8>(p) != LINE_FEED) p++;
  lineStart = <u32>(from - input);
  lineEnd = <u32>(p - input);
  position = p + 1;
  return valueEntry != NONE ? VALUE : LINE;
}

/** Whether the line that is being read, with `next` behind it, has more bytes than a line may have. */
// @ts-ignore: decorator
@inline
function isTooLong(next: usize): bool {
  return next - 1 - from > lineSizeMax;
}

/** Whether the entry's text stands here. The line feed at the end is in no text: nothing equal reaches past it. */
// @ts-ignore: decorator
@inline
function isText(entryLine: u32, at: usize): bool {
  const text: usize = entryLine & ~15;
  return areEqual(text + TEXT_HEADER, at, sizeOfText(text));
}

/** Returns the address behind the line, 0 when it is not known. */
function readComment(at: usize): usize {
  valueEntry = NONE;
  if (mustReadComments) return 0;
  const expected = entryAfter(previous);
  if (expected != NONE) {
    const entryLine = lineOf(expected);
    if ((entryLine & COMMENT) != 0 && isText(entryLine, at)) {
      const next = behindLine(at + sizeOfText(entryLine & ~15));
      if (next != 0 && !isTooLong(next)) {
        seeComment(expected, entryLine);
        return next;
      }
    }
  }
  let p = at;
  while (load<u8>(p) != LINE_FEED) p++;
  if (p - from > lineSizeMax) return 0;
  const entry = findComment(at, load<u8>(p - 1) == CARRIAGE_RETURN ? p - 1 - at : p - at);
  if (entry == NONE) return 0;
  seeComment(entry, lineOf(entry));
  return p + 1;
}

function findComment(at: usize, size: usize): u32 {
  const text = <u32>findText(at, size);
  if (text == 0) return NONE;
  for (let effect: u32 = 0; effect <= KEEP; effect++) {
    const entry = findEntry(text | COMMENT | effect);
    if (entry != NONE) return entry;
  }
  return NONE;
}

// @ts-ignore: decorator
@inline
function seeComment(entry: u32, entryLine: u32): void {
  seeEntry(entry);
  if ((entryLine & 3) != KEEP) kind = entryLine & 3;
}

// @ts-ignore: decorator
@inline
function seeEntry(entry: u32): void {
  markSeen(entry);
  if (entryAfter(previous) != entry) setEntryAfter(previous, entry);
  previous = entry;
}

/** As `readComment`; when nothing but the value is in the way, `valueEntry` has the entry. */
function readSample(at: usize): usize {
  valueEntry = NONE;
  let entry = entryAfter(previous);
  let word: usize = 0;
  if (entry != NONE) {
    const entryLine = lineOf(entry);
    // A free record has line 0, whose text would be at address 0.
    if ((entryLine & 15) == kind && entryLine > 15 && isText(entryLine, at))
      word = valueBehind(at + sizeOfText(entryLine & ~15));
  }
  // A brace may belong to a series that begins with this one.
  if (word == 0 || load<u8>(word) == OPEN_BRACE) {
    const behind = skipSeries(at);
    word = behind == at ? 0 : valueBehind(behind);
    if (word == 0) return 0;
    const text = <u32>findText(at, behind - at);
    entry = text == 0 ? NONE : findEntry(text | kind);
    if (entry == NONE) return 0;
  }
  const p = readFloat(word);
  if (p == 0 || load<u8>(p) > SPACE) {
    let wordEnd = word;
    while (load<u8>(wordEnd) > SPACE) wordEnd++;
    const next = behindLine(wordEnd);
    if (wordEnd > word && next != 0 && !isTooLong(next)) {
      valueStart = <u32>(word - input);
      valueEnd = <u32>(wordEnd - input);
      valueEntry = entry;
    }
    return 0;
  }
  const value = number;
  const next = behindTime(p);
  if (next == 0 || isTooLong(next)) return 0;
  addRow(entry, value, time);
  return next;
}

/** The page has this sample next. */
export function addRow(entry: u32, value: f64, time: f64): void {
  seeEntry(entry);
  if (rowCount == rowCapacity) growRows();
  store<u32>(rowEntries + (<usize>rowCount << 2), entry);
  store<f64>(rowValues + (<usize>rowCount << 3), value);
  store<f64>(rowTimes + (<usize>rowCount << 3), time);
  rowCount++;
}

/** Adds the sample whose value stopped `read`. */
export function takeValue(value: f64): void {
  addRow(valueEntry, value, NaN);
}

/** The entry of the series at this offset, NONE when there is none. */
export function find(offset: u32, size: usize): u32 {
  const text = <u32>findText(input + offset, size);
  return text == 0 ? NONE : findEntry(text | kind);
}

/** A new entry for that series, NONE when there is no room. */
export function add(offset: u32, size: usize): u32 {
  return hasRoom(size) ? addEntry(input + offset, size, kind) : NONE;
}

/** The page has this comment next. */
export function addComment(offset: u32, size: usize, effect: u32): void {
  if (effect != KEEP) kind = effect;
  const at = input + offset;
  let entry = findComment(at, size);
  if (entry == NONE && hasRoom(size)) entry = addEntry(at, size, COMMENT | effect);
  if (entry != NONE) seeEntry(entry);
}

// @ts-ignore: decorator
@inline
function hasRoom(size: usize): bool {
  return size <= TEXT_SIZE_MAX && allocatedBytes < allocatedMax;
}

function growRows(): void {
  const capacity = rowCapacity == 0 ? 4096 : rowCapacity << 1;
  const kept = <usize>rowCapacity;
  rowEntries = regrown(rowEntries, kept << 2, <usize>capacity << 2, kept << 2);
  rowValues = regrown(rowValues, kept << 3, <usize>capacity << 3, kept << 3);
  rowTimes = regrown(rowTimes, kept << 3, <usize>capacity << 3, kept << 3);
  rowCapacity = capacity;
}
