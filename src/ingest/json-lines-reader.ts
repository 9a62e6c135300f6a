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
import { type KnownLines, LineStream, type LineVisitor } from "./line-stream.js";
import type { BodyReader } from "./push/push-body.js";

/** Where the samples of a text go: what a Push and the rows of an import have in common. */
export interface SampleSink<Series> {
  series(labels: Labels): Series;
  append(series: Series, time: TimestampMs, value: number): void;
  appendStale(series: Series, time: TimestampMs): void;
  /** `line` counts from 1; `samples` is how many were lost with it. */
  malformed(line: number, reason: string, samples: number): void;
}

export class JsonLinesReader<Series> implements BodyReader, LineVisitor {
  readonly #sink: SampleSink<Series>;
  readonly #lines: LineStream;
  readonly #lineSizeMaxBytes: number;
  #number = 0;

  /** `known` reads lines that need not be parsed, and tells `passed` of them. */
  constructor(sink: SampleSink<Series>, lineSizeMaxBytes: number, known?: KnownLines) {
    this.#sink = sink;
    this.#lineSizeMaxBytes = lineSizeMaxBytes;
    this.#lines = new LineStream(lineSizeMaxBytes, this, known);
  }

  write(piece: Uint8Array): void {
    this.#lines.write(piece);
  }

  end(): void {
    this.#lines.end();
  }

  /** So many lines were read by others. */
  passed(lines: number): void {
    this.#number += lines;
  }

  line(bytes: Buffer, start: number, end: number): void {
    this.#number++;
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

/** Of `metric`, parsed. Throws MalformedInputError. */
export function labelPairs(metric: unknown): readonly (readonly [string, string])[] {
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
