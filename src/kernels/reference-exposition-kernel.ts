/**
 * ReferenceExpositionKernel: the exposition kernel in TypeScript, the oracle of the one in WebAssembly. It looks up
 * every line, by its text with a character for each byte.
 */

import {
  KIND_KEPT,
  KIND_PLAIN,
  NONE,
  STOP_END,
  STOP_LINE,
  STOP_VALUE,
  TAG_COMMENT,
  TEXT_SIZE_BYTES_MAX,
} from "./exposition-format.js";
import type { ExpositionKernel, ExpositionRows, KnownText, PageOptions } from "./exposition-kernel.js";

interface KnownLine {
  readonly key: string;
  readonly text: string;
  readonly tag: number;
  seen: number;
}

class Table {
  readonly lines: (KnownLine | undefined)[] = [];
  readonly free: number[] = [];
  readonly byKey = new Map<string, number>();
}

export class ReferenceExpositionKernel implements ExpositionKernel {
  readonly #tables = new Map<number, Table>();
  #tablesCreated = 0;
  #table = new Table();
  #page = 0;
  #input = Buffer.alloc(0);
  /** A character for each byte. */
  #text = "";
  #position = 0;
  #options: PageOptions = { isOpenMetrics: false, readComments: false, lineSizeMax: 0 };
  #entries: number[] = [];
  #values = new Float64Array(64);
  #times: number[] = [];
  #valueEntry = NONE;
  line = 0;
  lineStart = 0;
  lineEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  kind = KIND_PLAIN;

  get sizeBytes(): number {
    return 0;
  }

  createTable(): number {
    this.#tables.set(++this.#tablesCreated, new Table());
    return this.#tablesCreated;
  }

  deleteTable(table: number): void {
    this.#tables.delete(table);
  }

  enter(table: number, page: number): void {
    this.#table = this.#tables.get(table)!;
    this.#page = page;
  }

  input(sizeBytes: number): Uint8Array {
    this.#input = Buffer.alloc(sizeBytes);
    return this.#input;
  }

  begin(sizeBytes: number, options: PageOptions): void {
    this.#text = this.#input.toString("latin1", 0, sizeBytes);
    this.#options = options;
    this.#position = 0;
    this.#entries = [];
    this.#times = [];
    this.line = 0;
    this.kind = KIND_PLAIN;
  }

  read(): number {
    while (this.#position < this.#text.length) {
      this.line++;
      const lineFeed = this.#text.indexOf("\n", this.#position);
      this.lineStart = this.#position;
      this.lineEnd = lineFeed < 0 ? this.#text.length : lineFeed;
      this.#position = this.lineEnd + 1;
      const stop = this.#readLine(this.#text.slice(this.lineStart, this.lineEnd));
      if (stop !== STOP_END) return stop;
    }
    return STOP_END;
  }

  takeValue(value: number): void {
    this.addRow(this.#valueEntry, value, Number.NaN);
  }

  find(offset: number, sizeBytes: number): number {
    return this.#find(this.#text.slice(offset, offset + sizeBytes), this.kind);
  }

  add(offset: number, sizeBytes: number): number {
    return this.#add(this.#text.slice(offset, offset + sizeBytes), this.kind);
  }

  addRow(entry: number, value: number, time: number): void {
    this.#see(entry);
    if (this.#entries.length === this.#values.length) {
      const larger = new Float64Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#entries.length] = value;
    this.#entries.push(entry);
    this.#times.push(time);
  }

  addComment(offset: number, sizeBytes: number, effect: number): void {
    if (effect !== KIND_KEPT) this.kind = effect;
    const text = this.#text.slice(offset, offset + sizeBytes);
    const found = this.#findComment(text);
    const entry = found === NONE ? this.#add(text, TAG_COMMENT | effect) : found;
    if (entry !== NONE) this.#see(entry);
  }

  rows(): ExpositionRows {
    const { length } = this.#entries;
    return {
      entries: Uint32Array.from(this.#entries),
      values: this.#values.slice(0, length),
      times: Float64Array.from(this.#times),
      length,
    };
  }

  entries(): number[] {
    const all = [...this.#table.lines.keys()];
    return all.filter((entry) => (this.#table.lines[entry]?.tag ?? TAG_COMMENT) < TAG_COMMENT);
  }

  textOf(entry: number): KnownText {
    const { text, tag } = this.#table.lines[entry]!;
    return { bytes: Buffer.from(text, "latin1"), kind: tag & 3 };
  }

  forgetVanished(): void {
    for (const [entry, line] of this.#table.lines.entries())
      if (line !== undefined && line.seen !== this.#page) this.#remove(entry, line);
  }

  #readLine(line: string): number {
    this.#valueEntry = NONE;
    const { isOpenMetrics, lineSizeMax } = this.#options;
    const start = isOpenMetrics ? 0 : /^[ \t]*/.exec(line)![0].length;
    if (line.length > lineSizeMax) return STOP_LINE;
    if (start === line.length) return isOpenMetrics ? STOP_LINE : STOP_END;
    return line[start] === "#" ? this.#readComment(line.slice(start)) : this.#readSample(line, start);
  }

  #readComment(text: string): number {
    if (this.#options.readComments) return STOP_LINE;
    const entry = this.#findComment(text.replace(/\r$/, ""));
    if (entry === NONE) return STOP_LINE;
    this.#see(entry);
    const effect = this.#table.lines[entry]!.tag & 3;
    if (effect !== KIND_KEPT) this.kind = effect;
    return STOP_END;
  }

  #readSample(line: string, start: number): number {
    const series = seriesPattern.exec(line.slice(start))?.[0] ?? "";
    const entry = this.#find(series, this.kind);
    const { isOpenMetrics } = this.#options;
    const valueAt = start + series.length + blanksAt(line, start + series.length);
    if (entry === NONE || valueAt === start + series.length) return STOP_LINE;
    if (isOpenMetrics && line.slice(start + series.length, valueAt) !== " ") return STOP_LINE;
    const rest = (isOpenMetrics ? strictRestPattern : restPattern).exec(line.slice(valueAt));
    if (rest === null) return STOP_LINE;
    const [, word = "", blanks = "", time] = rest;
    const value = readFloat(word);
    if (value === undefined) {
      if (blanks !== "" || time !== undefined || !/^[!-\u00ff]+$/.test(word)) return STOP_LINE;
      this.valueStart = this.lineStart + valueAt;
      this.valueEnd = this.valueStart + word.length;
      this.#valueEntry = entry;
      return STOP_VALUE;
    }
    const read = isOpenMetrics ? readSeconds : readMilliseconds;
    const ownTime = time === undefined ? Number.NaN : read(time);
    if (ownTime === undefined) return STOP_LINE;
    this.addRow(entry, value, ownTime);
    return STOP_END;
  }

  #findComment(text: string): number {
    for (const effect of [0, 1, 2, 3]) {
      const entry = this.#find(text, TAG_COMMENT | effect);
      if (entry !== NONE) return entry;
    }
    return NONE;
  }

  #find(text: string, tag: number): number {
    return this.#table.byKey.get(`${tag} ${text}`) ?? NONE;
  }

  #add(text: string, tag: number): number {
    if (text.length > TEXT_SIZE_BYTES_MAX) return NONE;
    const { byKey, free, lines } = this.#table;
    const entry = free.pop() ?? lines.length;
    const key = `${tag} ${text}`;
    lines[entry] = { key, text, tag, seen: 0 };
    byKey.set(key, entry);
    return entry;
  }

  #see(entry: number): void {
    this.#table.lines[entry]!.seen = this.#page;
  }

  #remove(entry: number, { key }: KnownLine): void {
    const { byKey, free, lines } = this.#table;
    byKey.delete(key);
    lines[entry] = undefined;
    free.push(entry);
  }
}

/** A name, labels in braces with blanks before them, or both. */
export const seriesPattern =
  /^(?:[^\0- {]*[ \t]*\{(?:"(?:\\.|[^"\\])*"|\\.|[^"}\\])*\}|[^\0- {]+(?![ \t]*\{))/s;
/** A word, and a time behind it. */
export const restPattern = /^([^ \t\r]*)([ \t]*)(?:(?<=[ \t])([^ \t\r]+)[ \t]*)?\r?$/;
/** The same with one space between. */
export const strictRestPattern = /^([^ \t\r]*)(?:( )([^ \t\r]+))?\r?$/;
const floatPattern = /^[+-]?(?=\.?\d)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?$/;

function blanksAt(line: string, start: number): number {
  return /^[ \t]*/.exec(line.slice(start))![0].length;
}

export function readFloat(word: string): number | undefined {
  if (word === "NaN") return Number.NaN;
  if (word === "+Inf" || word === "-Inf") return word === "+Inf" ? Infinity : -Infinity;
  const parts = floatPattern.exec(word);
  if (parts === null) return undefined;
  const [, whole = "", fraction = "", written = "0"] = parts;
  const exponent = Number(written) - fraction.length;
  if (whole.length + fraction.length > 19 || Math.abs(exponent) > 22) return undefined;
  return BigInt(`0${whole}${fraction}`) > 2n ** 53n ? undefined : Number(word);
}

export function readMilliseconds(word: string): number | undefined {
  return /^[+-]?\d{1,15}$/.test(word) ? Number(word) + 0 : undefined;
}

export function readSeconds(word: string): number | undefined {
  const parts = /^([+-]?)(\d{1,12})(?:\.(\d*))?$/.exec(word);
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = ""] = parts;
  const ms = Number(whole + fraction.slice(0, 3).padEnd(3, "0"));
  return sign === "-" ? 0 - ms : ms;
}
