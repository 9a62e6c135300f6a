/**
 * The values of the reference body kernel: of devices, in JSON and in MessagePack. Each reader returns where the value ends
 * that begins at `start`; undefined when it must be read otherwise.
 */

import {
  BODY_COLUMNS_MAX,
  BODY_HEAD_SIZE_MAX,
  JSON_COLUMNS_OWNER,
  JSON_SAMPLE_OWNER,
  PACKED_COLUMNS_OWNER,
  PACKED_COLUMNS_WITH_TIME_OWNER,
  PACKED_COLUMNS_WITH_TIMES_OWNER,
  PACKED_SAMPLE_OWNER,
  PACKED_TIMED_SAMPLE_OWNER,
} from "./body-format.js";
import { type BodyScan, readJsonNumber, toMilliseconds } from "./reference-body-scan.js";

/** A number or null. */
const cell = "-?[0-9][0-9.eE+-]*|null";
const jsonSample = /"value":(-?[0-9][0-9.eE+-]*)(?:,"time":(-?[0-9][0-9.eE+-]*))?\}/y;
const jsonBeforeColumns = /(?:"times":\[([^\]]*)\],|"time":(-?[0-9][0-9.eE+-]*),)?"values":\{/y;
const jsonColumn = new RegExp(
  `("[ !#-[\\]-\\u00ff]*"):(?:\\[((?:${cell})(?:,(?:${cell}))*)\\]|(${cell}))`,
  "y",
);

export function readJsonValue(scan: BodyScan, start: number): number | undefined {
  const { text } = scan;
  const { owner } = scan.reading;
  const head = /"(?:value":|values":\{|times":|time":)|\n/g;
  head.lastIndex = start + 1;
  const found = head.exec(text);
  if (found === null || found[0] === "\n" || found.index - start >= BODY_HEAD_SIZE_MAX) return undefined;
  const at = found.index;
  return found[0] === '"value":'
    ? readJsonSample(scan, start, at, owner + JSON_SAMPLE_OWNER)
    : readJsonColumns(scan, start, at, owner + JSON_COLUMNS_OWNER);
}

function readJsonSample(scan: BodyScan, start: number, at: number, owner: number): number | undefined {
  jsonSample.lastIndex = at;
  const [all = "", value = "", time] = jsonSample.exec(scan.text) ?? [];
  const number = readJsonNumber(value);
  const ownTime = time === undefined ? Number.NaN : readJsonNumber(time);
  const end = at + all.length;
  if (number === undefined || ownTime === undefined || end - start > scan.reading.sizeMax) return undefined;
  scan.headEnd = at;
  const series = scan.keyAt(owner, start, at);
  if (series === undefined) return undefined;
  scan.addRow(series, toMilliseconds(ownTime, scan.reading.timeScale), number);
  return end;
}

function readJsonColumns(scan: BodyScan, start: number, at: number, owner: number): number | undefined {
  scan.headEnd = at;
  const { text, reading } = scan;
  const names = scan.keyAt(owner, start, at);
  jsonBeforeColumns.lastIndex = at;
  const before = jsonBeforeColumns.exec(text);
  if (names === undefined || before === null) return undefined;
  const [all, list, one] = before;
  const times = (list ?? one ?? "").split(",").map(readJsonNumber);
  if ((list ?? one) !== undefined && times.includes(undefined)) return undefined;
  const seen: number[] = [];
  let end = at + all.length;
  for (let separator = ","; separator === ","; separator = text[end++] ?? "") {
    jsonColumn.lastIndex = end;
    const name = /"[ !#-[\]-\u00ff]*"/y;
    name.lastIndex = end;
    const nameText = name.exec(text)?.[0];
    const series = nameText === undefined ? undefined : scan.keyAt(names, end, end + nameText.length);
    const column = jsonColumn.exec(text);
    if (series === undefined || column === null || !isNew(seen, series)) return undefined;
    const [whole, , cells, single] = column;
    if ((list === undefined) !== (cells === undefined)) return undefined;
    const values = (cells ?? single!).split(",");
    if (values.length !== (list === undefined ? 1 : times.length)) return undefined;
    for (const [i, written] of values.entries()) {
      if (written === "null") continue;
      const value = readJsonNumber(written);
      if (value === undefined) return undefined;
      const time = list === undefined && one === undefined ? Number.NaN : times[i]!;
      scan.addRow(series, toMilliseconds(time, reading.timeScale), value);
    }
    end += whole.length;
  }
  return text.slice(end - 1, end + 1) === "}}" && end + 1 - start <= reading.sizeMax ? end + 1 : undefined;
}

function isNew(seen: number[], series: number): boolean {
  if (seen.length === BODY_COLUMNS_MAX || seen.includes(series)) return false;
  seen.push(series);
  return true;
}

export function beginsMap(byte: number): boolean {
  return (byte >= 0x80 && byte <= 0x8f) || byte === 0xde || byte === 0xdf;
}

export function readPackedValue(scan: BodyScan, start: number): number | undefined {
  const { text, reading } = scan;
  const head = /\xa5value|\xa6values|\xa5times|\xa4time/g;
  head.lastIndex = start + 1;
  const at = head.exec(text)?.index;
  if (at === undefined || at - start >= BODY_HEAD_SIZE_MAX) return undefined;
  scan.headEnd = at;
  const cursor = new PackedCursor(scan, at);
  try {
    if (cursor.takes("\xa5value")) readPackedSample(scan, start, at, cursor);
    else readPackedColumns(scan, start, at, cursor);
  } catch (error) {
    if (error === unread) return undefined;
    throw error;
  }
  return cursor.at - start <= reading.sizeMax ? cursor.at : undefined;
}

function readPackedSample(scan: BodyScan, start: number, at: number, cursor: PackedCursor): void {
  const { owner, timeScale } = scan.reading;
  const value = cursor.number();
  const time = cursor.takes("\xa4time") ? cursor.number() : Number.NaN;
  const kind = Number.isNaN(time) ? PACKED_SAMPLE_OWNER : PACKED_TIMED_SAMPLE_OWNER;
  scan.addRow(cursor.key(owner + kind, start, at), toMilliseconds(time, timeScale), value);
}

function readPackedColumns(scan: BodyScan, start: number, at: number, cursor: PackedCursor): void {
  const { text, reading } = scan;
  const kind = text.startsWith("\xa6values", at)
    ? PACKED_COLUMNS_OWNER
    : text.startsWith("\xa5times", at)
      ? PACKED_COLUMNS_WITH_TIMES_OWNER
      : PACKED_COLUMNS_WITH_TIME_OWNER;
  const names = cursor.key(reading.owner + kind, start, at);
  const times: number[] = [];
  if (cursor.takes("\xa5times"))
    for (let left = cursor.count(0x90); left > 0; left--) times.push(cursor.number());
  const time = cursor.takes("\xa4time") ? cursor.number() : Number.NaN;
  if (!cursor.takes("\xa6values")) throw unread;
  const seen: number[] = [];
  for (let left = cursor.count(0x80); left > 0; left--) {
    const nameAt = cursor.at;
    const series = cursor.key(names, nameAt, cursor.behindText());
    if (!isNew(seen, series)) throw unread;
    if (times.length > 0 && cursor.count(0x90) !== times.length) throw unread;
    for (const one of times.length > 0 ? times : [time]) {
      const value = cursor.cell();
      if (value !== undefined) scan.addRow(series, toMilliseconds(one, reading.timeScale), value);
    }
  }
}

/** Thrown by a cursor where what it is asked for does not stand. */
const unread = new RangeError("this must be read otherwise");

/** Steps through values of MessagePack. */
class PackedCursor {
  at: number;
  readonly #scan: BodyScan;

  constructor(scan: BodyScan, at: number) {
    this.#scan = scan;
    this.at = at;
  }

  takes(word: string): boolean {
    const stands = this.#scan.text.startsWith(word, this.at);
    if (stands) this.at += word.length;
    return stands;
  }

  key(owner: number, start: number, end: number): number {
    const number = this.#scan.keyAt(owner, start, end);
    if (number === undefined) throw unread;
    return number;
  }

  behindText(): number {
    const { bytes } = this.#scan;
    const first = this.#byte();
    const isShort = first >= 0xa0 && first <= 0xbf;
    if (!isShort && first !== 0xd9) throw unread;
    const size = isShort ? first & 0x1f : this.#byte();
    this.at += size;
    if (this.at > bytes.length) throw unread;
    return this.at;
  }

  /** Of an array (0x90) or a map (0x80): one at least, and no more than there are bytes behind it. */
  count(fixed: number): number {
    const { bytes } = this.#scan;
    const wide = fixed === 0x80 ? 0xde : 0xdc;
    const first = this.#byte();
    const size = first === wide ? 2 : first === wide + 1 ? 4 : 0;
    if (this.at + size > bytes.length) throw unread;
    const count = size > 0 ? bytes.readUIntBE(this.at, size) : (first & 0xf0) === fixed ? first & 0x0f : 0;
    this.at += size;
    if (count === 0 || count > bytes.length - this.at) throw unread;
    return count;
  }

  cell(): number | undefined {
    if (this.#scan.bytes[this.at] !== 0xc0) return this.number();
    this.at++;
    return undefined;
  }

  /** No NaN. */
  number(): number {
    const first = this.#byte();
    if (first <= 0x7f) return first;
    if (first >= 0xe0) return first - 0x100;
    const { bytes } = this.#scan;
    const size = first === 0xca ? 4 : first === 0xcb ? 8 : 2 ** ((first - 0xcc) & 3);
    if (first < 0xca || first > 0xd3 || this.at + size > bytes.length) throw unread;
    const value = numberAt(bytes, first, this.at, size);
    if (Number.isNaN(value)) throw unread;
    this.at += size;
    return value;
  }

  #byte(): number {
    const byte = this.#scan.bytes[this.at++];
    if (byte === undefined) throw unread;
    return byte;
  }
}

function numberAt(bytes: Buffer, first: number, at: number, size: number): number {
  if (first === 0xca) return bytes.readFloatBE(at);
  if (first === 0xcb) return bytes.readDoubleBE(at);
  if (size === 8) return Number(first === 0xcf ? bytes.readBigUInt64BE(at) : bytes.readBigInt64BE(at));
  return first < 0xd0 ? bytes.readUIntBE(at, size) : bytes.readIntBE(at, size);
}
