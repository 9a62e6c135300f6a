/**
 * DatabaseDouble: a Database that answers what a test tells it to, and keeps what it was asked and given. For
 * tests of how results and failures are shown, which a real database would have to be brought to.
 */

import type {
  BlockExportResult,
  Database,
  DatabaseStatus,
  DeleteOptions,
  DirectoryImportResult,
  MetadataOptions,
  QueryOptions,
  QueryResult,
  RangeQueryOptions,
  SeriesHandle,
  SnapshotOptions,
} from "../../src/api.js";
import { MetadataTable } from "../../src/ingest/metadata-table.js";
import { Pushgateway } from "../../src/ingest/pushgateway/pushgateway.js";
import { Sources } from "../../src/ingest/source/sources.js";
import type { Appender, CommitResult } from "../../src/model/appendable.js";
import { assert } from "../../src/model/assert.js";
import type { Clock } from "../../src/model/clock.js";
import type { ImportOptions, ImportResult } from "../../src/model/importing.js";
import type { Labels } from "../../src/model/labels.js";
import { openedOnce } from "../../src/model/opened-once.js";
import type { Querier } from "../../src/model/queryable.js";
import { NO_SERIES } from "../../src/model/series.js";
import { Journals } from "../../src/storage/journal.js";
import { FakeClock } from "./fake-clock.js";
import { MemFileSystem } from "./mem-file-system.js";

export const emptyStatus: DatabaseStatus = {
  headSeries: 0,
  headChunks: 0,
  headSamples: 0,
  headRange: undefined,
  walBytes: 0,
  blocks: [],
  leftBytes: 0,
  losses: [],
  writeTrouble: undefined,
};

export const emptyImport: ImportResult = {
  series: 0,
  samples: 0,
  malformed: { count: 0, first: [] },
  rejected: new Map(),
  timeRange: undefined,
  metricNames: [],
};

export const emptyVector: QueryResult = { type: "vector", series: [], warnings: [], infos: [] };

export class DatabaseDouble implements Database {
  status: Database["status"] = "open";
  readonly sources: Sources;
  readonly metadata = new MetadataTable();
  readonly #journals: Journals;
  /** What deletions asked for; "clean" for a cleaning. */
  readonly deletions: (DeleteOptions | "clean")[] = [];
  /** What snapshots were asked for. */
  readonly snapshots: SnapshotOptions[] = [];
  /** What was committed, one line a sample: `labels value @time`. */
  readonly samples: string[] = [];

  answerQuery: (expression: string, options: QueryOptions) => QueryResult | Promise<QueryResult> = () =>
    emptyVector;
  answerRange: (expression: string, options: RangeQueryOptions) => QueryResult | Promise<QueryResult> = () =>
    emptyVector;
  answerExplain: (expression: string, options: QueryOptions | RangeQueryOptions) => string = () => "";
  answerSeries: (options: MetadataOptions) => readonly Labels[] = () => [];
  answerNames: (options: MetadataOptions) => readonly string[] = () => [];
  answerValues: (name: string, options: MetadataOptions) => readonly string[] = () => [];
  answerImport: (text: string, options: ImportOptions) => ImportResult = () => emptyImport;
  answerStatus: () => DatabaseStatus = () => emptyStatus;
  /** What a commit of so many samples comes to. May throw. */
  answerCommit: (samples: number) => CommitResult | Promise<CommitResult> = (samples) => ({
    appended: samples,
    rejected: new Map(),
  });

  readonly #clock: Clock;

  constructor(clock: Clock = new FakeClock()) {
    this.#clock = clock;
    this.sources = new Sources({ appendable: this, clock, metadata: this.metadata });
    const disk = { fileSystem: new MemFileSystem(), directory: "data", durabilityIntervalMs: 0 };
    this.#journals = new Journals({ ...disk, durability: "none", clock, onLoss: () => {} });
  }

  readonly openJournal: Database["openJournal"] = (name, visit) => this.#journals.open(name, visit);

  readonly pushgateway = openedOnce(() =>
    Pushgateway.open({ openJournal: this.openJournal, keeper: this.sources, clock: this.#clock }),
  );

  async query(expression: string, options: QueryOptions = {}): Promise<QueryResult> {
    return this.answerQuery(expression, options);
  }

  async queryRange(expression: string, options: RangeQueryOptions): Promise<QueryResult> {
    return this.answerRange(expression, options);
  }

  explain(expression: string, options: QueryOptions | RangeQueryOptions = {}): string {
    return this.answerExplain(expression, options);
  }

  async findSeries(options: MetadataOptions): Promise<readonly Labels[]> {
    return this.answerSeries(options);
  }

  async labelNames(options: MetadataOptions = {}): Promise<readonly string[]> {
    return this.answerNames(options);
  }

  async labelValues(name: string, options: MetadataOptions = {}): Promise<readonly string[]> {
    return this.answerValues(name, options);
  }

  async import(
    source: string | AsyncIterable<Uint8Array>,
    options: ImportOptions = {},
  ): Promise<ImportResult> {
    if (typeof source === "string") return this.answerImport(source, options);
    const pieces: Uint8Array[] = [];
    for await (const piece of source) pieces.push(piece);
    return this.answerImport(Buffer.concat(pieces).toString(), options);
  }

  appender(): Appender {
    const staged: string[] = [];
    return {
      append: (_ref, labels, time, value) => {
        staged.push(`${labels} ${value} @${time}`);
        return NO_SERIES;
      },
      appendStale: (_ref, labels, time) => {
        staged.push(`${labels} stale @${time}`);
        return NO_SERIES;
      },
      // No refs are given, so none is known.
      appendColumns: ({ length }) => Array.from({ length }, (_, row) => row),
      commit: async () => {
        const result = await this.answerCommit(staged.length);
        this.samples.push(...staged.splice(0));
        return result;
      },
      rollback: () => staged.splice(0),
    };
  }

  describe(): DatabaseStatus {
    return this.answerStatus();
  }

  series(): SeriesHandle {
    return assert(false, "the code under test does not use series handles") as never;
  }

  append(): Promise<CommitResult> {
    return assert(false, "the code under test does not append rows") as never;
  }

  querier(): Querier {
    return assert(false, "the code under test does not read samples itself") as never;
  }

  async runMaintenance(): Promise<void> {}

  importDirectory(): Promise<DirectoryImportResult> {
    return assert(false, "the code under test does not import directories") as never;
  }

  export(): AsyncIterable<Uint8Array> {
    return assert(false, "the code under test does not export") as never;
  }

  exportBlocks(): Promise<BlockExportResult> {
    return assert(false, "the code under test does not export blocks") as never;
  }

  async snapshot(options: SnapshotOptions = {}): Promise<string> {
    this.snapshots.push(options);
    return options.directory ?? "data/snapshots/20260102T030405Z-x";
  }

  async deleteSeries(options: DeleteOptions): Promise<void> {
    this.deletions.push(options);
  }

  async clean(): Promise<void> {
    this.deletions.push("clean");
  }

  async close(): Promise<void> {
    this.status = "closed";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
