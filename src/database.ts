/**
 * Database: storage and the query engine behind one facade. `openDatabase` is the library's only constructor.
 */

import type {
  BlockExportResult,
  CheckReport,
  Database,
  DatabaseOptions,
  DatabaseStatus,
  DeleteOptions,
  DirectoryImportResult,
  LabelsLike,
  MetadataOptions,
  QueryOptions,
  QueryResult,
  RangeQueryOptions,
  RetentionRule,
  Row,
  SeriesHandle,
  SnapshotOptions,
} from "./api.js";
import { exportText } from "./export/export-text.js";
import { importStream } from "./ingest/import.js";
import { MetadataJournal } from "./ingest/metadata-journal.js";
import { MetadataTable } from "./ingest/metadata-table.js";
import { Pushgateway } from "./ingest/pushgateway/pushgateway.js";
import { Sources } from "./ingest/source/sources.js";
import { openFileStream } from "./local-files.js";
import type { Appender, CommitResult, RejectionListener } from "./model/appendable.js";
import { type Clock, systemClock } from "./model/clock.js";
import { definedOnly } from "./model/defined-only.js";
import { parseDuration } from "./model/duration.js";
import { InvalidArgumentError } from "./model/errors.js";
import type { ExportOptions, ExportSelection } from "./model/exporting.js";
import type { ImportOptions, ImportResult } from "./model/importing.js";
import type { OpenJournal } from "./model/journal.js";
import { Labels } from "./model/labels.js";
import { openedOnce } from "./model/opened-once.js";
import type { Querier } from "./model/queryable.js";
import { parseTime } from "./model/rfc3339.js";
import type { TimeLike } from "./model/sample.js";
import { ALL_TIME, isTimestampMs, type TimeRange, type TimestampMs } from "./model/sample.js";
import { NO_SERIES, type SeriesRef } from "./model/series.js";
import { sortTexts } from "./model/text-order.js";
import { QueryEngine } from "./query/engine.js";
import { parseSelector } from "./query/parser/parse.js";
import type { ScanRequest } from "./storage/block/scan-block.js";
import type { SeriesRetention } from "./storage/compaction/retention-policy.js";
import { checkDirectory } from "./storage/tsdb/check-directory.js";
import { openTsdb, type Tsdb } from "./storage/tsdb.js";

/**
 * Opens (creating it if absent) the database in `options.directory`. Rejects with LockedError when another
 * process has it, StorageError when the directory cannot be used. Broken parts do not keep it from opening:
 * see `Database.describe().losses`.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (typeof options.directory !== "string" || options.directory === "") {
    throw new InvalidArgumentError("openDatabase needs a directory");
  }
  const clock = options.clock ?? systemClock;
  const retentionRules = (options.retentionRules ?? []).map(seriesRetention);
  const tsdb = await openTsdb({ ...options, retentionRules, clock });
  try {
    const metadata = new MetadataTable();
    const metadataJournal = await MetadataJournal.open({
      openJournal: (name, visit) => tsdb.journals.open(name, visit),
      ...{ table: metadata, clock, readOnly: options.readOnly === true },
    });
    const sources = await openSources(tsdb, metadata, options, clock);
    const pushgateway = openedOnce(() => openPushgateway(tsdb, sources, options, clock));
    const engine = engineFor(options, clock);
    const database = new OpenDatabase({
      ...{ tsdb, sources, metadata, metadataJournal, pushgateway, engine, clock },
    });
    if (options.readOnly !== true) await database.keepGroups(options.onEvent);
    return database;
  } catch (error) {
    await tsdb.close();
    throw error;
  }
}

/**
 * That a source cannot be read back is no reason not to open: it will push again. Rejects with InvalidArgumentError when
 * `options.push` is wrong.
 */
async function openSources(
  tsdb: Tsdb,
  metadata: MetadataTable,
  options: DatabaseOptions,
  clock: Clock,
): Promise<Sources> {
  const { lookbackDeltaMs, onEvent, push } = options;
  const onTrouble = (message: string) => onEvent?.({ level: "warning", message });
  const parts = { appendable: tsdb, queryable: tsdb, metadata, clock, onTrouble };
  const sources = new Sources({ ...parts, ...definedOnly({ lookbackDeltaMs }) });
  // Their leases go on in who writes.
  if (options.readOnly !== true) await sources.restore(tsdb.describe().headRange?.maxTime);
  if (push !== undefined) await sources.configure(push.configs, push.budgets);
  return sources;
}

function openPushgateway(
  { journals }: Tsdb,
  keeper: Sources,
  { onEvent }: DatabaseOptions,
  clock: Clock,
): Promise<Pushgateway> {
  const openJournal: OpenJournal = (name, visit) => journals.open(name, visit);
  const onTrouble = (message: string) => onEvent?.({ level: "warning", message });
  return Pushgateway.open({ openJournal, keeper, clock, onTrouble });
}

/**
 * Reads everything in a data directory and tells what is broken and what can still be read. Changes nothing. Rejects
 * with LockedError when a process has the directory, StorageError when there is none.
 */
export async function checkDatabase(
  options: Pick<DatabaseOptions, "directory" | "fileSystem">,
): Promise<CheckReport> {
  const { blocks, wal, notes } = await checkDirectory(options);
  const isSound = [wal, ...blocks].every(({ problems }) => problems.length === 0);
  return { isSound, blocks, log: wal, notes };
}

function seriesRetention({ match, retentionMs }: RetentionRule): SeriesRetention {
  if (!(retentionMs >= 0)) {
    throw new InvalidArgumentError(`the retention of ${match} must be milliseconds, zero or more`);
  }
  return { matchers: parseSelector(match), retentionMs };
}

function engineFor(options: DatabaseOptions, clock: Clock): QueryEngine {
  return new QueryEngine({
    lookbackDeltaMs: options.lookbackDeltaMs ?? 5 * 60_000,
    timeoutMs: options.queryTimeoutMs ?? 2 * 60_000,
    samplesMax: options.querySamplesMax ?? 50_000_000,
    bytesMax: options.queryBytesMax ?? 2 ** 30,
    features: new Set(options.enableFeatures),
    defaultStepMs: 60_000,
    clock,
  });
}

/** As `Database.explain`, without a database. */
export function explainQuery(
  expression: string,
  times: QueryOptions | RangeQueryOptions,
  options: Pick<DatabaseOptions, "enableFeatures" | "lookbackDeltaMs">,
): string {
  const clock = systemClock;
  return explainWith(engineFor({ directory: "", ...options }, clock), expression, times, clock);
}

function explainWith(
  engine: QueryEngine,
  expression: string,
  options: QueryOptions | RangeQueryOptions,
  clock: Clock,
): string {
  if ("start" in options) return engine.explain(expression, toQueryTimes(options), options);
  const time = options.time === undefined ? clock.now() : toTime(options.time);
  return engine.explain(expression, { start: time, end: time, stepMs: 0 }, options);
}

class OpenDatabase implements Database {
  readonly sources: Sources;
  readonly metadata: MetadataTable;
  readonly openJournal: OpenJournal;
  readonly pushgateway: () => Promise<Pushgateway>;
  readonly #tsdb: Tsdb;
  readonly #engine: QueryEngine;
  readonly #clock: Clock;
  readonly #metadataJournal: MetadataJournal;
  #keptGroups: Pushgateway | undefined;

  constructor(parts: {
    readonly tsdb: Tsdb;
    readonly sources: Sources;
    readonly metadata: MetadataTable;
    readonly metadataJournal: MetadataJournal;
    readonly pushgateway: () => Promise<Pushgateway>;
    readonly engine: QueryEngine;
    readonly clock: Clock;
  }) {
    this.#tsdb = parts.tsdb;
    this.#engine = parts.engine;
    this.#clock = parts.clock;
    this.sources = parts.sources;
    this.metadata = parts.metadata;
    this.#metadataJournal = parts.metadataJournal;
    this.pushgateway = parts.pushgateway;
    this.openJournal = (name, visit) => parts.tsdb.journals.open(name, visit);
  }

  /** That groups cannot be read is no reason not to open. */
  async keepGroups(onEvent: DatabaseOptions["onEvent"]): Promise<void> {
    try {
      this.#keptGroups = await this.pushgateway();
    } catch (error) {
      const message =
        "groups of the Pushgateway API could not be read; it is tried again when they are needed";
      onEvent?.({ level: "warning", message, facts: { reason: String(error) } });
    }
  }

  get status(): Database["status"] {
    return this.#tsdb.status;
  }

  appender(onRejected?: RejectionListener): Appender {
    return this.#tsdb.appender(onRejected);
  }

  querier(range: TimeRange): Querier {
    return this.#tsdb.querier(range);
  }

  series(labels: LabelsLike): SeriesHandle {
    const identity = toLabels(labels);
    let ref: SeriesRef = NO_SERIES;
    return {
      labels: identity,
      append: async (value, time) => {
        const appender = this.#tsdb.appender();
        ref = appender.append(ref, identity, this.#timeOr(time), value);
        return appender.commit();
      },
    };
  }

  async append(rows: Iterable<Row>): Promise<CommitResult> {
    const appender = this.#tsdb.appender();
    for (const { labels, samples } of rows) {
      const identity = toLabels(labels);
      let ref: SeriesRef = NO_SERIES;
      for (const { time, value } of samples) ref = appender.append(ref, identity, this.#timeOr(time), value);
    }
    return appender.commit();
  }

  async query(expression: string, options: QueryOptions = {}): Promise<QueryResult> {
    return this.#engine.instant(this.#tsdb, expression, { ...options, time: this.#timeOr(options.time) });
  }

  async queryRange(expression: string, options: RangeQueryOptions): Promise<QueryResult> {
    return this.#engine.range(this.#tsdb, expression, { ...options, ...toQueryTimes(options) });
  }

  explain(expression: string, options: QueryOptions | RangeQueryOptions = {}): string {
    return explainWith(this.#engine, expression, options, this.#clock);
  }

  async findSeries(options: MetadataOptions): Promise<readonly Labels[]> {
    const found = await this.#withSelections(options, (querier, matchers) =>
      querier.select(matchers, { labelsOnly: true }).then((series) => series.map(({ labels }) => labels)),
    );
    const unique = new Map(found.flat().map((labels) => [labels.key(), labels]));
    return [...unique.values()].sort((a, b) => a.compare(b));
  }

  async labelNames(options: MetadataOptions = {}): Promise<readonly string[]> {
    return union(await this.#withSelections(options, (querier, matchers) => querier.labelNames(matchers)));
  }

  async labelValues(name: string, options: MetadataOptions = {}): Promise<readonly string[]> {
    return union(
      await this.#withSelections(options, (querier, matchers) => querier.labelValues(name, matchers)),
    );
  }

  async import(
    source: string | AsyncIterable<Uint8Array>,
    options: ImportOptions = {},
  ): Promise<ImportResult> {
    const appender = this.#tsdb.bulkAppender();
    const settings = { ...options, appender, now: this.#clock.now() };
    if (typeof source !== "string") return importStream(source, settings);
    const { stream } = await openFileStream(source);
    return importStream(stream, { ...settings, fileName: source });
  }

  importDirectory(directory: string): Promise<DirectoryImportResult> {
    return this.#tsdb.exchange.importDirectory(directory);
  }

  export({ format, ...selection }: ExportOptions): AsyncIterable<Uint8Array> {
    const series = this.#tsdb.exchange.samples(scanRequest(selection));
    return exportText(format, series, () => this.labelNames(selection));
  }

  async exportBlocks(directory: string, selection: ExportSelection = {}): Promise<BlockExportResult> {
    const metas = await this.#tsdb.exchange.exportBlocks(scanRequest(selection), directory);
    return { blocks: metas.length, samples: metas.reduce((sum, { stats }) => sum + stats.numSamples, 0) };
  }

  async snapshot(options: SnapshotOptions = {}): Promise<string> {
    return (await this.#tsdb.exchange.snapshot(options)).directory;
  }

  async deleteSeries({
    match,
    minTime = ALL_TIME.minTime,
    maxTime = ALL_TIME.maxTime,
  }: DeleteOptions): Promise<void> {
    if (match.length === 0) throw new InvalidArgumentError("a deletion needs a selector of what to delete");
    for (const matchers of match.map(parseSelector))
      await this.#tsdb.deleteSeries(matchers, { minTime, maxTime });
  }

  async clean(): Promise<void> {
    await this.#tsdb.clean();
  }

  async runMaintenance(): Promise<void> {
    await this.#tsdb.runMaintenance();
  }

  describe(): DatabaseStatus {
    return this.#tsdb.describe();
  }

  async close(): Promise<void> {
    await this.#keptGroups?.close();
    await this.sources.close();
    await this.#metadataJournal.close();
    await this.#tsdb.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #timeOr(time: TimeLike | undefined): TimestampMs {
    return time === undefined ? this.#clock.now() : toTime(time);
  }

  /** Runs `read` for every selector of `match` (once, without matchers, when there is none) on one read view. */
  async #withSelections<T>(
    { match = [], minTime = ALL_TIME.minTime, maxTime = ALL_TIME.maxTime }: MetadataOptions,
    read: (querier: Querier, matchers: ReturnType<typeof parseSelector>) => Promise<T>,
  ): Promise<T[]> {
    const selectors = match.length === 0 ? [[]] : match.map(parseSelector);
    const querier = this.#tsdb.querier({ minTime, maxTime });
    try {
      return await Promise.all(selectors.map((matchers) => read(querier, matchers)));
    } finally {
      querier.close();
    }
  }
}

function scanRequest({
  match = [],
  minTime = ALL_TIME.minTime,
  maxTime = ALL_TIME.maxTime,
}: ExportSelection): ScanRequest {
  return { selectors: match.map(parseSelector), range: { minTime, maxTime } };
}

function toLabels(labels: LabelsLike): Labels {
  return labels instanceof Labels ? labels : Labels.from(labels as Readonly<Record<string, string>>);
}

function toTime(time: TimeLike): TimestampMs {
  const ms = typeof time === "string" ? parseTime(time) : Number(time);
  if (ms === undefined || !isTimestampMs(ms)) {
    const shown = typeof time === "string" ? JSON.stringify(time) : String(time);
    throw new InvalidArgumentError(
      `${shown} is no time: give integer milliseconds, a Date, or text such as "2026-01-31" or "2026-01-31T10:00:00Z"`,
    );
  }
  return ms;
}

function toQueryTimes(options: RangeQueryOptions) {
  const start = toTime(options.start);
  const end = toTime(options.end);
  const stepMs = typeof options.step === "number" ? options.step : parseDuration(options.step);
  if (stepMs === undefined || !(stepMs > 0)) {
    throw new InvalidArgumentError(
      `the step must be milliseconds or a duration such as "1m", more than zero`,
    );
  }
  if (end < start) throw new InvalidArgumentError("the end must not be before the start");
  return { start, end, stepMs };
}

function union(lists: readonly (readonly string[])[]): readonly string[] {
  return lists.length === 1 ? lists[0]! : sortTexts([...new Set(lists.flat())]);
}
