/**
 * Tables of the lines that a target's pages have: a record for each, in no order.
 *
 *   record  ┌──────────┬──────────┬──────────┐
 *           │ line u32 │ next u32 │ seen u32 │
 *           └──────────┴──────────┴──────────┘
 *
 * `line` is the address of the text with a tag in its lowest four bits, 0 in a free record; `next` is the record that came
 * after it when it was seen last, or in a free record the next free one. `seen` is the page that had the line last, 0
 * for none. Tags stand in ../exposition-format.ts.
 *
 * Where a line is not the one that was expected, an index from `line` to record finds it; it is made for the page that
 * needs it.
 */

import { give, regrown, take } from "./_arena";
import { holdText, releaseText } from "./_texts";

export const NONE: u32 = 0xffffffff;

const HEADER: usize = 32;
const RECORD: usize = 12;
const SMALLEST: u32 = 16;

/** The table that is being read, and its page. */
let table: usize = 0;
let records: usize = 0;
let page: u32 = 0;

let index: usize = 0;
let indexCapacity: u32 = 0;
let indexMask: u32 = 0;
let indexCount: u32 = 0;
let hasIndex = false;

/** header: records, capacity, records in use or free, first free record, first line of a page */
export function createTable(): usize {
  const created = take(HEADER);
  store<u32>(created, 0);
  store<u32>(created, 0, 4);
  store<u32>(created, 0, 8);
  store<u32>(created, NONE, 12);
  store<u32>(created, NONE, 16);
  return created;
}

export function deleteTable(deleted: usize): void {
  const from: usize = load<u32>(deleted);
  const capacity: usize = load<u32>(deleted, 4);
  const end = from + <usize>load<u32>(deleted, 8) * RECORD;
  for (let record = from; record < end; record += RECORD)
    if (load<u32>(record) != 0) releaseText(load<u32>(record) & ~15);
  if (capacity > 0) give(from, capacity * RECORD);
  give(deleted, HEADER);
}

export function enterTable(entered: usize, newPage: u32): void {
  table = entered;
  records = load<u32>(entered);
  page = newPage;
  hasIndex = false;
}

export function recordsAt(): usize {
  return records;
}

/** Records, those that are free among them. */
export function entryCount(): u32 {
  return load<u32>(table, 8);
}

// @ts-ignore: decorator
@inline
function recordAt(entry: u32): usize {
  return records + <usize>entry * RECORD;
}

// @ts-ignore: decorator
@inline
export function lineOf(entry: u32): u32 {
  return load<u32>(recordAt(entry));
}

/** The entry that came after this one, NONE when that is not known; NONE stands before the first. */
// @ts-ignore: decorator
@inline
export function entryAfter(entry: u32): u32 {
  return entry == NONE ? load<u32>(table, 16) : load<u32>(recordAt(entry), 4);
}

// @ts-ignore: decorator
@inline
export function setEntryAfter(entry: u32, next: u32): void {
  if (entry == NONE) store<u32>(table, next, 16);
  else store<u32>(recordAt(entry), next, 4);
}

/** This page has the line. */
// @ts-ignore: decorator
@inline
export function markSeen(entry: u32): void {
  store<u32>(recordAt(entry), page, 8);
}

/** The entry of a line, NONE when there is none. */
export function findEntry(line: u32): u32 {
  if (!hasIndex) buildIndex();
  let i = slotOf(line);
  let entry = load<u32>(index + (<usize>i << 2));
  while (entry != NONE && lineOf(entry) != line) {
    i = (i + 1) & indexMask;
    entry = load<u32>(index + (<usize>i << 2));
  }
  return entry;
}

/** A new entry, for a line that has none; it takes hold of the text. */
export function addEntry(at: usize, size: usize, tag: u32): u32 {
  const line = <u32>holdText(at, size) | tag;
  let entry = load<u32>(table, 12);
  if (entry != NONE) store<u32>(table, load<u32>(recordAt(entry), 4), 12);
  else {
    entry = load<u32>(table, 8);
    if (entry == load<u32>(table, 4)) growTable(entry);
    store<u32>(table, entry + 1, 8);
  }
  const record = recordAt(entry);
  store<u32>(record, line);
  store<u32>(record, NONE, 4);
  store<u32>(record, 0, 8);
  if (hasIndex) addToIndex(entry);
  return entry;
}

/** Removes what this page does not have. */
export function forgetVanished(): void {
  const end = recordAt(load<u32>(table, 8));
  for (let record = records; record < end; record += RECORD)
    if (load<u32>(record, 8) != page && load<u32>(record) != 0) removeRecord(record);
  hasIndex = false;
}

function removeRecord(record: usize): void {
  releaseText(load<u32>(record) & ~15);
  store<u32>(record, 0);
  store<u32>(record, 0, 8);
  store<u32>(record, load<u32>(table, 12), 4);
  store<u32>(table, <u32>((record - records) / RECORD), 12);
}

/** By a quarter, as memory counts more here than the seldom copy. */
function growTable(capacity: u32): void {
  const larger = max(SMALLEST, capacity + (capacity >> 2));
  records = regrown(records, <usize>capacity * RECORD, <usize>larger * RECORD, <usize>capacity * RECORD);
  store<u32>(table, <u32>records);
  store<u32>(table, larger, 4);
}

// @ts-ignore: decorator
@inline
function slotOf(line: u32): u32 {
  const mixed = line * 0x9e3779b1;
  return (mixed ^ (mixed >> 15)) & indexMask;
}

function buildIndex(): void {
  const count = load<u32>(table, 8);
  let capacity: u32 = 64;
  while (capacity < count << 1) capacity <<= 1;
  if (capacity > indexCapacity) {
    if (indexCapacity > 0) give(index, <usize>indexCapacity << 2);
    // What was given back is not to be used when there is no memory.
    indexCapacity = 0;
    index = take(<usize>capacity << 2);
    indexCapacity = capacity;
  }
  indexMask = capacity - 1;
  memory.fill(index, 0xff, <usize>capacity << 2);
  hasIndex = true;
  indexCount = 0;
  for (let entry: u32 = 0; entry < count; entry++) if (lineOf(entry) != 0) addToIndex(entry);
}

function addToIndex(entry: u32): void {
  if (indexCount >= (indexMask + 1) >> 1) {
    // It has the new entry, too.
    buildIndex();
    return;
  }
  let i = slotOf(lineOf(entry));
  while (load<u32>(index + (<usize>i << 2)) != NONE) i = (i + 1) & indexMask;
  store<u32>(index + (<usize>i << 2), entry);
  indexCount++;
}
