/**
 * importStream: a file of any size and format into an Appender, as one transaction.
 */

import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Appender } from "../model/appendable.js";
import { InvalidArgumentError, MalformedInputError } from "../model/errors.js";
import type { ImportOptions, ImportResult } from "../model/importing.js";
import { parseTime } from "../model/rfc3339.js";
import type { TimeLike, TimestampMs } from "../model/sample.js";
import { readCsv } from "./csv/read-csv.js";
import { ExpositionStream } from "./exposition/parse-exposition.js";
import { ExpositionRows } from "./exposition-rows.js";
import { guessImportFormat, type ImportFormat, importFormatOfName } from "./import-format.js";
import { JsonLinesReader, type SampleSink } from "./json-lines-reader.js";
import { defaultIngestLimits, type IngestLimits } from "./limits.js";
import type { BodyReader } from "./push/push-body.js";
import { MalformedRows, RowAppender, type RowSeries } from "./row-appender.js";

export interface ImportStreamOptions extends ImportOptions {
  /** Tells the format, when the options do not; the file is not opened. */
  readonly fileName?: string;
  /** Committed, or rolled back, when the promise settles. `drain`, if it has one, is awaited between pieces. */
  readonly appender: Appender & { drain?(): Promise<void> };
  /** The time of samples without one, unless `defaultTime` says otherwise. */
  readonly now: TimestampMs;
  readonly limits?: IngestLimits;
}

/**
 * Imports `source`; gzip is recognised and decompressed. Rejects, and stores nothing, with InvalidArgumentError
 * (the roles of CSV columns cannot be told), MalformedInputError (broken gzip), LimitExceededError (a row beyond
 * the limit), the signal's reason, or what source or commit reject with.
 */
export async function importStream(
  source: AsyncIterable<Uint8Array>,
  options: ImportStreamOptions,
): Promise<ImportResult> {
  const { appender } = options;
  const rows = new RowAppender(appender, { metricPrefix: options.metricPrefix, extraLabels: options.labels });
  const malformed = new MalformedRows();
  try {
    const progress = new ProgressReport(options, rows);
    await readRows(gunzipped(progress.watch(source)), { ...options, rows, malformed });
    options.signal?.throwIfAborted();
    const { appended, rejected } = await appender.commit();
    progress.report();
    const { seriesCount, timeRange, metricNames } = rows;
    return { series: seriesCount, samples: appended, malformed, rejected, timeRange, metricNames };
  } catch (error) {
    appender.rollback();
    // Until what was staged is gone; the first error is the one to tell.
    await Promise.allSettled([appender.drain?.()]);
    throw error;
  }
}

async function readRows(
  source: AsyncIterable<Uint8Array>,
  options: ImportStreamOptions & { readonly rows: RowAppender; readonly malformed: MalformedRows },
): Promise<void> {
  const { rows, malformed, appender } = options;
  const limits = options.limits ?? defaultIngestLimits;
  const defaultTime = options.defaultTime === undefined ? options.now : timeOf(options.defaultTime);
  const { head, whole } = await peek(source, headSizeBytes);
  const format = formatOf(options, head);
  const drain = async (): Promise<void> => {
    options.signal?.throwIfAborted();
    await appender.drain?.();
  };
  if (format === "csv") {
    const isTabbed = /\.tsv(\.gz)?$/i.test(options.fileName ?? "");
    const csv = { ...(isTabbed ? { delimiter: "\t" } : {}), ...options.csv };
    await readCsv(whole, { csv, rows, malformed, limits, head, onBatch: drain });
    return;
  }
  if (format === "jsonl") {
    await readWhole(whole, new JsonLinesReader(lineSink(rows, malformed), jsonLineSizeMaxBytes), drain);
    return;
  }
  const visitor = new ExpositionRows({ rows, malformed, defaultTime });
  await readWhole(whole, new ExpositionStream({ format, limits }, visitor), drain);
}

/** VictoriaMetrics may write all of a series in one line. */
const jsonLineSizeMaxBytes = 64 * 1024 * 1024;

async function readWhole(
  source: AsyncIterable<Uint8Array>,
  reader: BodyReader,
  drain: () => Promise<void>,
): Promise<void> {
  for await (const chunk of source) {
    reader.write(chunk);
    await drain();
  }
  reader.end();
}

/** A line that cannot be read is one malformed row, whatever it holds. */
function lineSink(rows: RowAppender, malformed: MalformedRows): SampleSink<RowSeries> {
  return {
    series: (labels) => rows.series(labels),
    append: (series, time, value) => rows.append(series, time, value),
    appendStale: (series, time) => rows.appendStale(series, time),
    malformed: (line, reason) => malformed.add(line, reason),
  };
}

function formatOf({ format, fileName }: ImportStreamOptions, head: Uint8Array): ImportFormat {
  return (
    format ?? (fileName === undefined ? undefined : importFormatOfName(fileName)) ?? guessImportFormat(head)
  );
}

function timeOf(time: TimeLike): TimestampMs {
  const ms = typeof time === "string" ? parseTime(time) : Number(time);
  if (ms === undefined || Number.isNaN(ms))
    throw new InvalidArgumentError(`defaultTime ${String(time)} is no time`);
  return ms;
}

const headSizeBytes = 64 * 1024;

/** The first bytes, and a source that begins with them. */
async function peek(
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<{ head: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let size = 0;
  while (size < sizeBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    // Copied: a piece is valid only until the next is asked for.
    pieces.push(Buffer.from(next.value));
    size += next.value.length;
  }
  const head = Buffer.concat(pieces);
  const rest: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => iterator };
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    yield* rest;
  }
  return { head: head.subarray(0, sizeBytes), whole: whole() };
}

/** The source itself, or decompressed when it begins as gzip does. */
async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, whole } = await peek(source, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* whole;
    return;
  }
  const decoder = createGunzip();
  // A failure of the source destroys the decoder with it, and is thrown to whoever reads the decoder.
  pipeline(Readable.from(whole), decoder, () => {});
  try {
    yield* decoder;
  } catch (error) {
    const isBroken = error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
    throw isBroken
      ? new MalformedInputError("the file is not complete and valid gzip", {}, { cause: error })
      : error;
  }
}

const progressStepBytes = 1024 * 1024;

/** Tells the caller how far the source has been read, every mebibyte and at the end; and heeds the signal. */
class ProgressReport {
  readonly #options: ImportOptions;
  readonly #rows: RowAppender;
  #bytes = 0;
  #reportedBytes = 0;

  constructor(options: ImportOptions, rows: RowAppender) {
    this.#options = options;
    this.#rows = rows;
  }

  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      this.#options.signal?.throwIfAborted();
      this.#bytes += piece.length;
      // Copied: streams read ahead, and a piece is valid only until the next is asked for.
      yield Buffer.from(piece);
      if (this.#bytes - this.#reportedBytes >= progressStepBytes) this.report();
    }
  }

  report(): void {
    this.#reportedBytes = this.#bytes;
    this.#options.onProgress?.({ bytes: this.#bytes, samples: this.#rows.sampleCount });
  }
}
