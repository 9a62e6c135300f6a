/**
 * Scans the messages of remote write 1.0 and 2.0. The fields are numbered as in
 * ../remote-write-format.ts. The oracle is ../reference-remote-write.ts.
 *
 * Samples become rows; a series whose label bytes are known gets its index at once, without a look at the labels. What
 * TypeScript must see becomes an entry. Nothing is remembered by a scan: one that fails has changed nothing.
 */

import { enter, fieldEnd, readTag, readVarint, skip, varint, varintOf, varintSize } from "./_protobuf";
import { addEntry, addKnownRow, addRow, assignRows, beginRows, dropRows, rowCount } from "./_rows";
import {
  areEqual,
  find,
  hashOf,
  indexOf,
  KEY_HEADER,
  metadataOf,
  NONE,
  nextOf,
  setNext,
  sizeOf,
} from "./_series-table";
import {
  addSymbol,
  areLabelsOf,
  beginLabels,
  beginSymbols,
  checkSymbols,
  gatherLabel,
  labelsAt as gatheredAt,
  labelsEnd as gatheredEnd,
  symbolAt,
  symbolCount,
  symbolHash,
  symbolSize,
} from "./_symbols";

const SERIES: u32 = 1;
const METADATA: u32 = 2;
const MALFORMED: u32 = 3;

const ODD_REFS: u32 = 1;
const BAD_REF: u32 = 2;
const MIXED: u32 = 3;
const EMPTY: u32 = 4;

/** No type of a metric has this number: greater ones stand for it. */
const METRIC_TYPE_MAX: u64 = 255;
/** Malformed series beyond these are only counted: a body can have very many. */
const MALFORMED_ENTRIES: u32 = 1000;

/** Of the last scan. */
export let exemplarCount: u32 = 0;
export let histogramCount: u32 = 0;
export let malformedCount: u32 = 0;
/** In malformed series. */
export let lostSamples: u32 = 0;

let owner: u32 = 0;
let seriesNumber: u32 = 0;
/** Of the last series, 0 when it was not known, and the one that came behind it the last time. */
let lastKey: usize = 0;
let expectedKey: usize = 0;

function begin(ownerNumber: u32): void {
  beginRows();
  owner = ownerNumber;
  seriesNumber = 0;
  lastKey = 0;
  expectedKey = 0;
  exemplarCount = 0;
  histogramCount = 0;
  malformedCount = 0;
  lostSamples = 0;
}

/** Keeps which key comes behind which. */
// @ts-ignore: decorator
@inline
function follow(key: usize): void {
  if (lastKey != 0 && expectedKey != key && key != 0) setNext(lastKey, key);
  lastKey = key;
  expectedKey = key == 0 ? 0 : nextOf(key);
}

/** prometheus.WriteRequest: 1 TimeSeries, 3 MetricMetadata. Returns false after a fault. */
export function scanWriteRequest(messageAt: usize, end: usize, ownerNumber: u32): bool {
  begin(ownerNumber);
  let at = messageAt;
  while (at < end) {
    const usualEnd = addUsualSeries(at, end);
    if (usualEnd != 0) {
      at = usualEnd;
      continue;
    }
    at = readTag(at, end);
    if (at == 0) return false;
    const tag = <u32>varint;
    if (tag == 0x0a) {
      const start = enter(at, end);
      if (start == 0) return false;
      at = fieldEnd;
      if (!scanSeries(start, at)) return false;
    } else if (tag == 0x1a) {
      const start = enter(at, end);
      if (start == 0) return false;
      at = fieldEnd;
      const entry = addEntry(start);
      if (entry == 0) return false;
      store<u32>(entry, METADATA);
      store<u32>(entry, start, 16);
      store<u32>(entry, at - start, 20);
    } else {
      at = skip(at, end, tag);
      if (at == 0) return false;
    }
  }
  return true;
}

/**
 * Adds the series whose tag is at `at`, if it is the expected one, with one sample as nearly all are written and nothing
 * else. Returns the end of it, or 0 when it is something else.
 */
// @ts-ignore: decorator
@inline
function addUsualSeries(at: usize, end: usize): usize {
  const key = expectedKey;
  if (key == 0) return 0;
  // Tag, and a length of one byte or two; loads beyond the end are within the padding.
  const head = load<u32>(at);
  if ((head & 0xff) != 0x0a) return 0;
  const isLong: usize = (head >> 15) & 1;
  if ((isLong & <usize>(head >> 23)) != 0) return 0;
  const size: usize = ((head >> 8) & 0x7f) | (((head >> 16) & 0x7f & (0 - <u32>isLong)) << 7);
  const start = at + 2 + isLong;
  const labelsSize: usize = sizeOf(key);
  const sampleAt = start + labelsSize;
  const sampleSize: usize = size - labelsSize - 2;
  // Less than nothing is a great number.
  if (sampleSize - 11 > 7 || start > end || size > end - start) return 0;
  if ((load<u32>(sampleAt) & 0xffffff) != (0x090012 | (<u32>sampleSize << 8))) return 0;
  if (load<u8>(sampleAt, 11) != 0x10 || !areEqual(key + KEY_HEADER, start, labelsSize)) return 0;
  const word = load<u64>(sampleAt, 12);
  if (varintSize(word) != sampleSize - 10) return 0;
  if (!addKnownRow(<i64>varintOf(word, sampleSize - 10), load<u64>(sampleAt, 3), indexOf(key))) return 0;
  seriesNumber++;
  lastKey = key;
  expectedKey = nextOf(key);
  return start + size;
}

/** TimeSeries: 1 Label, 2 Sample, 3 Exemplar, 4 Histogram. */
function scanSeries(start: usize, end: usize): bool {
  seriesNumber++;
  const firstRow = rowCount;
  let labelsAt: usize = 0;
  let labelsEnd: usize = 0;
  let isScattered = false;
  let key: usize = 0;
  let at = start;
  if (expectedKey != 0 && beginsWithKey(start, end, expectedKey)) {
    key = expectedKey;
    labelsAt = start;
    labelsEnd = start + sizeOf(key);
    at = labelsEnd;
  }
  while (at < end) {
    const tagAt = at;
    const sampleEnd = addUsualSample(at, end);
    if (sampleEnd != 0) {
      at = sampleEnd;
      continue;
    }
    at = readTag(at, end);
    if (at == 0) return false;
    const tag = <u32>varint;
    if (tag == 0x0a) {
      if (enter(at, end) == 0) return false;
      at = fieldEnd;
      if (labelsEnd == 0) labelsAt = tagAt;
      else if (labelsEnd != tagAt) isScattered = true;
      labelsEnd = at;
      // More labels than the expected key has.
      key = 0;
    } else if (tag == 0x12) {
      const sampleAt = enter(at, end);
      if (sampleAt == 0) return false;
      at = fieldEnd;
      if (!scanSample(sampleAt, at)) return false;
    } else {
      if (tag == 0x1a) exemplarCount++;
      else if (tag == 0x22) histogramCount++;
      at = skip(at, end, tag);
      if (at == 0) return false;
    }
  }
  if (rowCount == firstRow) return true;
  if (labelsEnd == 0) {
    labelsAt = start;
    labelsEnd = start;
  }
  const size = labelsEnd - labelsAt;
  let hash: u32 = 0;
  if (isScattered) key = 0;
  else if (key == 0) {
    hash = hashOf(labelsAt, size);
    key = find(hash, owner, labelsAt, size);
  }
  follow(key);
  assignRows(firstRow, rowCount - firstRow, key == 0 ? NONE : indexOf(key));
  return key != 0 || addSeries(firstRow, labelsAt, size, hash, NONE, !isScattered) != 0;
}

/** Whether the first fields of a series are the label bytes of a key, and no label follows. */
// @ts-ignore: decorator
@inline
function beginsWithKey(start: usize, end: usize, key: usize): bool {
  const size = sizeOf(key);
  if (<usize>size > end - start || !areEqual(key + KEY_HEADER, start, size)) return false;
  const labelsEnd = start + size;
  return size > 0 && (labelsEnd == end || load<u8>(labelsEnd) != 0x0a);
}

/**
 * Adds the sample whose tag is at `at`, if it is written as nearly all are: value, then a time of at most 8 bytes, then
 * nothing. Returns the end of it, or 0 when it is something else.
 */
// @ts-ignore: decorator
@inline
function addUsualSample(at: usize, end: usize): usize {
  // Tag, length, tag of the value; loads beyond the end are within the padding.
  const size: usize = load<u8>(at, 1);
  if (load<u8>(at) != 0x12 || load<u8>(at, 2) != 0x09 || load<u8>(at, 11) != 0x10) return 0;
  if (size < 11 || size > 18 || size + 2 > end - at) return 0;
  const word = load<u64>(at, 12);
  if (varintSize(word) != size - 10) return 0;
  return addRow(<i64>varintOf(word, size - 10), load<u64>(at, 3), at) ? at + 2 + size : 0;
}

/** Sample: 1 value, double; 2 time, int64. Others are skipped, as start_timestamp of 2.0. */
function scanSample(start: usize, end: usize): bool {
  let value: u64 = 0;
  let time: i64 = 0;
  let at = start;
  while (at < end) {
    at = readTag(at, end);
    if (at == 0) return false;
    const tag = <u32>varint;
    const valueAt = at;
    at = skip(at, end, tag);
    if (at == 0) return false;
    if (tag == 0x09) value = load<u64>(valueAt);
    else if (tag == 0x10) time = <i64>varint;
  }
  return addRow(time, value, start);
}

/** io.prometheus.write.v2.Request: 4 symbols, 5 TimeSeries. Fields may come in any order: symbols are read first. */
export function scanRequest2(messageAt: usize, end: usize, ownerNumber: u32, labelBytesMax: usize): bool {
  begin(ownerNumber);
  beginSymbols(labelBytesMax);
  let firstSeriesAt = end;
  let at = messageAt;
  while (at < end) {
    const tagAt = at;
    at = readTag(at, end);
    if (at == 0) return false;
    const tag = <u32>varint;
    if (tag == 0x2a && firstSeriesAt == end) firstSeriesAt = tagAt;
    at = tag == 0x22 ? addSymbol(at, end) : skip(at, end, tag);
    if (at == 0) return false;
  }
  if (!checkSymbols(messageAt)) return false;
  at = firstSeriesAt;
  while (at < end) {
    at = readTag(at, end);
    const tag = <u32>varint;
    at = skip(at, end, tag);
    // After `skip`, which read the length, the field is what lies before `at`.
    if (tag == 0x2a && !scanSeries2(at - <usize>varint, at)) return false;
  }
  return true;
}

/** Of the series that is being scanned. */
let problem: u32 = 0;
let refCount: u32 = 0;
let nameRef: u32 = 0;
let metadataType: u32 = 0;
let helpRef: u32 = 0;
let unitRef: u32 = 0;
/** The expected key, when it is the one of the refs so far, and where these are. */
let matchedKey: usize = 0;
let refsAt: usize = 0;
let refsEnd: usize = 0;

/** TimeSeries: 1 labels_refs, packed or not; 2 Sample; 3 Histogram; 4 Exemplar; 5 Metadata. */
function scanSeries2(start: usize, end: usize): bool {
  seriesNumber++;
  const firstRow = rowCount;
  const histogramsBefore = histogramCount;
  problem = 0;
  refCount = 0;
  metadataType = 0;
  helpRef = 0;
  unitRef = 0;
  matchedKey = 0;
  beginLabels(false);
  let at = start;
  while (at < end) {
    const usualEnd = addUsualSample(at, end);
    if (usualEnd != 0) {
      at = usualEnd;
      continue;
    }
    at = readTag(at, end);
    if (at == 0) return false;
    const tag = <u32>varint;
    if (tag == 0x12) {
      const sampleAt = enter(at, end);
      if (sampleAt == 0) return false;
      at = fieldEnd;
      if (!scanSample(sampleAt, at)) return false;
    } else if (tag == 0x0a) {
      at = enter(at, end);
      if (at != 0) at = scanRefs(at, fieldEnd);
    } else if (tag == 0x08) {
      if (!gatherAfterAll()) return false;
      at = scanRef(at, end);
    } else if (tag == 0x2a) {
      const metadataAt = enter(at, end);
      if (metadataAt == 0) return false;
      at = fieldEnd;
      if (!scanMetadata(metadataAt, at)) return false;
    } else {
      if (tag == 0x1a) histogramCount++;
      else if (tag == 0x22) exemplarCount++;
      at = skip(at, end, tag);
    }
    if (at == 0) return false;
  }
  return finishSeries2(firstRow, histogramCount > histogramsBefore, start);
}

/** Packed. Those of the expected series need not be gathered. */
function scanRefs(start: usize, end: usize): usize {
  if (refCount == 0 && matchedKey == 0 && expectedKey != 0 && areLabelsOf(expectedKey, start, end)) {
    matchedKey = expectedKey;
    refsAt = start;
    refsEnd = end;
    return end;
  }
  if (!gatherAfterAll()) return 0;
  let at = start;
  while (at != 0 && at < end) at = scanRef(at, end);
  return at;
}

/** More refs follow those that were taken for all: gathers these. */
function gatherAfterAll(): bool {
  if (matchedKey == 0) return true;
  matchedKey = 0;
  let at = refsAt;
  while (at != 0 && at < refsEnd) at = scanRef(at, refsEnd);
  return at != 0;
}

function scanRef(start: usize, end: usize): usize {
  const at = readVarint(start, end);
  if (at == 0) return 0;
  if (varint >= <u64>symbolCount) {
    if (problem == 0) problem = BAD_REF;
  } else if ((refCount & 1) == 0) nameRef = <u32>varint;
  else if (problem == 0 && !gatherLabel(nameRef, <u32>varint, start)) return 0;
  refCount++;
  return at;
}

/** Metadata: 1 type, 3 help_ref, 4 unit_ref. */
function scanMetadata(start: usize, end: usize): bool {
  let at = start;
  while (at < end) {
    at = readTag(at, end);
    if (at == 0) return false;
    const tag = <u32>varint;
    at = skip(at, end, tag);
    if (at == 0) return false;
    if (tag == 0x08) metadataType = <u32>min(varint, METRIC_TYPE_MAX);
    else if (tag == 0x18) helpRef = checkedRef();
    else if (tag == 0x20) unitRef = checkedRef();
  }
  return true;
}

function checkedRef(): u32 {
  if (varint < <u64>symbolCount) return <u32>varint;
  if (problem == 0) problem = BAD_REF;
  return 0;
}

function finishSeries2(firstRow: u32, hasHistograms: bool, at: usize): bool {
  const samples = rowCount - firstRow;
  if (problem == 0) {
    if ((refCount & 1) != 0) problem = ODD_REFS;
    else if (samples > 0 && hasHistograms) problem = MIXED;
    else if (samples == 0 && !hasHistograms) problem = EMPTY;
  }
  if (problem != 0) return addMalformed(firstRow, samples, at);
  if (samples == 0) return true;
  let labelsAt = gatheredAt;
  let size = gatheredEnd - gatheredAt;
  let hash: u32 = 0;
  let key = matchedKey;
  if (key != 0) {
    labelsAt = key + KEY_HEADER;
    size = sizeOf(key);
  } else {
    hash = hashOf(gatheredAt, size);
    key = find(hash, owner, gatheredAt, size);
  }
  follow(key);
  const index = key == 0 ? NONE : indexOf(key);
  assignRows(firstRow, rowCount - firstRow, index);
  const metadata = metadataHash();
  if (key != 0 && (metadata == 0 || metadata == metadataOf(key))) return true;
  const entry = addSeries(firstRow, labelsAt, size, hash, index, true);
  if (entry == 0) return false;
  store<u32>(entry, metadataType, 32);
  store<u32>(entry, symbolAt(helpRef), 36);
  store<u32>(entry, symbolSize(helpRef), 40);
  store<u32>(entry, symbolAt(unitRef), 44);
  store<u32>(entry, symbolSize(unitRef), 48);
  store<u32>(entry, metadata, 52);
  store<u32>(entry, <u32>key, 56);
  beginLabels(true);
  return true;
}

/** 0 when nothing is said. Equal hashes of two different texts would hide a change of help: no sample depends on it. */
function metadataHash(): u32 {
  if (metadataType == 0 && helpRef == 0 && unitRef == 0) return 0;
  return ((symbolHash(helpRef) * 31 + symbolHash(unitRef)) * 31 + metadataType) | 1;
}

function addMalformed(firstRow: u32, samples: u32, at: usize): bool {
  malformedCount++;
  lostSamples += samples;
  dropRows(firstRow);
  if (malformedCount > MALFORMED_ENTRIES) return true;
  const entry = addEntry(at);
  if (entry == 0) return false;
  store<u32>(entry, MALFORMED);
  store<u32>(entry, seriesNumber, 4);
  store<u32>(entry, samples, 12);
  store<u32>(entry, problem, 28);
  return true;
}

/** The address of the entry, 0 when there is no room. */
function addSeries(firstRow: u32, at: usize, size: usize, hash: u32, index: u32, isKey: bool): usize {
  const entry = addEntry(at);
  if (entry == 0) return 0;
  store<u32>(entry, SERIES);
  store<u32>(entry, seriesNumber, 4);
  store<u32>(entry, firstRow, 8);
  store<u32>(entry, rowCount - firstRow, 12);
  store<u32>(entry, at, 16);
  store<u32>(entry, size, 20);
  store<u32>(entry, hash, 24);
  store<u32>(entry, index, 28);
  store<u32>(entry, <u32>isKey, 60);
  return entry;
}
