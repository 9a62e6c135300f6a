/**
 * PushQueue: what a client has to deliver, in one log that all its addresses share, each with a cursor of its own.
 *
 *   push ─► segment, segment, active segment          oldest ──► newest
 *             ▲ cursor b        ▲ cursor a            what all cursors have passed is removed, segment by segment
 *
 * Invariants
 *  1. What `flush` has confirmed as durable is found again by the next process, unless a limit has dropped it.
 *  2. The log never takes more than `sizeMaxBytes`: before a record would, the oldest segment goes.
 *  3. A disk that refuses does not stop the client: records go to memory, up to `memoryMaxBytes`, behind what is on
 *     disk, and move to the disk when it takes them again.
 *  4. Changes of the log run one after another, in the order of their calls.
 */

import type { Clock } from "../../model/clock.js";
import { UnavailableError } from "../../model/errors.js";
import type { TimestampMs } from "../../model/sample.js";
import { QueueCursor, type QueueView } from "./queue-cursor.js";
import type { QueueDirectory } from "./queue-directory.js";
import { FRAME_HEADER_SIZE_BYTES, type QueueRecord, SEGMENT_HEADER_SIZE_BYTES } from "./queue-format.js";
import { type Frame, MemorySegment, type QueueSegment } from "./queue-segment.js";

export interface QueueLimits {
  /** Of the whole log. */
  readonly sizeMaxBytes: number;
  /** Of what is kept in memory because the disk refuses. */
  readonly memoryMaxBytes: number;
  /** Records that waited longer are dropped. */
  readonly ageMaxMs: number;
}

export interface QueueParts {
  readonly limits: QueueLimits;
  readonly clock: Clock;
  /** Undefined: all is kept in memory. */
  readonly directory: QueueDirectory | undefined;
  /** What an operator should know, as a sentence. */
  readonly onTrouble: (message: string) => void;
  /** There is something to deliver. */
  readonly onRecord: () => void;
}

/** So many segments make a full queue: what goes at once when it overflows is an eighth. */
const segmentsMax = 8;
const segmentSizeMaxBytes = 4 * 1024 * 1024;
/** A disk that refused is tried again after this. */
const diskRetryMs = 30_000;
/** After a delivery its position is written this much later, so that a busy client does not write all the time. */
const positionsDelayMs = 5000;

export class PushQueue implements QueueView {
  readonly cursors: readonly QueueCursor[];
  readonly #parts: QueueParts;
  #segments: QueueSegment[];
  /** The last of the segments, while it takes records. */
  #active: QueueSegment | undefined;
  #nextNumber: number;
  #endSequence: number;
  /** When the disk may be tried; undefined while it works. */
  #diskRetryAt: number | undefined;
  #cancelPositions: (() => void) | undefined;
  #changes: Promise<unknown> = Promise.resolve();

  constructor(addresses: readonly string[], parts: QueueParts) {
    const found = parts.directory?.found;
    this.#parts = parts;
    this.#segments = [...(found?.segments ?? [])];
    this.#nextNumber = found?.nextNumber ?? 1;
    this.#endSequence = found?.endSequence ?? 0;
    this.cursors = addresses.map(
      (address) => new QueueCursor(this, address, found?.sequenceOf(address) ?? 0),
    );
  }

  get sizeBytes(): number {
    return sizeOf(this.#segments);
  }

  get oldestQueuedAt(): TimestampMs {
    return this.#parts.clock.now() - this.#parts.limits.ageMaxMs;
  }

  /** Whether all that waits is where a restart finds it; as to a power loss, after `flush`. */
  get isOnDisk(): boolean {
    return this.#parts.directory !== undefined && !this.#segments.some(({ kind }) => kind === "memory");
  }

  frameFrom(sequence: number): Frame | undefined {
    for (const { frames } of this.#segments) {
      const last = frames.at(-1);
      if (last !== undefined && last.sequence >= sequence)
        return frames[Math.max(0, sequence - frames[0]!.sequence)];
    }
    return undefined;
  }

  async read(frame: Frame): Promise<Uint8Array> {
    const segment = this.#segmentOf(frame);
    if (segment === undefined) throw new UnavailableError("the record has left the queue");
    // Its place is another one once it has moved from memory to the disk.
    return segment.read(segment.frames[frame.sequence - segment.frames[0]!.sequence]!);
  }

  passed(): void {
    this.#cancelPositions ??= this.#parts.clock.schedule(positionsDelayMs, () => {
      this.#cancelPositions = undefined;
      void this.#change(() => this.#savePositions());
    });
    void this.#change(() => this.#removePassed());
  }

  damaged(frame: Frame, cause: unknown): void {
    this.#parts.onTrouble(`${frame.samples} queued samples cannot be read: ${textOf(cause)}`);
  }

  /** Resolves when the record is in the queue, or dropped and counted. */
  push(record: QueueRecord): Promise<void> {
    return this.#change(async () => {
      const sizeBytes = SEGMENT_HEADER_SIZE_BYTES + FRAME_HEADER_SIZE_BYTES + record.payload.length;
      if (!(await this.#makeRoom(sizeBytes))) {
        for (const cursor of this.cursors) cursor.dropped.overflow += record.samples;
        return;
      }
      await this.#append(record, sizeBytes);
      this.#parts.onRecord();
    });
  }

  /** Makes all that was pushed before durable; whether it is. */
  flush(): Promise<boolean> {
    return this.#change(async () => {
      let isDurable = this.isOnDisk;
      for (const segment of this.#segments) {
        try {
          await segment.sync();
        } catch (error) {
          isDurable = false;
          if (segment === this.#active) this.#leaveDisk(error);
        }
      }
      try {
        await this.#parts.directory?.syncNames();
      } catch (error) {
        isDurable = false;
        this.#leaveDisk(error);
      }
      return isDurable;
    });
  }

  async close(): Promise<void> {
    this.#cancelPositions?.();
    await this.flush();
    await this.#change(async () => {
      this.#active = undefined;
      await this.#removePassed();
      await this.#savePositions();
      for (const segment of this.#segments) await segment.close();
      await this.#parts.directory?.release();
    });
  }

  async #append(record: QueueRecord, sizeBytes: number): Promise<void> {
    const segment = await this.#segmentFor(sizeBytes);
    try {
      await segment.append(record, this.#endSequence);
    } catch (error) {
      this.#leaveDisk(error);
      await this.#begin(new MemorySegment(this.#nextNumber++)).append(record, this.#endSequence);
    }
    this.#endSequence++;
  }

  async #segmentFor(sizeBytes: number): Promise<QueueSegment> {
    const { limits, directory, clock } = this.#parts;
    const isDiskDue =
      directory !== undefined && (this.#diskRetryAt === undefined || clock.monotonic() >= this.#diskRetryAt);
    const active = this.#active;
    const bound = active?.kind === "memory" ? this.#memoryMaxBytes() : limits.sizeMaxBytes;
    const segmentMaxBytes = Math.min(segmentSizeMaxBytes, Math.ceil(bound / segmentsMax));
    const isFitting = active !== undefined && active.sizeBytes + sizeBytes <= segmentMaxBytes;
    if (isFitting && !(active.kind === "memory" && isDiskDue)) return active;
    await this.#seal();
    if (isDiskDue) {
      try {
        return await this.#beginOnDisk(directory);
      } catch (error) {
        this.#leaveDisk(error);
      }
    }
    return this.#begin(new MemorySegment(this.#nextNumber++));
  }

  /** A new segment on disk, with what had to be kept in memory. Rejects with StorageError, and nothing has changed. */
  async #beginOnDisk(directory: QueueDirectory): Promise<QueueSegment> {
    const segment = await directory.create(this.#nextNumber++);
    const inMemory = this.#segments.filter(({ kind }) => kind === "memory");
    try {
      for (const from of inMemory) {
        for (const frame of from.frames)
          await segment.append({ ...frame, payload: await from.read(frame) }, frame.sequence);
      }
    } catch (error) {
      await segment.remove();
      throw error;
    }
    if (this.#diskRetryAt !== undefined) this.#parts.onTrouble("the disk takes the queue again");
    this.#diskRetryAt = undefined;
    this.#segments = this.#segments.filter(({ kind }) => kind !== "memory");
    return this.#begin(segment);
  }

  #begin<Segment extends QueueSegment>(segment: Segment): Segment {
    this.#segments.push(segment);
    this.#active = segment;
    return segment;
  }

  /** What is on disk stays, and is synced with the next flush; what comes is kept in memory for a while. */
  #leaveDisk(cause: unknown): void {
    if (this.#diskRetryAt === undefined)
      this.#parts.onTrouble(`the queue is kept in memory for now: ${textOf(cause)}`);
    this.#diskRetryAt = this.#parts.clock.monotonic() + diskRetryMs;
    this.#active = undefined;
  }

  async #seal(): Promise<void> {
    const active = this.#active;
    this.#active = undefined;
    try {
      await active?.sync();
    } catch (error) {
      this.#leaveDisk(error);
    }
  }

  /** Whether so many bytes may be added, after the oldest segments went. */
  async #makeRoom(sizeBytes: number): Promise<boolean> {
    const { sizeMaxBytes } = this.#parts.limits;
    while (this.#segments.length > 0 && this.sizeBytes + sizeBytes > sizeMaxBytes)
      await this.#drop(this.#segments[0]!);
    const memoryMaxBytes = this.#memoryMaxBytes();
    for (;;) {
      const inMemory = this.#segments.filter(({ kind }) => kind === "memory");
      if (inMemory.length === 0 || sizeOf(inMemory) + sizeBytes <= memoryMaxBytes) break;
      await this.#drop(inMemory[0]!);
    }
    return sizeBytes <= Math.min(sizeMaxBytes, memoryMaxBytes);
  }

  async #drop(segment: QueueSegment): Promise<void> {
    if (this.#active === segment) this.#active = undefined;
    this.#segments = this.#segments.filter((other) => other !== segment);
    for (const cursor of this.cursors) cursor.lose(segment.frames);
    await this.#remove(segment);
  }

  async #removePassed(): Promise<void> {
    const passed = Math.min(...this.cursors.map(({ next }) => next));
    const isPassed = (segment: QueueSegment) =>
      segment !== this.#active && (segment.frames.at(-1)?.sequence ?? -1) < passed;
    const gone = this.#segments.filter(isPassed);
    this.#segments = this.#segments.filter((segment) => !isPassed(segment));
    for (const segment of gone) await this.#remove(segment);
  }

  async #remove(segment: QueueSegment): Promise<void> {
    await segment.remove().catch((error) => this.#parts.onTrouble(textOf(error)));
  }

  async #savePositions(): Promise<void> {
    const positions = this.cursors.map(({ address, next }) => ({ address, ...this.#placeOf(next) }));
    await this.#parts.directory
      ?.savePositions(positions)
      .catch((error) => this.#parts.onTrouble(`positions are not written: ${textOf(error)}`));
  }

  #placeOf(sequence: number): { segment: number; offset: number } {
    const frame = this.frameFrom(sequence);
    if (frame !== undefined) return { segment: this.#segmentOf(frame)!.number, offset: frame.offset };
    const last = this.#segments.at(-1);
    return last === undefined
      ? { segment: this.#nextNumber, offset: 0 }
      : { segment: last.number, offset: last.sizeBytes };
  }

  #segmentOf({ sequence }: Frame): QueueSegment | undefined {
    return this.#segments.find(
      ({ frames }) =>
        frames.length > 0 && sequence >= frames[0]!.sequence && sequence <= frames.at(-1)!.sequence,
    );
  }

  /** Without a directory memory is the queue. */
  #memoryMaxBytes(): number {
    const { directory, limits } = this.#parts;
    return directory === undefined ? limits.sizeMaxBytes : limits.memoryMaxBytes;
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }
}

function sizeOf(segments: readonly QueueSegment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
