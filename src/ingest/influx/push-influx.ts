/**
 * pushInflux: a body in the InfluxDB line protocol into a Push.
 *
 * A field becomes the series MEASUREMENT_FIELD with the tags as labels, names as they are; a tag `__name__` is
 * refused. Integers and floats are values, true and false are 1 and 0, and text is counted and not stored: it is no
 * zero. Without a timestamp the line is of the arrival. Lines whose series are known are read by a kernel.
 */

import { isUtf8 } from "node:buffer";
import { BODY_INFLUX } from "../../kernels/body-format.js";
import { MalformedInputError } from "../../model/errors.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { type KnownLines, LineStream, type LineVisitor } from "../line-stream.js";
import { NO_NUMBER } from "../push/byte-keys.js";
import { KnownScan } from "../push/known-scan.js";
import type { Push, PushResult } from "../push/push.js";
import type { BodyReader } from "../push/push-body.js";
import { pushRows } from "../push/push-row-body.js";
import { PushRows } from "../push/push-rows.js";
import { RowMemory } from "../push/row-memory.js";
import { InfluxLine } from "./influx-line.js";

/** What a timestamp counts, by the names that InfluxDB 1 and 2 have for it. */
export const influxPrecisions = ["ns", "n", "us", "u", "µ", "ms", "s", "m", "h"] as const;
export type InfluxPrecision = (typeof influxPrecisions)[number];

export interface InfluxOptions {
  /** Default nanoseconds. */
  readonly precision?: InfluxPrecision | undefined;
  /** Becomes the label `db` of every series that has no tag of this name. */
  readonly database?: string | undefined;
  /** Of earlier bodies. */
  readonly memory?: RowMemory;
}

/** See `pushBody`. */
export function pushInflux(
  source: AsyncIterable<Uint8Array>,
  push: Push,
  { memory, ...options }: InfluxOptions = {},
): Promise<PushResult> {
  const rows = new PushRows(push, memory ?? new RowMemory(), memory !== undefined);
  return pushRows(source, push, rows, new InfluxReader(push, rows, options));
}

/**
 * Owners of keys, behind the first of the body: of databases. These stand for owners, of what stands before fields without a
 * database or within one, which stands for owners again: of the names of its fields.
 */
const DATABASES = 0;
const noDatabase = new DataView(new ArrayBuffer(0));

class InfluxReader implements BodyReader, LineVisitor, KnownLines {
  readonly #push: Push;
  readonly #precision: InfluxPrecision;
  readonly #database: string | undefined;
  readonly #databaseBytes: DataView;
  readonly #lines: LineStream;
  readonly #scan: KnownScan;
  readonly #line = new InfluxLine();
  readonly #rows: PushRows;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #number = 0;
  /** Lines that ended within quotes, and the number of the first. */
  #unfinished: Buffer | undefined;
  #unfinishedFrom = 0;

  constructor(push: Push, rows: PushRows, { precision = "ns", database }: InfluxOptions) {
    this.#push = push;
    this.#precision = precision;
    this.#database = database;
    this.#databaseBytes =
      database === undefined ? noDatabase : new DataView(new TextEncoder().encode(`=${database}`).buffer);
    this.#rows = rows;
    this.#scan = new KnownScan(rows, {
      format: BODY_INFLUX,
      sizeMax: push.limits.lineSizeBytes,
      timeScale: unitMs[precision] ?? 1,
      digitsCut: fractionDigits[precision] ?? 0,
    });
    this.#lines = new LineStream(push.limits.lineSizeBytes, this, this);
  }

  write(piece: Uint8Array): void {
    this.#lines.write(piece);
  }

  end(): void {
    this.#lines.end();
    if (this.#unfinished !== undefined)
      this.#push.malformed(this.#unfinishedFrom, "the closing quote of a value is missing");
  }

  begin(bytes: Buffer, start: number, end: number): void {
    this.#scan.begin(bytes, start, end, this.#headOwner());
  }

  read(at: number): number {
    // Within quotes that are open a line is no line.
    if (this.#unfinished !== undefined) return at;
    const stop = this.#scan.read(at);
    if (stop > at) this.#number += this.#scan.lines;
    return stop;
  }

  line(bytes: Buffer, start: number, end: number): void {
    this.#number++;
    if (this.#unfinished === undefined) this.#read(bytes, start, end);
    else {
      const joined = Buffer.concat([this.#unfinished, Buffer.from("\n"), bytes.subarray(start, end)]);
      this.#unfinished = undefined;
      if (joined.length <= this.#push.limits.lineSizeBytes) this.#read(joined, 0, joined.length);
      else
        this.#push.malformed(
          this.#unfinishedFrom,
          "the closing quote of a value is missing, or too far away",
        );
    }
  }

  longLine(): void {
    this.#number++;
    this.#unfinished = undefined;
    this.#push.malformed(this.#number, `it is longer than ${this.#push.limits.lineSizeBytes} bytes`);
  }

  #read(bytes: Buffer, start: number, end: number): void {
    const line = this.#line;
    try {
      const found = line.scan(bytes, start, end);
      if (found === "unfinished") this.#holdLine(bytes.subarray(start, end));
      if (found !== "line") return;
      this.#setBytes(bytes);
      const head = this.#headOf(line);
      const time = timeOf(line, this.#precision);
      for (let field = 0; field < line.fieldCount; field++) this.#takeField(head, field, time);
    } catch (error) {
      this.#lose(error, Math.max(1, line.fieldCount));
    }
  }

  #takeField(head: number, field: number, time: TimestampMs | undefined): void {
    try {
      const value = this.#line.fieldValue(field);
      if (value === undefined) this.#push.notStored("non-numeric-field", 1);
      else this.#rows.append(this.#seriesOf(head, field), time, value);
    } catch (error) {
      this.#lose(error, 1);
    }
  }

  #holdLine(line: Buffer): void {
    if (this.#unfinished === undefined) this.#unfinishedFrom = this.#number;
    this.#unfinished = Buffer.from(line);
  }

  #lose(error: unknown, samples: number): void {
    if (!(error instanceof MalformedInputError)) throw error;
    this.#push.malformed(this.#number, error.message, samples);
  }

  /** The owner of the names of the line's fields. */
  #headOf(line: InfluxLine): number {
    const owner = this.#headOwner();
    const known = this.#rows.find(owner, this.#view, line.headStart, line.headEnd);
    if (known !== NO_NUMBER) return known;
    assertUtf8(this.#bytes.subarray(line.headStart, line.headEnd));
    const { tags } = line.head();
    const names = new Set(tags.map(([name]) => name));
    if (names.size < tags.length) throw new MalformedInputError("a tag is given twice");
    if (names.has(METRIC_NAME)) throw new MalformedInputError(`a tag may not be named ${METRIC_NAME}`);
    return this.#rows.rememberOwner(owner, this.#view, line.headStart, line.headEnd);
  }

  #headOwner(): number {
    const name = this.#databaseBytes;
    const owner = this.#rows.owner + DATABASES;
    const known = this.#rows.find(owner, name, 0, name.byteLength);
    return known === NO_NUMBER ? this.#rows.rememberOwner(owner, name, 0, name.byteLength) : known;
  }

  #seriesOf(head: number, field: number): number {
    const line = this.#line;
    const [start, end] = [line.keyStart(field), line.keyEnd(field)];
    const known = this.#rows.find(head, this.#view, start, end);
    if (known !== NO_NUMBER) return known;
    assertUtf8(this.#bytes.subarray(start, end));
    const { measurement, tags } = line.head();
    const labels = new Map(tags);
    if (this.#database !== undefined && !labels.has("db")) labels.set("db", this.#database);
    labels.set(METRIC_NAME, `${measurement}_${line.fieldName(field)}`);
    const number = this.#rows.take(Labels.from(labels));
    this.#rows.remember(head, this.#view, start, end, number);
    return number;
  }

  #setBytes(bytes: Buffer): void {
    if (bytes === this.#bytes) return;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

function assertUtf8(name: Buffer): void {
  if (!isUtf8(name)) throw new MalformedInputError("a name is not valid UTF-8");
}

/** Digits of a fraction of a millisecond that each unit has. */
const fractionDigits: Readonly<Partial<Record<InfluxPrecision, number>>> = { ns: 6, n: 6, us: 3, u: 3, µ: 3 };
const unitMs: Readonly<Partial<Record<InfluxPrecision, number>>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** In milliseconds; undefined when the line has none. */
function timeOf(line: InfluxLine, precision: InfluxPrecision): TimestampMs | undefined {
  const text = line.timestamp();
  return text === undefined ? undefined : millisecondsOf(text, precision);
}

/** Cut to the millisecond at or before. By digits: nanoseconds since 1970 do not fit into a double. */
function millisecondsOf(text: string, precision: InfluxPrecision): TimestampMs {
  const digits = fractionDigits[precision];
  if (digits === undefined) return Number(text) * unitMs[precision]!;
  const whole = Number(text.slice(0, -digits));
  const isNegative = text.startsWith("-");
  const hasFraction = /[1-9]/.test(text.slice(-digits));
  return (Number.isNaN(whole) ? 0 : whole) - (isNegative && hasFraction ? 1 : 0);
}
