/**
 * JsonLinesReader: series as lines of JSON, in the shape of VictoriaMetrics' /api/v1/export, for imports and pushes.
 *
 *   {"metric":{"__name__":"up","job":"x"},"values":[1,null],"timestamps":[1700000000000,1700000015000]}
 *
 * Numbers stand for themselves; null is a staleness marker; "NaN", "Infinity" and "-Infinity" are these values. A
 * line that is not of this shape is malformed, and the rest is kept.
 */

import { MalformedInputError, TsdbError } from "../model/errors.js";
import { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { DecimalScan } from "./decimal-scan.js";
import { LineStream, type LineVisitor } from "./line-stream.js";
import type { BodyReader } from "./push/push-body.js";

/** Where the samples of a text go: what a Push and the rows of an import have in common. */
export interface SampleSink<Series> {
  series(labels: Labels): Series;
  append(series: Series, time: TimestampMs, value: number): void;
  appendStale(series: Series, time: TimestampMs): void;
  /** `line` counts from 1; `samples` is how many were lost with it. */
  malformed(line: number, reason: string, samples: number): void;
}

/** Series that were seen already, by the bytes of their labels as JSON. */
export interface KnownLines<Series> {
  find(bytes: DataView, start: number, end: number): Series | undefined;
  /** Returns the series with these labels. */
  learn(bytes: DataView, start: number, end: number, labels: Labels): Series;
}

const beforeMetric = Buffer.from('{"metric":');
const beforeValues = Buffer.from(',"values":[');
const beforeTimes = Buffer.from('],"timestamps":[');
const lineEnd = Buffer.from("]}");
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;

export class JsonLinesReader<Series> implements BodyReader, LineVisitor {
  readonly #sink: SampleSink<Series>;
  readonly #known: KnownLines<Series> | undefined;
  readonly #lines: LineStream;
  readonly #lineSizeMaxBytes: number;
  readonly #decimal = new DecimalScan();
  readonly #values: number[] = [];
  readonly #times: number[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #number = 0;

  /** With `known`, lines as most senders write them are read without being parsed as JSON. */
  constructor(sink: SampleSink<Series>, lineSizeMaxBytes: number, known?: KnownLines<Series>) {
    this.#sink = sink;
    this.#known = known;
    this.#lineSizeMaxBytes = lineSizeMaxBytes;
    this.#lines = new LineStream(lineSizeMaxBytes, this);
  }

  write(piece: Uint8Array): void {
    this.#lines.write(piece);
  }

  end(): void {
    this.#lines.end();
  }

  line(bytes: Buffer, start: number, end: number): void {
    this.#number++;
    if (this.#known !== undefined && this.#appendUsual(bytes, start, end, this.#known)) return;
    const text = bytes.toString("utf8", start, end);
    if (text.trim() === "") return;
    let samples = 1;
    try {
      const fields = parseObject(text);
      if (Array.isArray(fields.values)) samples = Math.max(1, fields.values.length);
      this.#append(fields);
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      this.#sink.malformed(this.#number, error.message, samples);
    }
  }

  longLine(): void {
    this.#number++;
    this.#sink.malformed(this.#number, `the line is longer than ${this.#lineSizeMaxBytes} bytes`, 1);
  }

  /** Appends nothing when any part of the line is wrong. */
  #append({ metric, values, timestamps }: Fields): void {
    const pairs = labelPairs(metric);
    if (!Array.isArray(values) || !Array.isArray(timestamps) || values.length !== timestamps.length)
      throw new MalformedInputError("values and timestamps must be arrays of one length");
    const numbers = values.map(sampleValue);
    if (!timestamps.every(Number.isFinite)) throw new MalformedInputError("a timestamp is no number");
    const series = this.#sink.series(Labels.from(pairs));
    for (const [i, time] of timestamps.entries()) {
      const value = numbers[i];
      if (value === null || value === undefined) this.#sink.appendStale(series, time);
      else this.#sink.append(series, time, value);
    }
  }

  /**
   * Appends a line without blanks whose keys are in the usual order and whose values are numbers. Returns false, and has
   * done nothing, for any other.
   */
  #appendUsual(bytes: Buffer, start: number, end: number, known: KnownLines<Series>): boolean {
    if (!hasAt(bytes, start, beforeMetric)) return false;
    const metricStart = start + beforeMetric.length;
    // Perhaps within a label's value: then it is no object up to there, and cannot be learnt.
    const metricEnd = bytes.indexOf(CLOSE_BRACE, metricStart) + 1;
    if (metricEnd === 0 || metricEnd > end || !hasAt(bytes, metricEnd, beforeValues)) return false;
    const valuesEnd = this.#readNumbers(bytes, metricEnd + beforeValues.length, end, this.#values);
    if (valuesEnd === undefined || !hasAt(bytes, valuesEnd, beforeTimes)) return false;
    const timesEnd = this.#readNumbers(bytes, valuesEnd + beforeTimes.length, end, this.#times);
    if (timesEnd === undefined || timesEnd + lineEnd.length !== end || !hasAt(bytes, timesEnd, lineEnd))
      return false;
    if (this.#values.length !== this.#times.length || !this.#times.every(Number.isFinite)) return false;
    const view = this.#viewOf(bytes);
    const series = known.find(view, metricStart, metricEnd) ?? this.#learn(known, metricStart, metricEnd);
    if (series === undefined) return false;
    for (let i = 0; i < this.#times.length; i++) this.#sink.append(series, this.#times[i]!, this.#values[i]!);
    return true;
  }

  /** Undefined when these bytes are no object of labels. */
  #learn(known: KnownLines<Series>, start: number, end: number): Series | undefined {
    let labels: Labels;
    try {
      labels = Labels.from(labelPairs(JSON.parse(this.#bytes.toString("utf8", start, end))));
    } catch {
      return undefined;
    }
    return known.learn(this.#view, start, end, labels);
  }

  /** One number and others behind commas. Returns where they end. */
  #readNumbers(bytes: Buffer, start: number, limit: number, into: number[]): number | undefined {
    const decimal = this.#decimal;
    into.length = 0;
    for (let at = start; ; at = decimal.end + 1) {
      if (!decimal.read(bytes, at, limit)) return undefined;
      into.push(decimal.value);
      if (bytes[decimal.end] !== COMMA) return decimal.end;
    }
  }

  #viewOf(bytes: Buffer): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view;
  }
}

function hasAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(text: string): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new MalformedInputError("the line is no JSON", {}, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new MalformedInputError("the line is no JSON object");
  return parsed as Fields;
}

function labelPairs(metric: unknown): readonly (readonly [string, string])[] {
  if (typeof metric !== "object" || metric === null || Array.isArray(metric))
    throw new MalformedInputError("metric must be an object of labels");
  const pairs = Object.entries(metric);
  if (!pairs.every((pair): pair is [string, string] => typeof pair[1] === "string"))
    throw new MalformedInputError("the value of a label is no text");
  return pairs;
}

/** Null for a staleness marker: no number may stand for it here, for a plain array would not keep its bits. */
function sampleValue(value: unknown): number | null {
  if (typeof value === "number" || value === null) return value;
  const special = typeof value === "string" ? specialValues.get(value) : undefined;
  if (special === undefined) throw new MalformedInputError(`${JSON.stringify(value)} is no value`);
  return special;
}

const specialValues: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);
