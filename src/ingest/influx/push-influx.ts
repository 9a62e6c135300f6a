/**
 * pushInflux: a body in the InfluxDB line protocol into a Push.
 *
 * A field becomes the series MEASUREMENT_FIELD with the tags as labels, names as they are; a tag `__name__` is
 * refused. Integers and floats are values, true and false are 1 and 0, and text is counted and not stored: it is no
 * zero. Without a timestamp the line is of the arrival.
 */

import { isUtf8 } from "node:buffer";
import { MalformedInputError } from "../../model/errors.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { LineStream, type LineVisitor } from "../line-stream.js";
import { type KnownTexts, OriginMemory } from "../push/origin-memory.js";
import type { Push, PushResult, PushSeries } from "../push/push.js";
import { type BodyReader, pushBody } from "../push/push-body.js";
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
  readonly memory?: OriginMemory<InfluxHead>;
}

/** See `pushBody`. */
export function pushInflux(
  source: AsyncIterable<Uint8Array>,
  push: Push,
  options: InfluxOptions = {},
): Promise<PushResult> {
  return pushBody(source, push, new InfluxReader(push, options));
}

/** What is known of a measurement and its tags: the series of its fields. */
export interface InfluxHead {
  readonly measurement: string;
  readonly tags: ReadonlyMap<string, string>;
  /** Of those that are not refused: what is may be taken the next time. */
  readonly series: Map<string, PushSeries>;
}

class InfluxReader implements BodyReader, LineVisitor {
  readonly #push: Push;
  readonly #precision: InfluxPrecision;
  readonly #database: string | undefined;
  readonly #lines: LineStream;
  readonly #line = new InfluxLine();
  readonly #memory: OriginMemory<InfluxHead>;
  readonly #heads: KnownTexts<InfluxHead>;
  #number = 0;
  /** Lines that ended within quotes, and the number of the first. */
  #unfinished: Buffer | undefined;
  #unfinishedFrom = 0;

  constructor(push: Push, { precision = "ns", database, memory = new OriginMemory() }: InfluxOptions) {
    this.#push = push;
    this.#precision = precision;
    this.#database = database;
    this.#memory = memory;
    this.#heads = memory.of(push.origin);
    this.#lines = new LineStream(push.limits.lineSizeBytes, this);
  }

  write(piece: Uint8Array): void {
    this.#lines.write(piece);
  }

  end(): void {
    this.#lines.end();
    if (this.#unfinished !== undefined)
      this.#push.malformed(this.#unfinishedFrom, "the closing quote of a value is missing");
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
      const head = this.#headOf(line);
      const timestamp = line.timestamp();
      const time = timestamp === undefined ? undefined : millisecondsOf(timestamp, this.#precision);
      for (let field = 0; field < line.fieldCount; field++) this.#takeField(head, field, time);
    } catch (error) {
      this.#lose(error, Math.max(1, line.fieldCount));
    }
  }

  #takeField(head: InfluxHead, field: number, time: TimestampMs | undefined): void {
    try {
      const value = this.#line.fieldValue(field);
      if (value === undefined) this.#push.notStored("non-numeric-field", 1);
      else this.#push.append(this.#seriesOf(head, field), time, value);
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

  #headOf(line: InfluxLine): InfluxHead {
    const text = line.headKey();
    const key = this.#database === undefined ? text : `${this.#database}\n${text}`;
    const known = this.#heads.get(key);
    if (known !== undefined) return known;
    assertUtf8(text);
    const { measurement, tags } = line.head();
    const labels = new Map(tags);
    if (labels.size < tags.length) throw new MalformedInputError("a tag is given twice");
    if (labels.has(METRIC_NAME)) throw new MalformedInputError(`a tag may not be named ${METRIC_NAME}`);
    if (this.#database !== undefined && !labels.has("db")) labels.set("db", this.#database);
    const head: InfluxHead = { measurement, tags: labels, series: new Map() };
    this.#heads.set(key, head);
    return head;
  }

  #seriesOf(head: InfluxHead, field: number): PushSeries {
    const key = this.#line.fieldKey(field);
    const known = head.series.get(key);
    if (known !== undefined) return known;
    assertUtf8(key);
    const name = `${head.measurement}_${this.#line.fieldName(field)}`;
    const series = this.#push.series(Labels.from(new Map([...head.tags, [METRIC_NAME, name]])));
    if (series.refusal !== undefined) return series;
    this.#memory.noteText(key.length);
    head.series.set(key, series);
    return series;
  }
}

function assertUtf8(key: string): void {
  if (!isUtf8(Buffer.from(key, "latin1"))) throw new MalformedInputError("a name is not valid UTF-8");
}

/** Digits of a fraction of a millisecond that each unit has. */
const fractionDigits: Readonly<Partial<Record<InfluxPrecision, number>>> = { ns: 6, n: 6, us: 3, u: 3, µ: 3 };
const unitMs: Readonly<Partial<Record<InfluxPrecision, number>>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Cut to the millisecond at or before. By digits: nanoseconds since 1970 do not fit into a double. */
function millisecondsOf(text: string, precision: InfluxPrecision): TimestampMs {
  const digits = fractionDigits[precision];
  if (digits === undefined) return Number(text) * unitMs[precision]!;
  const whole = Number(text.slice(0, -digits));
  const isNegative = text.startsWith("-");
  const hasFraction = /[1-9]/.test(text.slice(-digits));
  return (Number.isNaN(whole) ? 0 : whole) - (isNegative && hasFraction ? 1 : 0);
}
