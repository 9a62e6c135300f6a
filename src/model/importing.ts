/**
 * What an import takes and gives: the contract between the database, its front ends and ingest.
 */

import type { CommitResult } from "./appendable.js";
import type { TimeLike, TimeRange } from "./sample.js";

/** How to read an import. Without `format` it is told from the file's name, else from its first bytes. */
export interface ImportOptions {
  readonly format?: "csv" | "openmetrics" | "prometheus" | "jsonl";
  readonly csv?: CsvOptions;
  /** Put before each metric name. */
  readonly metricPrefix?: string;
  /** Added to every series; a label of the row wins. */
  readonly labels?: Readonly<Record<string, string>>;
  /** For samples without a time of their own. Default now. */
  readonly defaultTime?: TimeLike;
  readonly onProgress?: (progress: ImportProgress) => void;
  readonly signal?: AbortSignal;
}

/** The roles of CSV columns. What is left out is guessed from the header and the first rows. */
export interface CsvOptions {
  /** One character; guessed among comma, semicolon, tab and pipe. */
  readonly delimiter?: string;
  /** Whether the first row names the columns; else they are `column_1`, `column_2` and so on. Guessed. */
  readonly hasHeader?: boolean;
  readonly timeColumn?: string;
  /** `unix-s`, `unix-ms`, `unix-us`, `unix-ns`, `rfc3339`, or a pattern as `yyyy-MM-dd HH:mm`; guessed. */
  readonly timeFormat?: string;
  /** Minutes east of UTC for times that name no zone. Default 0. */
  readonly utcOffsetMinutes?: number;
  /** Columns that become labels: by name, or renamed (column to label). */
  readonly labelColumns?: Readonly<Record<string, string>>;
  /** Columns that become metrics: column to metric name. */
  readonly valueColumns?: Readonly<Record<string, string>>;
}

export interface ImportProgress {
  readonly bytes: number;
  readonly samples: number;
}

export interface ImportResult {
  readonly series: number;
  readonly samples: number;
  /** Rows or lines that could not be read, the first hundred of them named. */
  readonly malformed: { readonly count: number; readonly first: readonly MalformedRow[] };
  readonly rejected: CommitResult["rejected"];
  readonly timeRange: TimeRange | undefined;
  /** Names of the metrics imported, sorted, a thousand at most. */
  readonly metricNames: readonly string[];
}

export interface MalformedRow {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
}
