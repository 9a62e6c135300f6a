/**
 * Tsdb: the storage of one data directory. Head, log and blocks behind one reader and one writer.
 *
 * Lifetime: `openTsdb` takes the directory's lock, sets broken parts aside and replays the log; `close` waits for
 * what is in flight and gives the lock back. After a failed write of the log it is poisoned: reads go on, writes
 * are refused until it is opened again.
 */

import type { Appendable, Appender, RejectionListener } from "../model/appendable.js";
import { ClosedError, InvalidArgumentError, PoisonedError } from "../model/errors.js";
import type { Matcher } from "../model/matcher.js";
import type { Querier, Queryable } from "../model/queryable.js";
import type { TimeRange, TimestampMs } from "../model/sample.js";
import type { BlockMeta } from "./block/block-meta.js";
import type { BlockReader } from "./block/block-reader.js";
import { increasingClock, type UlidSource, ulidSource } from "./block/ulid.js";
import { ByteWriter } from "./codec/byte-writer.js";
import type { BulkAppender, BulkAppenderOptions } from "./compaction/bulk-appender.js";
import type { CutOptions } from "./compaction/cut-blocks.js";
import { alignedStart, DEFAULT_BLOCK_SAMPLES_MAX } from "./compaction/plan-block-ranges.js";
import { RetentionPolicy } from "./compaction/retention-policy.js";
import { walPath } from "./fs/data-directory.js";
import type { AgeLimit } from "./head/age-limit.js";
import { HeadAppender, type LogTransaction } from "./head/head-appender.js";
import { HeadQuerier } from "./head/head-querier.js";
import type { Journals } from "./journal.js";
import { type CutParts, checkpointHead, cutHead, planCut, planTrim, releaseLog } from "./maintenance.js";
import { BlockSet } from "./tsdb/block-set.js";
import { blockMergerFor, Compactor } from "./tsdb/compactor.js";
import { Exchange } from "./tsdb/exchange.js";
import { heldRanges, type OpenParts, openParts } from "./tsdb/open-parts.js";
import { OpenWork, TrackedBulkAppender } from "./tsdb/open-work.js";
import { Retention } from "./tsdb/retention.js";
import { type TsdbOptions, type TsdbStatus, withDefaults } from "./tsdb/tsdb-options.js";
import { type StoragePart, TsdbQuerier } from "./tsdb-querier.js";
import { encodeWalRecord, type LoggedRecord } from "./wal/wal-record.js";

/** Between two passes of maintenance. */
const maintenanceIntervalMs = 60_000;
/** Imported samples of the newest windows keep to the windows that cuts will have. */
const recentWindows = 3;
/** A buffer that a record has made larger is not kept. */
const recordBufferSizeMaxBytes = 16 * 1024 * 1024;

/**
 * Opens, creating it if absent, the database in `options.directory`. Rejects with LockedError when another process
 * has it, and StorageError when the directory cannot be used. What is broken in it is set aside and told: see
 * `Tsdb.describe().losses`.
 */
export async function openTsdb(options: TsdbOptions): Promise<Tsdb> {
  return new Tsdb(await openParts(withDefaults(options)));
}

export class Tsdb implements Appendable, Queryable {
  /** Snapshots, exports, imports of directories. */
  readonly exchange: Exchange;
  readonly journals: Journals;
  readonly index: NonNullable<Appendable["index"]>;
  readonly #parts: OpenParts;
  readonly #newUlid: UlidSource;
  #recordBuffer = new ByteWriter(64 * 1024);
  readonly #work = new OpenWork();
  readonly #blocks: BlockSet;
  readonly #policy: RetentionPolicy;
  readonly #retention: Retention;
  readonly #compactor: Compactor;
  #lastCutEnd: TimestampMs;
  /** The last of the changes that come one at a time: cuts, compactions, retention, deletions. */
  #lastChange: Promise<unknown> = Promise.resolve();
  #cancelTimer: () => void = () => {};
  #state: "open" | "closing" | "closed" = "open";
  #closing: Promise<void> | undefined;

  /** For `openTsdb`. */
  constructor(parts: OpenParts) {
    const { settings, blocks, cache } = parts;
    const { fileSystem, directory, blockDurationMs, clock, onEvent } = settings;
    this.#parts = parts;
    this.journals = parts.journals;
    this.index = parts.head.index;
    const names = blocks.map(({ meta }) => meta.ulid);
    this.#newUlid = ulidSource(increasingClock(clock, names), settings.randomBytes);
    this.#blocks = new BlockSet(fileSystem, directory, { blocks, cache, newUlid: this.#newUlid });
    this.#lastCutEnd = lastCutEnd(blocks, blockDurationMs);
    this.#policy = new RetentionPolicy({ rules: settings.retentionRules, retentionMs: settings.retentionMs });
    this.#retention = this.#makeRetention();
    this.#compactor = new Compactor({
      blocks: this.#blocks,
      newUlid: this.#newUlid,
      merger: blockMergerFor(settings),
      options: {
        blockDurationMs,
        durationMaxMs: (end) => this.#policy.blockDurationMaxMs(end, { now: clock.now(), blockDurationMs }),
      },
      thinned: () => this.#retention.thinned,
      encoding: settings.blockEncoding,
      onEvent,
      releaseLog: (sources) => releaseLog(this.#cutParts(), sources),
    });
    this.exchange = this.#makeExchange();
    if (!settings.readOnly) this.#scheduleMaintenance();
  }

  get status(): "open" | "closing" | "closed" | "poisoned" {
    return this.#state === "open" && this.#parts.wal.poisoned ? "poisoned" : this.#state;
  }

  appender(onRejected?: RejectionListener): Appender {
    this.#assertWritable();
    const log: LogTransaction = (transaction) => this.#log(transaction);
    return new HeadAppender(this.#parts.head, log, this.#ageLimit(), onRejected);
  }

  /** An appender for samples of any age and any number, straight to blocks. They appear together, at commit. */
  bulkAppender(): BulkAppender {
    this.#assertWritable();
    const { fileSystem, directory } = this.#parts.settings;
    const publish = (metas: readonly BlockMeta[]) => this.#blocks.publish(metas);
    const options: BulkAppenderOptions = {
      ...this.#cutOptions(),
      fileSystem,
      directory,
      publish,
      ageLimit: this.#ageLimit(),
    };
    return new TrackedBulkAppender(options, this.#work, () => {
      this.#assertOpen();
      this.#assertNotPoisoned();
    });
  }

  querier(range: TimeRange): Querier {
    this.#assertOpen();
    return new TsdbQuerier(range, (read) =>
      this.#track(() => this.#blocks.read((blocks) => read(this.#storageParts(blocks)))),
    );
  }

  /**
   * Deletes the samples in `range` of the series that all matchers accept. Resolves when that is as durable as a
   * commit; samples that are committed afterwards are there, also at the same times. When it rejects, a part may
   * be deleted.
   */
  async deleteSeries(matchers: readonly Matcher[], range: TimeRange): Promise<void> {
    this.#assertWritable();
    await this.#inTurn(async () => {
      this.#assertOpen();
      this.#assertNotPoisoned();
      await this.#blocks.deleteSamples(matchers, range);
      const { head } = this.#parts;
      // Also when the head has nothing in the range: the log may, as a cut takes over what came while it began.
      const logged = this.#log({ kind: "tombstones", matchers, range });
      await head.applyDeletion(logged, matchers, range);
    });
  }

  /**
   * Frees the bytes of what was deleted or is kept no longer, and forgets names that only series had of which nothing
   * is left.
   */
  async clean(): Promise<void> {
    this.#assertWritable();
    await this.#inTurn(async () => {
      this.#assertOpen();
      const { head, settings } = this.#parts;
      const end = planTrim(head.range, this.#retention.oldestKeptByAll, settings.blockDurationMs);
      await (end === undefined ? checkpointHead(this.#cutParts()) : this.#cutBelow(end));
      await this.#retention.trim();
    });
    const cleanNext = async () => this.#state === "open" && this.#compactor.cleanStep();
    do await this.#blocks.retired();
    while (await this.#inTurn(cleanNext));
  }

  /**
   * One pass of maintenance: cuts what is complete into blocks, compacts blocks, drops what is kept no longer.
   * Rejects when a part of it failed, which is also told as an event; everything is then readable as before, and
   * the next pass tries again.
   */
  async runMaintenance(): Promise<void> {
    this.#assertWritable();
    try {
      await this.#maintain("cutting the head", () => this.#cut());
      await this.#maintain("forgetting series", () => this.#retention.thin());
      while (await this.#maintain("compacting blocks", () => this.#compactor.step()));
    } finally {
      // Also when the disk is full: this may be what makes room.
      await this.#maintain("dropping old blocks", () => this.#retention.drop());
    }
  }

  describe(): TsdbStatus {
    const { head, wal, losses } = this.#parts;
    const { series: headSeries, chunks: headChunks } = head.count();
    const blocks = this.#blocks.all.map(({ meta: { ulid, stats }, range, sizeBytes }) => ({
      ulid,
      range,
      series: stats.numSeries,
      samples: stats.numSamples,
      bytes: sizeBytes,
    }));
    const { sampleCount: headSamples, range: headRange } = head;
    const { sizeBytes: walBytes, trouble: writeTrouble } = wal;
    const { leftSizeBytes: leftBytes } = this.#blocks;
    const inHead = { headSeries, headChunks, headSamples, headRange };
    return { ...inHead, walBytes, blocks, leftBytes, losses, writeTrouble };
  }

  /**
   * Waits for what is in flight, writes a checkpoint, ends the log and gives the directory free. An import that is not
   * being committed is rolled back, an export that is not read to its end rejects. May be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { head, wal, lock, settings } = this.#parts;
    this.#state = "closing";
    this.#cancelTimer();
    await this.#compactor.close();
    await this.#work.end();
    await this.#lastChange;
    await head.settled();
    try {
      if (!wal.poisoned && !settings.readOnly) await this.#checkpoint();
      await this.journals.close();
      await wal.close();
    } finally {
      await this.#blocks.close();
      head.close();
      this.#state = "closed";
      await lock?.release();
    }
  }

  /** So that the next open has nothing to replay. When it fails, the next open replays the log instead. */
  async #checkpoint(): Promise<void> {
    try {
      await checkpointHead(this.#cutParts());
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      const message = `closing without a checkpoint, the next open will take longer: ${reason}`;
      this.#parts.settings.onEvent({ level: "warning", message });
    }
  }

  #log(record: LoggedRecord): Promise<void> {
    this.#assertOpen();
    if (this.#recordBuffer.capacityBytes > recordBufferSizeMaxBytes) this.#recordBuffer = new ByteWriter();
    this.#recordBuffer.clear();
    encodeWalRecord(this.#recordBuffer, record);
    return this.#parts.wal.append(this.#recordBuffer.view());
  }

  /** What there is to read now: blocks, then the head, whose samples come later. */
  #storageParts(blocks: readonly BlockReader[]): readonly StoragePart[] {
    const { head } = this.#parts;
    return [...blocks, { range: head.range, querier: (range) => new HeadQuerier(head, range) }];
  }

  async #cut(): Promise<void> {
    const { settings, head } = this.#parts;
    const end = planCut({
      blockDurationMs: settings.blockDurationMs,
      headRange: head.range,
      lastCutEnd: this.#lastCutEnd,
      lateSamples: head.countBelow(this.#lastCutEnd),
      hasOutlived: this.#retention.hasOutlivedIn(head),
      now: settings.clock.now(),
    });
    // What a cut could not finish, because the disk was full, is finished here.
    if (end === undefined) return releaseLog(this.#cutParts(), this.#blocks.all);
    return this.#cutBelow(end);
  }

  async #cutBelow(end: TimestampMs): Promise<void> {
    const { settings, wal } = this.#parts;
    const metas = await cutHead(this.#cutParts(), end);
    this.#lastCutEnd = Math.max(this.#lastCutEnd, end);
    const samples = metas.reduce((sum, { stats }) => sum + stats.numSamples, 0);
    const facts = { blocks: metas.length, samples, walBytes: wal.sizeBytes };
    settings.onEvent({ level: "info", message: "cut the head into blocks", facts });
  }

  /** A part of a pass, unless the database is not open any more. */
  async #maintain<T>(what: string, task: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#inTurn(async () => (this.status === "open" ? task() : undefined));
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      const message = `${what} failed, and will be tried again: ${reason}`;
      this.#parts.settings.onEvent({ level: "error", message });
      throw error;
    }
  }

  /** Runs a change behind those that have begun, when nothing is left over from them. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#lastChange.then(async () => {
      if (this.#state === "open") await this.#blocks.removeLeaving();
      return change();
    });
    this.#lastChange = changed.catch(() => undefined);
    return changed;
  }

  #cutParts(): CutParts {
    const { settings, head, wal } = this.#parts;
    const { fileSystem, directory, blockDurationMs, blockEncoding } = settings;
    return {
      fileSystem,
      directory,
      head,
      wal,
      walDirectory: walPath(directory),
      blockDurationMs,
      encoding: blockEncoding,
      newUlid: this.#newUlid,
      isDurableWhenApplied: settings.durability === "commit",
      publish: (metas) => this.#blocks.publish(metas),
    };
  }

  /** What is older would be dropped by the next pass. */
  #ageLimit(): AgeLimit {
    return this.#policy.ageLimit(this.#parts.settings.clock.now());
  }

  #cutOptions(): CutOptions {
    const { blockDurationMs, blockEncoding: encoding, clock } = this.#parts.settings;
    const recentFrom = clock.now() - recentWindows * blockDurationMs;
    const samplesMax = DEFAULT_BLOCK_SAMPLES_MAX;
    return { blockDurationMs, samplesMax, recentFrom, encoding, newUlid: this.#newUlid };
  }

  #makeRetention(): Retention {
    const { settings, wal } = this.#parts;
    const { retentionSizeBytes, clock, onEvent } = settings;
    return new Retention({
      ...{ blocks: this.#blocks, policy: this.#policy, retentionSizeBytes, clock, onEvent },
      walBytes: () => wal.sizeBytes,
      releaseLog: (blocks) => releaseLog(this.#cutParts(), blocks),
    });
  }

  #makeExchange(): Exchange {
    const { head, settings } = this.#parts;
    const { fileSystem, directory, processes, clock } = settings;
    const headPart: Queryable = { querier: (range) => new HeadQuerier(head, range) };
    return new Exchange({
      ...{ fileSystem, directory, processes, clock, newUlid: this.#newUlid },
      cutOptions: () => this.#cutOptions(),
      bulkAppender: () => this.bulkAppender(),
      publish: (metas) => this.#track(() => this.#blocks.publish(metas)),
      read: (use) => this.#track(() => this.#blocks.read((blocks) => use(blocks, headPart))),
      inTurn: (task) => this.#inTurn(task),
      assertOpen: () => this.#assertOpen(),
      work: this.#work,
    });
  }

  /** Begins something that `close` waits for. */
  #track<T>(begin: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    return this.#work.track(begin);
  }

  #scheduleMaintenance(): void {
    this.#cancelTimer = this.#parts.settings.clock.schedule(maintenanceIntervalMs, async () => {
      // A failure was told as an event.
      await this.runMaintenance().catch(() => undefined);
      if (this.#state === "open") this.#scheduleMaintenance();
    });
  }

  #assertNotPoisoned(): void {
    if (this.#parts.wal.poisoned)
      throw new PoisonedError("writing the log failed: reopen the database first");
  }

  #assertWritable(): void {
    this.#assertOpen();
    if (this.#parts.settings.readOnly)
      throw new InvalidArgumentError("the database was opened to be read only");
  }

  #assertOpen(): void {
    if (this.#state !== "open") throw new ClosedError("the database is closed");
  }
}

/** The end of the newest window that was cut, as far as the blocks tell. */
function lastCutEnd(blocks: readonly BlockReader[], blockDurationMs: number): TimestampMs {
  const ends = heldRanges(blocks).map(
    ({ range }) => alignedStart(range.maxTime, blockDurationMs) + blockDurationMs,
  );
  return Math.max(-Infinity, ...ends);
}
