/**
 * Tsdb: the storage of one data directory. Head, log and blocks behind one reader and one writer.
 *
 * Lifetime: `openTsdb` takes the directory's lock, sets broken parts aside and replays the log; `close` waits for
 * what is in flight and gives the lock back. After a failed write of the log it is poisoned: reads go on, writes
 * are refused until it is opened again.
 */

import type { Appendable, Appender, CommitResult } from "../model/appendable.js";
import type { Clock } from "../model/clock.js";
import { ClosedError, PoisonedError } from "../model/errors.js";
import type { Querier, Queryable } from "../model/queryable.js";
import type { TimeRange, TimestampMs } from "../model/sample.js";
import type { BlockMeta } from "./block/block-meta.js";
import { BlockReader } from "./block/block-reader.js";
import { inPrecedence } from "./block/open-blocks.js";
import { type UlidSource, ulidSource } from "./block/ulid.js";
import { ByteWriter } from "./codec/byte-writer.js";
import { BulkAppender, type BulkAppenderOptions } from "./compaction/bulk-appender.js";
import { alignedStart, DEFAULT_BLOCK_SAMPLES_MAX } from "./compaction/plan-block-ranges.js";
import { blockPath, walPath } from "./fs/data-directory.js";
import { HeadAppender } from "./head/head-appender.js";
import { HeadQuerier } from "./head/head-querier.js";
import { type CutParts, cutHead, planCut } from "./maintenance.js";
import { heldRanges, type OpenParts, openParts } from "./tsdb/open-parts.js";
import { type TsdbOptions, type TsdbStatus, withDefaults } from "./tsdb/tsdb-options.js";
import { type StoragePart, TsdbQuerier } from "./tsdb-querier.js";
import { encodeWalRecord, type TransactionRecord } from "./wal/wal-record.js";

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
  readonly #parts: OpenParts;
  readonly #newUlid: UlidSource;
  #recordBuffer = new ByteWriter(64 * 1024);
  /** Reads and bulk commits that have begun. */
  readonly #inFlight = new Set<Promise<unknown>>();
  /** In order of precedence. */
  #blocks: readonly BlockReader[];
  #lastCutEnd: TimestampMs;
  #lastPass: Promise<unknown> = Promise.resolve();
  #cancelTimer: () => void = () => {};
  #state: "open" | "closing" | "closed" = "open";
  #closing: Promise<void> | undefined;

  /** For `openTsdb`. */
  constructor(parts: OpenParts) {
    this.#parts = parts;
    this.#blocks = inPrecedence(parts.blocks);
    this.#lastCutEnd = lastCutEnd(parts.blocks, parts.settings.blockDurationMs);
    this.#newUlid = ulidSource(strictlyIncreasing(parts.settings.clock), parts.settings.randomBytes);
    this.#scheduleMaintenance();
  }

  get status(): "open" | "closing" | "closed" | "poisoned" {
    return this.#state === "open" && this.#parts.wal.poisoned ? "poisoned" : this.#state;
  }

  appender(): Appender {
    this.#assertOpen();
    return new HeadAppender(this.#parts.head, (transaction) => this.#log(transaction));
  }

  /** An appender for samples of any age and any number, straight to blocks. They appear together, at commit. */
  bulkAppender(): BulkAppender {
    this.#assertOpen();
    const { fileSystem, directory, blockDurationMs, clock } = this.#parts.settings;
    const options: BulkAppenderOptions = {
      fileSystem,
      directory,
      blockDurationMs,
      samplesMax: DEFAULT_BLOCK_SAMPLES_MAX,
      recentFrom: clock.now() - recentWindows * blockDurationMs,
      newUlid: this.#newUlid,
      onBlocks: (metas) => this.#addBlocks(metas),
    };
    return new TrackedBulkAppender(options, (commit) => {
      if (this.#parts.wal.poisoned)
        throw new PoisonedError("writing the log failed: reopen the database first");
      return this.#track(commit);
    });
  }

  querier(range: TimeRange): Querier {
    this.#assertOpen();
    return new TsdbQuerier(range, (read) => this.#track(() => read(this.#storageParts())));
  }

  /**
   * One pass of maintenance: cuts what is complete into blocks. Passes follow one another. Rejects when the cut
   * failed, which is also told as an event; everything is then readable as before, and the next pass tries again.
   */
  async runMaintenance(): Promise<void> {
    this.#assertOpen();
    const pass = this.#lastPass.then(() => this.#maintain());
    this.#lastPass = pass.catch(() => undefined);
    await pass;
  }

  describe(): TsdbStatus {
    const { head, wal, losses } = this.#parts;
    let headSeries = 0;
    let headChunks = 0;
    for (const { sampleCount, chunkCount } of head.series) {
      if (sampleCount > 0) headSeries++;
      headChunks += chunkCount;
    }
    const blocks = this.#blocks.map(({ meta: { ulid, stats }, range, sizeBytes }) => ({
      ulid,
      range,
      series: stats.numSeries,
      samples: stats.numSamples,
      bytes: sizeBytes,
    }));
    const { sampleCount: headSamples, range: headRange } = head;
    return { headSeries, headChunks, headSamples, headRange, walBytes: wal.sizeBytes, blocks, losses };
  }

  /** Waits for what is in flight, ends the log and gives the directory free. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { head, wal, lock } = this.#parts;
    this.#state = "closing";
    this.#cancelTimer();
    await this.#lastPass;
    await Promise.allSettled(this.#inFlight);
    await head.settled();
    try {
      await wal.close();
    } finally {
      await Promise.allSettled(this.#blocks.map((block) => block.close()));
      this.#state = "closed";
      await lock.release();
    }
  }

  #log(transaction: TransactionRecord): Promise<void> {
    this.#assertOpen();
    if (this.#recordBuffer.capacityBytes > recordBufferSizeMaxBytes) this.#recordBuffer = new ByteWriter();
    this.#recordBuffer.clear();
    encodeWalRecord(this.#recordBuffer, transaction);
    return this.#parts.wal.append(this.#recordBuffer.view());
  }

  /** What there is to read now: blocks, then the head, whose samples come later. */
  #storageParts(): readonly StoragePart[] {
    const { head } = this.#parts;
    return [...this.#blocks, { range: head.range, querier: (range) => new HeadQuerier(head, range) }];
  }

  async #maintain(): Promise<void> {
    const { settings, head, wal } = this.#parts;
    if (this.status !== "open") return;
    const end = planCut({
      blockDurationMs: settings.blockDurationMs,
      headRange: head.range,
      lastCutEnd: this.#lastCutEnd,
      lateSamples: head.countBelow(this.#lastCutEnd),
      now: settings.clock.now(),
    });
    if (end === undefined) return;
    try {
      const metas = await cutHead(this.#cutParts(), end);
      this.#lastCutEnd = Math.max(this.#lastCutEnd, end);
      const samples = metas.reduce((sum, { stats }) => sum + stats.numSamples, 0);
      const facts = { blocks: metas.length, samples, walBytes: wal.sizeBytes };
      settings.onEvent({ level: "info", message: "cut the head into blocks", facts });
    } catch (error) {
      const message = `cutting the head failed, and will be tried again: ${error instanceof Error ? error.message : error}`;
      settings.onEvent({ level: "error", message });
      throw error;
    }
  }

  #cutParts(): CutParts {
    const { settings, head, wal } = this.#parts;
    const { fileSystem, directory, blockDurationMs } = settings;
    return {
      fileSystem,
      directory,
      head,
      wal,
      walDirectory: walPath(directory),
      blockDurationMs,
      newUlid: this.#newUlid,
      isDurableWhenApplied: settings.durability === "commit",
      addBlocks: (metas) => this.#addBlocks(metas),
    };
  }

  async #addBlocks(metas: readonly BlockMeta[]): Promise<void> {
    const { fileSystem, directory } = this.#parts.settings;
    const opened: BlockReader[] = [];
    try {
      for (const { ulid } of metas)
        opened.push(await BlockReader.open(fileSystem, blockPath(directory, ulid)));
    } catch (error) {
      await Promise.allSettled(opened.map((block) => block.close()));
      throw error;
    }
    this.#blocks = inPrecedence([...this.#blocks, ...opened]);
  }

  /** Begins something that `close` waits for. */
  #track<T>(begin: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const promise = begin();
    const settled: Promise<unknown> = promise
      .catch(() => undefined)
      .finally(() => this.#inFlight.delete(settled));
    this.#inFlight.add(settled);
    return promise;
  }

  #scheduleMaintenance(): void {
    this.#cancelTimer = this.#parts.settings.clock.schedule(maintenanceIntervalMs, async () => {
      // A failure was told as an event.
      await this.runMaintenance().catch(() => undefined);
      if (this.#state === "open") this.#scheduleMaintenance();
    });
  }

  #assertOpen(): void {
    if (this.#state !== "open") throw new ClosedError("the database is closed");
  }
}

/** A bulk appender whose commit is begun by `begin`. */
class TrackedBulkAppender extends BulkAppender {
  readonly #begin: (commit: () => Promise<CommitResult>) => Promise<CommitResult>;

  constructor(
    options: BulkAppenderOptions,
    begin: (commit: () => Promise<CommitResult>) => Promise<CommitResult>,
  ) {
    super(options);
    this.#begin = begin;
  }

  override async commit(): Promise<CommitResult> {
    return this.#begin(() => super.commit());
  }
}

/** The end of the newest window that was cut, as far as the blocks tell. */
function lastCutEnd(blocks: readonly BlockReader[], blockDurationMs: number): TimestampMs {
  const ends = heldRanges(blocks).map(
    ({ range }) => alignedStart(range.maxTime, blockDurationMs) + blockDurationMs,
  );
  return Math.max(-Infinity, ...ends);
}

/** So that of two blocks the one that was made later has the greater ULID. */
function strictlyIncreasing(clock: Clock): Clock {
  let last = -Infinity;
  return {
    now() {
      last = Math.max(clock.now(), last + 1);
      return last;
    },
    monotonic: () => clock.monotonic(),
    schedule: (delayMs, task) => clock.schedule(delayMs, task),
  };
}
