/**
 * csvRecords: the records of a CSV file, by csv-parse, with the line that each ends on.
 */

import { pipeline, Readable } from "node:stream";
import { type CsvError, type Info, parse } from "csv-parse";
import { LimitExceededError, MalformedInputError } from "../../model/errors.js";
import type { IngestLimits } from "../limits.js";
import type { MalformedRows } from "../row-appender.js";

export interface CsvRecord {
  readonly cells: readonly string[];
  /** The record's last line, from 1. */
  readonly line: number;
}

/**
 * Skips empty lines; fields are trimmed, and as many as the line has. A quote that is never closed is counted as
 * malformed; a record beyond the limit throws.
 */
export async function* csvRecords(
  source: AsyncIterable<Uint8Array>,
  delimiter: string,
  { malformed, limits }: { readonly malformed: MalformedRows; readonly limits: IngestLimits },
): AsyncGenerator<CsvRecord> {
  let failure: CsvError | undefined;
  const parser = parse({
    delimiter,
    bom: true,
    info: true,
    trim: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: limits.lineSizeBytes,
    skip_records_with_error: true,
    on_skip: (error) => {
      failure ??= error;
      return undefined;
    },
  });
  // A failure of the source destroys the parser with it, and is thrown to whoever reads the parser.
  pipeline(Readable.from(source), parser, () => {});
  for await (const item of parser) {
    const { record, info } = item as { readonly record: readonly string[]; readonly info: Info };
    if (failure !== undefined && failure.code !== unclosedQuote) throw csvFailure(failure, limits);
    yield { cells: record, line: info.lines };
  }
  if (failure === undefined) return;
  if (failure.code !== unclosedQuote) throw csvFailure(failure, limits);
  malformed.add(lineOf(failure), "a quote is opened and not closed before the end of the file");
}

const unclosedQuote = "CSV_QUOTE_NOT_CLOSED";

function csvFailure(error: CsvError, limits: IngestLimits): LimitExceededError | MalformedInputError {
  const line = lineOf(error);
  if (error.code === "CSV_MAX_RECORD_SIZE")
    return new LimitExceededError(
      `the row at line ${line} is longer than the limit lineSizeBytes of ${limits.lineSizeBytes}; is a quote not closed?`,
    );
  return new MalformedInputError(`line ${line}: ${error.message}`, { line }, { cause: error });
}

function lineOf(error: CsvError): number {
  return Number(error.lines ?? 0);
}
