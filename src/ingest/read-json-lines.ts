/**
 * readJsonLines: series as lines of JSON, in the shape of VictoriaMetrics' /api/v1/export, into rows.
 *
 *   {"metric":{"__name__":"up","job":"x"},"values":[1,null],"timestamps":[1700000000000,1700000015000]}
 *
 * Numbers stand for themselves; null is a staleness marker; "NaN", "Infinity" and "-Infinity" are these values. A
 * line that is not of this shape is a malformed row, and the rest is kept.
 */

import { MalformedInputError, TsdbError } from "../model/errors.js";
import { Labels } from "../model/labels.js";
import type { MalformedRows, RowAppender } from "./row-appender.js";

/** VictoriaMetrics may write all of a series in one line. */
const lineSizeMaxBytes = 64 * 1024 * 1024;

export interface JsonLinesOptions {
  readonly rows: RowAppender;
  readonly malformed: MalformedRows;
  /** Awaited after each piece of the source. */
  readonly onBatch: () => Promise<void>;
}

export async function readJsonLines(
  source: AsyncIterable<Uint8Array>,
  { rows, malformed, onBatch }: JsonLinesOptions,
): Promise<void> {
  let line = 0;
  const take = (bytes: Uint8Array | undefined) => {
    line++;
    try {
      if (bytes === undefined)
        throw new MalformedInputError(`the line is longer than ${lineSizeMaxBytes} bytes`);
      appendLine(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(), rows);
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      malformed.add(line, error.message);
    }
  };
  const lines = new LineAssembly(take);
  for await (const piece of source) {
    lines.add(piece);
    await onBatch();
  }
  lines.end();
}

/** Cuts pieces into lines; one that is too long is handed on as undefined. */
class LineAssembly {
  readonly #take: (line: Uint8Array | undefined) => void;
  #parts: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(take: (line: Uint8Array | undefined) => void) {
    this.#take = take;
  }

  add(piece: Uint8Array): void {
    let start = 0;
    for (let end = piece.indexOf(0x0a); end >= 0; end = piece.indexOf(0x0a, start)) {
      this.#keep(piece.subarray(start, end));
      this.#finish();
      start = end + 1;
    }
    // Copied: a piece is valid only until the next is asked for.
    if (start < piece.length) this.#keep(piece.slice(start));
  }

  /** The last line may lack its end. */
  end(): void {
    if (this.#sizeBytes > 0) this.#finish();
  }

  #keep(part: Uint8Array): void {
    this.#sizeBytes += part.length;
    if (this.#sizeBytes > lineSizeMaxBytes) this.#parts = [];
    else this.#parts.push(part);
  }

  #finish(): void {
    const isTooLong = this.#sizeBytes > lineSizeMaxBytes;
    this.#take(
      isTooLong ? undefined : this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts),
    );
    this.#parts = [];
    this.#sizeBytes = 0;
  }
}

/** Appends nothing when any part of the line is wrong. */
function appendLine(text: string, rows: RowAppender): void {
  if (text.trim() === "") return;
  const { metric, values, timestamps } = parseObject(text);
  const labels = labelsOf(metric);
  if (!Array.isArray(values) || !Array.isArray(timestamps) || values.length !== timestamps.length)
    throw new MalformedInputError("values and timestamps must be arrays of one length");
  const numbers = values.map(sampleValue);
  if (!timestamps.every(Number.isFinite)) throw new MalformedInputError("a timestamp is no number");
  const series = rows.series(labels);
  for (const [i, time] of timestamps.entries()) {
    const value = numbers[i];
    if (value === null || value === undefined) rows.appendStale(series, time);
    else rows.append(series, time, value);
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new MalformedInputError("the line is no JSON", {}, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new MalformedInputError("the line is no JSON object");
  return parsed as Readonly<Record<string, unknown>>;
}

function labelsOf(metric: unknown): Labels {
  if (typeof metric !== "object" || metric === null || Array.isArray(metric))
    throw new MalformedInputError("metric must be an object of labels");
  const pairs = Object.entries(metric);
  if (!pairs.every((pair): pair is [string, string] => typeof pair[1] === "string"))
    throw new MalformedInputError("the value of a label is no text");
  return Labels.from(pairs);
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
