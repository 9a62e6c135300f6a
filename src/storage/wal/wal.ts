/**
 * Wal: the write-ahead log. What `append` acknowledged comes back from `replayWal` after a crash.
 *
 * Group commit: appends gather in a batch. While one batch is written, everything appended meanwhile gathers in the
 * next, which goes out in one write; with durability "commit" that is a durable one (FileSystem.createWriteThrough).
 *
 * Invariants
 *  1. Batches go out one at a time, in order; promises settle in the order of the calls.
 *  2. A segment is ended and synced before the next one is created, and a segment's header and name are
 *     durable before anything in it is acknowledged.
 *  3. A write that the system refused (the disk is full) is taken back, durably, and only its appends are rejected:
 *     the next batch is tried again. What is appended later never rests on a refused record.
 *  4. After a failed sync, or a write that could not be taken back, nothing is written any more (poisoned): what is
 *     on the disk is unknown.
 */

import { assert } from "../../model/assert.js";
import type { Clock } from "../../model/clock.js";
import {
  ClosedError,
  LimitExceededError,
  PoisonedError,
  type StorageError,
  UnavailableError,
  WriteRefusedError,
} from "../../model/errors.js";
import type { TimestampMs } from "../../model/sample.js";
import { checkpointPath, segmentPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { FrameBatch } from "./frame-batch.js";
import { repairWalDirectory } from "./repair-wal.js";
import { SegmentWriter } from "./segment-writer.js";
import { listWalDirectory, removeSegments } from "./wal-directory.js";
import { FRAME_HEADER_SIZE_BYTES, PAYLOAD_SIZE_MAX_BYTES } from "./wal-format.js";

export interface WalOptions {
  readonly fileSystem: FileSystem;
  /** The WAL's own directory (`walPath`); created when absent. */
  readonly directory: string;
  /**
   * When `append` resolves: "commit" when it is durable; "interval" after the write, with an fdatasync at most
   * `durabilityIntervalMs` later; "none" after the write. Written bytes survive a kill of the process.
   */
  readonly durability: "commit" | "interval" | "none";
  readonly durabilityIntervalMs: number;
  /** A segment is ended before it would grow over this. Default 64 MiB. */
  readonly segmentSizeBytes?: number;
  /** Appends are refused while more bytes than this wait to be written. Default 256 MiB. */
  readonly queuedSizeMaxBytes?: number;
  readonly clock: Clock;
  /** Changes nothing in the directory, which must not be appended to then. Default false. */
  readonly readOnly?: boolean;
  /**
   * Called with the error of each batch that was refused, once with a PoisonedError, and with undefined when writes
   * succeed again. Must not throw.
   */
  readonly onTrouble?: (error: WriteRefusedError | PoisonedError | undefined) => void;
}

/** Why the log does not take writes, as far as the last one told. */
export interface WriteTrouble {
  /** "refused": the next write is tried again. "poisoned": none is, until the log is opened again. */
  readonly kind: "refused" | "poisoned";
  readonly since: TimestampMs;
  readonly reason: string;
}

/** Appends gathered for one write, and whether the segment ends behind them. */
interface Batch {
  readonly frames: FrameBatch;
  readonly appends: Waiter<void>[];
  readonly rotations: Rotation[];
}

interface Rotation extends Waiter<number> {
  readonly beyond: number;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: StorageError | PoisonedError) => void;
}

/** A batch that reaches this is closed: the next append opens another. */
const batchSizeBytes = 16 * 1024 * 1024;
const sparesMax = 2;

export class Wal {
  readonly #options: WalOptions;
  readonly #segmentSizeBytes: number;
  readonly #queuedSizeMaxBytes: number;
  /** In order of writing; appends go to the last one. Never empty. */
  readonly #queue: Batch[] = [newBatch()];
  readonly #spares: Batch[] = [];
  /** Sizes of the segments on disk, the current one included once it exists. */
  readonly #sizes: Map<number, number>;
  #checkpointSizeBytes: number;
  #segment: number;
  /** The current segment; created by its first append. */
  #writer: SegmentWriter | undefined;
  #queuedBytes = 0;
  #running: Promise<void> | undefined;
  #cancelSync: (() => void) | undefined;
  #isSyncDue = false;
  #trouble: WriteTrouble | undefined;
  #failure: PoisonedError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    options: WalOptions,
    segment: number,
    found: { readonly sizes: Map<number, number>; readonly checkpointSizeBytes: number },
  ) {
    this.#options = options;
    this.#segment = segment;
    this.#sizes = found.sizes;
    this.#checkpointSizeBytes = found.checkpointSizeBytes;
    this.#segmentSizeBytes = options.segmentSizeBytes ?? 64 * 1024 * 1024;
    this.#queuedSizeMaxBytes = options.queuedSizeMaxBytes ?? 256 * 1024 * 1024;
  }

  /**
   * Opens the log for appending: cuts the torn tail, removes leftovers, and goes on in a new segment behind those
   * that exist, `firstSegment` at least. Replay first: see `replayWal`.
   */
  static async open(options: WalOptions, firstSegment: number): Promise<Wal> {
    assert(Number.isInteger(firstSegment) && firstSegment >= 1, "segments count from 1");
    const { fileSystem, directory, readOnly = false } = options;
    if (!readOnly) await repairWalDirectory(fileSystem, directory);
    const { segments, checkpoint } = await listWalDirectory(fileSystem, directory);
    const last = segments.at(-1) ?? checkpoint;
    const sizes = new Map<number, number>();
    for (const segment of segments)
      sizes.set(segment, await sizeOf(fileSystem, segmentPath(directory, segment)));
    const checkpointSizeBytes =
      checkpoint === 0 ? 0 : await sizeOf(fileSystem, checkpointPath(directory, checkpoint));
    return new Wal(options, Math.max(firstSegment, last + 1), { sizes, checkpointSizeBytes });
  }

  /** Bytes of the checkpoint and of all segments on disk. */
  get sizeBytes(): number {
    let total = this.#checkpointSizeBytes;
    for (const size of this.#sizes.values()) total += size;
    return total;
  }

  /** The segment that is being written; its file exists once something was appended to it. */
  get segment(): number {
    return this.#segment;
  }

  get poisoned(): boolean {
    return this.#failure !== undefined;
  }

  /** Undefined while writes succeed. */
  get trouble(): WriteTrouble | undefined {
    return this.#trouble;
  }

  /**
   * Logs one record, whole or not at all. The payload is copied before this returns; resolves when the record is
   * as durable as `durability` says. Rejects with WriteRefusedError (no space is left), PoisonedError, ClosedError,
   * LimitExceededError (the payload is too large) or UnavailableError (too much is waiting to be written); then
   * nothing of it is acknowledged.
   */
  append(payload: Uint8Array): Promise<void> {
    const refusal = this.#refusal(payload);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#openBatch().frames.sizeBytes >= batchSizeBytes) this.#queue.push(this.#freshBatch());
    const batch = this.#openBatch();
    batch.frames.addRecord(payload);
    this.#queuedBytes += payload.length + FRAME_HEADER_SIZE_BYTES;
    const appended = new Promise<void>((resolve, reject) => batch.appends.push({ resolve, reject }));
    this.#wake();
    return appended;
  }

  /**
   * Ends the current segment behind everything appended so far, synced, and returns its number; later appends go
   * to later segments. When nothing was appended to it, it stays, and the number before it is returned, unless that
   * must be `beyond` another one and is not: then an empty segment is ended. Rejects as `append` does, and may then
   * be called again.
   */
  rotate(beyond = -1): Promise<number> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const batch = this.#openBatch();
    const rotated = new Promise<number>((resolve, reject) =>
      batch.rotations.push({ beyond, resolve, reject }),
    );
    this.#queue.push(this.#freshBatch());
    this.#wake();
    return rotated;
  }

  /** Removes the segments up to this one, which must have ended, and checkpoints that a newer one replaces. */
  async truncate(upToSegment: number): Promise<void> {
    assert(upToSegment < this.#segment, "only ended segments are removed");
    const ended = [...this.#sizes.keys()].filter((segment) => segment <= upToSegment);
    const { fileSystem, directory } = this.#options;
    await removeSegments(fileSystem, directory, ended);
    for (const segment of ended) this.#sizes.delete(segment);
    const { checkpoint } = await listWalDirectory(fileSystem, directory);
    if (checkpoint > 0)
      this.#checkpointSizeBytes = await sizeOf(fileSystem, checkpointPath(directory, checkpoint));
  }

  /**
   * Writes what was appended, ends the segment (synced) and closes. Without room for the end it stays without one,
   * as after a crash. May be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#running;
    this.#cancelSync?.();
    if (this.#failure !== undefined) return this.#writer?.abandon();
    try {
      await this.#endSegment();
    } catch (error) {
      await this.#writer?.abandon();
      if (!(error instanceof WriteRefusedError)) throw this.#poison(error);
    }
  }

  #refusal(payload?: Uint8Array): Error | undefined {
    if (this.#closing !== undefined) return new ClosedError("the write-ahead log is closed");
    if (this.#failure !== undefined) return this.#failure;
    if (payload === undefined) return undefined;
    if (payload.length > PAYLOAD_SIZE_MAX_BYTES)
      return new LimitExceededError(
        `a write of ${payload.length} bytes exceeds the log's ${PAYLOAD_SIZE_MAX_BYTES}; split it`,
      );
    if (this.#queuedBytes > 0 && this.#queuedBytes + payload.length > this.#queuedSizeMaxBytes)
      return new UnavailableError(
        `${this.#queuedBytes} bytes wait to be written to the disk; try again later`,
      );
    return undefined;
  }

  #openBatch(): Batch {
    return this.#queue[this.#queue.length - 1]!;
  }

  #freshBatch(): Batch {
    return this.#spares.pop() ?? newBatch();
  }

  /** Starts writing, in a later turn of the event loop's microtasks, unless it is going on. */
  #wake(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    await null;
    while (this.#failure === undefined && this.#hasWork()) {
      const batch = this.#queue.shift()!;
      if (this.#queue.length === 0) this.#queue.push(this.#freshBatch());
      try {
        await this.#carryOut(batch);
      } catch (error) {
        if (error instanceof WriteRefusedError) this.#refuse(batch, error);
        else {
          this.#queue.unshift(batch);
          this.#rejectAll(this.#poison(error));
        }
      }
    }
    // In the same turn as the last look at the queue: an append after it must wake the writer again.
    this.#running = undefined;
  }

  #hasWork(): boolean {
    const first = this.#queue[0]!;
    return first.appends.length > 0 || first.rotations.length > 0 || this.#isSyncDue;
  }

  async #carryOut(batch: Batch): Promise<void> {
    if (batch.appends.length > 0) await this.#write(batch.frames);
    if (this.#isSyncDue) {
      this.#isSyncDue = false;
      await this.#writer?.sync();
    }
    for (const append of batch.appends) append.resolve();
    batch.appends.length = 0;
    if (batch.rotations.length > 0) await this.#rotate(batch.rotations);
    for (const rotation of batch.rotations) rotation.resolve(this.#segment - 1);
    this.#recycle(batch);
  }

  async #rotate(rotations: readonly Rotation[]): Promise<void> {
    const beyond = Math.max(...rotations.map((rotation) => rotation.beyond));
    if (this.#segment - 1 <= beyond) await this.#beginSegment();
    await this.#endSegment();
  }

  async #write(frames: FrameBatch): Promise<void> {
    const { durability } = this.#options;
    if (this.#writer !== undefined && this.#writer.sizeBytes + frames.sizeBytes > this.#segmentSizeBytes)
      await this.#endSegment();
    const writer = this.#writer ?? (await this.#beginSegment());
    await writer.write(frames);
    this.#sizes.set(this.#segment, writer.sizeBytes);
    if (durability === "interval") this.#scheduleSync();
    this.#writesSucceed();
  }

  /** Creates the current segment, unless it is there. */
  async #beginSegment(): Promise<SegmentWriter> {
    const { durability } = this.#options;
    this.#writer ??= await SegmentWriter.create(this.#options, this.#segment, durability === "commit");
    return this.#writer;
  }

  async #endSegment(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    await writer.end();
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    this.#writer = undefined;
    this.#sizes.set(this.#segment, writer.sizeBytes);
    this.#segment++;
    this.#writesSucceed();
  }

  #scheduleSync(): void {
    this.#cancelSync ??= this.#options.clock.schedule(this.#options.durabilityIntervalMs, () => {
      this.#cancelSync = undefined;
      this.#isSyncDue = true;
      this.#wake();
    });
  }

  #recycle(batch: Batch): void {
    this.#queuedBytes -= batch.frames.sizeBytes;
    if (this.#spares.length >= sparesMax || batch.frames.capacityBytes > 2 * batchSizeBytes) return;
    batch.frames.clear();
    batch.appends.length = 0;
    batch.rotations.length = 0;
    this.#spares.push(batch);
  }

  /** Nothing of the batch is in the log, but for what was acknowledged before a rotation was refused. */
  #refuse(batch: Batch, refusal: WriteRefusedError): void {
    this.#enterTrouble("refused", refusal);
    for (const append of batch.appends) append.reject(refusal);
    for (const rotation of batch.rotations) rotation.reject(refusal);
    this.#recycle(batch);
  }

  #writesSucceed(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#options.onTrouble?.(undefined);
  }

  #enterTrouble(kind: WriteTrouble["kind"], error: WriteRefusedError | PoisonedError): void {
    const since = this.#trouble?.since ?? this.#options.clock.now();
    this.#trouble = { kind, since, reason: error.message };
    this.#options.onTrouble?.(error);
  }

  #poison(cause: unknown): PoisonedError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const failure = new PoisonedError(
      `writing the log failed (${reason}): nothing more is written until the database is reopened`,
      { cause },
    );
    this.#failure = failure;
    this.#cancelSync?.();
    this.#enterTrouble("poisoned", failure);
    return failure;
  }

  #rejectAll(failure: PoisonedError): void {
    for (const { appends, rotations } of this.#queue) {
      for (const append of appends) append.reject(failure);
      for (const rotation of rotations) rotation.reject(failure);
    }
    this.#queue.splice(0, this.#queue.length, newBatch());
    this.#queuedBytes = 0;
  }
}

function newBatch(): Batch {
  return { frames: new FrameBatch(), appends: [], rotations: [] };
}

async function sizeOf(fileSystem: FileSystem, path: string): Promise<number> {
  const file = await fileSystem.openForRead(path);
  await file.close();
  return file.size;
}
