/**
 * The public types of a database: what `openDatabase` takes and gives. `database.ts` implements them.
 */

import type { PushGate, SeriesKeeper } from "./ingest/push/push.js";
import type { Pushgateway } from "./ingest/pushgateway/pushgateway.js";
import type { PushBudgets, PushConfig } from "./ingest/source/push-config.js";
import type { RefusedAdmission, SourceStatus } from "./ingest/source/source-status.js";
import type { Appendable, CommitResult } from "./model/appendable.js";
import type { Clock } from "./model/clock.js";
import type { ExportOptions, ExportSelection } from "./model/exporting.js";
import type { ImportOptions, ImportResult } from "./model/importing.js";
import type { OpenJournal } from "./model/journal.js";
import type { Labels } from "./model/labels.js";
import type { MetadataReader, MetadataSink } from "./model/metric-metadata.js";
import type { Queryable } from "./model/queryable.js";
import type { TimeLike, TimeRange, TimestampMs } from "./model/sample.js";
import type { BlockEncoding } from "./model/series.js";
import type { FileSystem } from "./storage/fs/file-system.js";

/** When an acknowledged write is safe from a crash of the machine. Every mode survives a kill of the process. */
export type Durability =
  /** Before the acknowledgement it is on the disk, by one write for all commits that wait. The default. */
  | "commit"
  /** At most `durabilityIntervalMs` later. */
  | "interval"
  /** Whenever the operating system writes it. */
  | "none";

export interface DatabaseOptions {
  /** Created when absent. One process at a time. */
  readonly directory: string;
  /**
   * Changes nothing in the directory, which must exist: it may lie on a medium that cannot be written to. There is no
   * maintenance, and whatever would write rejects with InvalidArgumentError. Default false.
   */
  readonly readOnly?: boolean;
  /** Default "commit". */
  readonly durability?: Durability;
  /** For durability "interval". Default 100. */
  readonly durabilityIntervalMs?: number;
  /** The length of the newest blocks. Default 2 hours. */
  readonly blockDurationMs?: number;
  /**
   * How blocks encode samples. "adaptive": dense chunks wherever they are smaller, a third of the bytes for most
   * series; neither Prometheus nor promtool read them. "gorilla": XOR chunks alone, for who copies blocks into a
   * Prometheus or a bucket. Blocks with either can always be read; one that exists changes with its next compaction.
   * An export of Prometheus blocks has XOR chunks either way. Default "adaptive".
   */
  readonly blockEncoding?: BlockEncoding;
  /**
   * How long samples are kept, unless a rule says otherwise. Samples that are older are rejected as "too-old"; what is
   * stored is dropped once the block that has it lies past this as a whole, and can be read until then. Default 0:
   * for ever.
   */
  readonly retentionMs?: number;
  /**
   * How long the samples of some series are kept, shorter or longer than `retentionMs`: the first rule whose selector
   * matches a series counts. Default none.
   */
  readonly retentionRules?: readonly RetentionRule[];
  /** The oldest blocks are dropped while blocks and log take more bytes than this. Default 0: no limit. */
  readonly retentionSizeBytes?: number;
  /** How far back an instant selector reaches; the lower end is excluded. Default 5 minutes. */
  readonly lookbackDeltaMs?: number;
  /** Default 2 minutes. */
  readonly queryTimeoutMs?: number;
  /** Samples that one query may hold. Default 50,000,000. */
  readonly querySamplesMax?: number;
  /** Bytes of chunks and columns that one query may hold. Default 1 GiB. */
  readonly queryBytesMax?: number;
  /** Names of Prometheus feature flags of the query language, as `promql-experimental-functions`. */
  readonly enableFeatures?: readonly string[];
  /** Who may push, from the start: see `PushSources.configure`. Default: this machine, whatever it likes. */
  readonly push?: { readonly configs: readonly PushConfig[]; readonly budgets?: Partial<PushBudgets> };
  /**
   * Threads that may be used beside the one of the caller, so that merging blocks stalls neither writes nor queries.
   * Default 1. With 0, or in a bundle that lacks the thread's file, merging takes its turns on the caller's thread.
   */
  readonly workers?: number;
  /** For tests and simulation. */
  readonly clock?: Clock;
  /** For tests and simulation. */
  readonly fileSystem?: FileSystem;
  /** Called for what an operator should know: repairs at open, cuts, failures. Must not throw. */
  readonly onEvent?: (event: DatabaseEvent) => void;
}

/** How long the samples of some series are kept. */
export interface RetentionRule {
  /** A selector, as `{job="debug"}`. */
  readonly match: string;
  /** 0 keeps for ever. */
  readonly retentionMs: number;
}

/** Something that an operator should know, as a sentence with its facts. */
export interface DatabaseEvent {
  readonly level: "info" | "warning" | "error";
  readonly message: string;
  readonly facts?: Readonly<Record<string, string | number>>;
}

/** A duration: milliseconds, or text as `5m`, `1h30m`. */
export type DurationLike = number | string;
export type LabelsLike = Labels | Readonly<Record<string, string>>;

/** Samples of one series for `Database.append`. A sample without `time` is of now. */
export interface Row {
  readonly labels: LabelsLike;
  readonly samples: Iterable<{ readonly time?: TimeLike; readonly value: number }>;
}

export interface QueryOptions {
  /** Default now. */
  readonly time?: TimeLike;
  readonly timeoutMs?: number;
  readonly lookbackDeltaMs?: number;
  readonly signal?: AbortSignal;
}

export interface RangeQueryOptions extends Omit<QueryOptions, "time"> {
  /** First step, inclusive. */
  readonly start: TimeLike;
  /** Last step at the most, inclusive. */
  readonly end: TimeLike;
  /** Between steps, more than zero. */
  readonly step: DurationLike;
}

export type QueryResult = (VectorResult | MatrixResult | ScalarResult | StringResult) & {
  /** Annotations, as Prometheus words them. */
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
};

/** One value per series, all at one time. */
export interface VectorResult {
  readonly type: "vector";
  readonly series: readonly { readonly labels: Labels; readonly time: TimestampMs; readonly value: number }[];
}

/** Columns per series, in label order. `times` and `values` have equal lengths; steps without a value are absent. */
export interface MatrixResult {
  readonly type: "matrix";
  readonly series: readonly {
    readonly labels: Labels;
    readonly times: Float64Array;
    readonly values: Float64Array;
  }[];
}

export interface ScalarResult {
  readonly type: "scalar";
  readonly time: TimestampMs;
  readonly value: number;
}

export interface StringResult {
  readonly type: "string";
  readonly time: TimestampMs;
  readonly value: string;
}

/** One series, held for repeated appends without a look-up of its labels. Valid until the database is closed. */
export interface SeriesHandle {
  readonly labels: Labels;
  /** Appends one sample, of now unless `time` is given. Resolves when durable, with what became of it. */
  append(value: number, time?: TimeLike): Promise<CommitResult>;
}

export interface MetadataOptions extends Partial<TimeRange> {
  /** Selectors as text, as `up{job="x"}`; a series that any of them selects counts. Default all series. */
  readonly match?: readonly string[];
}

export interface DeleteOptions extends Partial<TimeRange> {
  /** Selectors as text, as `up{job="x"}`, at least one; a series that any of them selects is meant. */
  readonly match: readonly string[];
}

/** Who pushes: identities, leases and budgets. */
export interface PushSources extends PushGate, SeriesKeeper {
  /**
   * Says who may push what, in place of what was said before. Sources of jobs that are gone end. With an empty list
   * only this machine may push, whatever it likes. Throws InvalidArgumentError, and then nothing has changed.
   */
  configure(configs: readonly PushConfig[], budgets?: Partial<PushBudgets>): Promise<void>;
  /** All that is known of sources, by job and instance. */
  list(): readonly SourceStatus[];
  /** The last pushes that were not admitted, newest first. */
  refusedAdmissions(): readonly RefusedAdmission[];
}

export interface Database extends Appendable, Queryable, AsyncDisposable {
  readonly status: "open" | "closing" | "closed" | "poisoned";
  readonly sources: PushSources;
  /** What metrics are, as pushes and scrapes have told. Bounded; kept over a restart. */
  readonly metadata: MetadataReader & MetadataSink;
  /**
   * Groups of the Pushgateway API. They go on, and end when they are over, for as long as the database is open, whether or
   * not anybody pushes.
   */
  readonly pushgateway: () => Promise<Pushgateway>;
  /** Opens a small durable list of records beside the samples, for state that is no series. */
  readonly openJournal: OpenJournal;
  /** A handle on the series with these labels; it is created by the first append. */
  series(labels: LabelsLike): SeriesHandle;
  /** Appends a batch as one transaction. Resolves when durable, with counts. */
  append(rows: Iterable<Row>): Promise<CommitResult>;
  /** Evaluates at one time. Throws ParseError, QueryError (limits, timeout, not implemented yet). */
  query(expression: string, options?: QueryOptions): Promise<QueryResult>;
  /** Evaluates at every step from start to end. */
  queryRange(expression: string, options: RangeQueryOptions): Promise<QueryResult>;
  /** How an expression would be evaluated, and what it would load, as text. Nothing is read. */
  explain(expression: string, options?: QueryOptions | RangeQueryOptions): string;
  /** Label sets of the series that match, in label order. */
  findSeries(options: MetadataOptions): Promise<readonly Labels[]>;
  labelNames(options?: MetadataOptions): Promise<readonly string[]>;
  labelValues(name: string, options?: MetadataOptions): Promise<readonly string[]>;
  /**
   * Imports a file, by path, or bytes, straight into blocks: any age, any order, visible when it resolves, all of
   * a block or none of it. Rows that cannot be read are counted and the first ones named.
   */
  import(source: string | AsyncIterable<Uint8Array>, options?: ImportOptions): Promise<ImportResult>;
  /**
   * Imports everything that is in another data directory: a snapshot, a database that no process has, or the folder
   * of a Prometheus that is not running, its log and head chunks included. It is only read; its blocks are linked
   * where the file system can. What blocks have here already counts before what is
   * imported, and that before what is not in blocks yet, as a rule the last two hours.
   */
  importDirectory(directory: string): Promise<DirectoryImportResult>;
  /**
   * The selected samples as bytes of a text format, series by series in label order, with little memory. They are
   * those of one moment. Rejects with ClosedError when the database is closed before everything was read.
   */
  export(options: ExportOptions): AsyncIterable<Uint8Array>;
  /**
   * The selected samples as blocks that a Prometheus reads, written into `directory`, which is created when absent:
   * all blocks or none.
   */
  exportBlocks(directory: string, selection?: ExportSelection): Promise<BlockExportResult>;
  /**
   * Makes a directory, which must not exist or be empty, a database with what is readable now, all of it or nothing.
   * Blocks are shared by hard links where the file system can, so that it costs little time and space. Returns the
   * path of the directory.
   */
  snapshot(options?: SnapshotOptions): Promise<string>;
  /**
   * Deletes the samples between `minTime` and `maxTime` (both inclusive, default all time) of the series that match.
   * Resolves when that is as durable as an append; what is appended afterwards is there, also at the same times.
   * When it rejects, a part may be deleted. The bytes are freed by and by, or by `clean`.
   */
  deleteSeries(options: DeleteOptions): Promise<void>;
  /** Frees the bytes of deleted samples now, and forgets labels that only deleted series had. */
  clean(): Promise<void>;
  /**
   * One pass of maintenance: cuts what is complete into blocks, compacts blocks, drops what is kept no longer.
   * Normally driven by a timer.
   */
  runMaintenance(): Promise<void>;
  /** Numbers about what is stored. */
  describe(): DatabaseStatus;
  /** Finishes what is in flight, cuts nothing, releases the directory. May be called again. */
  close(): Promise<void>;
}

export interface DirectoryImportResult {
  /** Blocks taken over as they are. */
  readonly blocks: number;
  /** Samples in these blocks, deleted ones included. */
  readonly blockSamples: number;
  /** Samples of blocks that are broken in part: all that could be read. */
  readonly salvagedSamples: number;
  /** Samples that were not in blocks yet. */
  readonly headSamples: number;
  /** What could not be read and was left out, as sentences. */
  readonly losses: readonly string[];
}

export interface BlockExportResult {
  readonly blocks: number;
  readonly samples: number;
}

export interface SnapshotOptions {
  /** Default a new one under `snapshots/` of the data directory, named by the time. */
  readonly directory?: string;
  /** Leave out what is not in blocks yet. Default false. */
  readonly skipHead?: boolean;
}

export interface DatabaseStatus {
  readonly headSeries: number;
  readonly headChunks: number;
  readonly headSamples: number;
  /** Of the head; undefined when it is empty. */
  readonly headRange: TimeRange | undefined;
  readonly walBytes: number;
  readonly blocks: readonly BlockStatus[];
  /** Of blocks that left the database and take space until an export that began before is done. */
  readonly leftBytes: number;
  /** What was lost or set aside at open, in words; empty after a clean start. */
  readonly losses: readonly string[];
  /** Why writes are refused, as the last one was; undefined while they succeed. */
  readonly writeTrouble: WriteTrouble | undefined;
}

export interface WriteTrouble {
  /** "refused": the next write is tried again. "poisoned": none is, until the database is opened again. */
  readonly kind: "refused" | "poisoned";
  readonly since: TimestampMs;
  readonly reason: string;
}

/** What `checkDatabase` found. */
export interface CheckReport {
  /** Whether nothing is broken. */
  readonly isSound: boolean;
  readonly blocks: readonly CheckedBlock[];
  readonly log: CheckedLog;
  /** What may be of interest and is no damage: overlaps, leftovers of a crash, blocks set aside. */
  readonly notes: readonly string[];
}

export interface CheckedBlock {
  readonly ulid: string;
  /** Both inclusive; undefined when `meta.json` cannot be read. */
  readonly range: TimeRange | undefined;
  /** Series and samples that can be read. */
  readonly series: number;
  readonly samples: number;
  readonly problems: readonly CheckProblem[];
}

export interface CheckedLog {
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  /** Of the records that can be read. */
  readonly samples: number;
  readonly problems: readonly CheckProblem[];
}

/** One thing that is broken, with its file and, where known, the byte. */
export interface CheckProblem {
  readonly file: string;
  readonly offset: number | undefined;
  readonly message: string;
}

export interface BlockStatus {
  readonly ulid: string;
  /** Both inclusive. */
  readonly range: TimeRange;
  readonly series: number;
  readonly samples: number;
  readonly bytes: number;
}
