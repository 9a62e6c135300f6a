/**
 * QueueCursor: one address's way through the queue: what it takes, what it has delivered, what it has lost and why.
 *
 *     delivered │ in flight │ waiting            sequences, oldest first
 *   ────────────┴───────────┴─────────────►
 *              next
 *
 * Invariants
 *  1. One request is in flight at most, so that no sample of a series overtakes another.
 *  2. Each record is counted once: as delivered, or as dropped for one reason. The queue may give up records that are
 *     in flight; they are lost only when they come back.
 */

import { decodeSnappy, encodeSnappy, readSnappyHeader } from "../../kernels/snappy.js";
import { assert } from "../../model/assert.js";
import type { TimestampMs } from "../../model/sample.js";
import type { Frame } from "./queue-segment.js";

/** Why samples were given up before, or instead of, their delivery to an address. */
export type DropReason =
  /** The queue was full: the oldest go first. */
  | "overflow"
  /** They waited longer than the queue keeps them. */
  | "expired"
  /** The receiver answered that it will never take them; it may have taken a part of the request. */
  | "refused"
  /** What was read from the disk was not what had been written. */
  | "damaged";

export interface QueuedRequest {
  /** Snappy around one `WriteRequest`. */
  readonly body: Uint8Array;
  readonly samples: number;
  readonly records: number;
  readonly decodedSizeBytes: number;
}

/** What a cursor sees of the queue. */
export interface QueueView {
  /** The oldest record that is there, from this sequence on; what the queue has dropped is passed over. */
  frameFrom(sequence: number): Frame | undefined;
  /** Rejects when the record cannot be read, or is not there any more. */
  read(frame: Frame): Promise<Uint8Array>;
  /** Records before this time are too old. */
  readonly oldestQueuedAt: TimestampMs;
  /** A cursor has moved. */
  passed(): void;
  damaged(frame: Frame, cause: unknown): void;
}

export class QueueCursor {
  readonly address: string;
  readonly dropped: Record<DropReason, number> = { overflow: 0, expired: 0, refused: 0, damaged: 0 };
  delivered = 0;
  readonly #queue: QueueView;
  #next: number;
  #inFlight: Frame[] = [];
  /** Records that wait and cannot be read, which is counted already. */
  readonly #unreadable = new Set<number>();

  constructor(queue: QueueView, address: string, next: number) {
    this.#queue = queue;
    this.address = address;
    this.#next = next;
  }

  /** Of the oldest record that is not delivered. */
  get next(): number {
    return this.#next;
  }

  get isDone(): boolean {
    return this.#queue.frameFrom(this.#next) === undefined;
  }

  get waiting(): { samples: number; sizeBytes: number; oldestQueuedAt: TimestampMs | undefined } {
    const oldest = this.#queue.frameFrom(this.#next);
    let samples = 0;
    let sizeBytes = 0;
    for (let frame = oldest; frame !== undefined; frame = this.#queue.frameFrom(frame.sequence + 1)) {
      samples += frame.samples;
      sizeBytes += frame.payloadSizeBytes;
    }
    return { samples, sizeBytes, oldestQueuedAt: oldest?.queuedAt };
  }

  /**
   * The oldest records as one request, at least one of them, and no more than `sizeMaxBytes` decoded; undefined when
   * none is waiting. Ends with `commit`, `refuse` or `release`.
   */
  async take(sizeMaxBytes: number): Promise<QueuedRequest | undefined> {
    assert(this.#inFlight.length === 0, "one request is in flight at most");
    this.#expire();
    const payloads: Uint8Array[] = [];
    let decodedSizeBytes = 0;
    for (;;) {
      const frame = this.#queue.frameFrom(this.#firstWaiting);
      if (frame === undefined) break;
      this.#inFlight.push(frame);
      const payload = await this.#read(frame);
      if (payload === undefined) continue;
      const sizeBytes = readSnappyHeader(payload, decodedSizeMaxBytes).decodedSize;
      if (payloads.length > 0 && decodedSizeBytes + sizeBytes > sizeMaxBytes) {
        this.#giveBack([this.#inFlight.pop()!]);
        break;
      }
      payloads.push(payload);
      decodedSizeBytes += sizeBytes;
    }
    if (payloads.length === 0) {
      if (this.#inFlight.length > 0) this.#pass();
      return undefined;
    }
    const samples = samplesOf(this.#inFlight);
    return { body: joinRequests(payloads), samples, records: payloads.length, decodedSizeBytes };
  }

  /** The request in flight is stored. */
  commit(): void {
    this.delivered += samplesOf(this.#inFlight);
    this.#pass();
  }

  /** The request in flight will never be taken. */
  refuse(): void {
    this.dropped.refused += samplesOf(this.#inFlight);
    this.#pass();
  }

  /** The request in flight is tried again later: its records wait again, those that the queue still has. */
  release(): void {
    this.#giveBack(this.#inFlight);
    this.#inFlight = [];
  }

  /** The queue gives up these records. What is in flight is not lost yet. */
  lose(frames: readonly Frame[]): void {
    const firstWaiting = this.#firstWaiting;
    this.dropped.overflow += samplesOf(frames.filter(({ sequence }) => sequence >= firstWaiting));
  }

  get #firstWaiting(): number {
    const last = this.#inFlight.at(-1);
    return last === undefined ? this.#next : last.sequence + 1;
  }

  #pass(): void {
    this.#next = this.#firstWaiting;
    this.#inFlight = [];
    this.#unreadable.clear();
    this.#queue.passed();
  }

  #expire(): void {
    const { oldestQueuedAt } = this.#queue;
    const before = this.#next;
    for (;;) {
      const frame = this.#queue.frameFrom(this.#next);
      if (frame === undefined || frame.queuedAt >= oldestQueuedAt) break;
      this.dropped.expired += frame.samples;
      this.#next = frame.sequence + 1;
    }
    if (this.#next > before) this.#queue.passed();
  }

  #giveBack(frames: readonly Frame[]): void {
    this.dropped.overflow += samplesOf(frames.filter(({ sequence }) => !this.#isQueued(sequence)));
  }

  /** Undefined when the record, the last in flight, cannot be read. It is counted, and nothing of it is in flight. */
  async #read(frame: Frame): Promise<Uint8Array | undefined> {
    try {
      if (!this.#unreadable.has(frame.sequence)) return await this.#queue.read(frame);
    } catch (cause) {
      if (this.#isQueued(frame.sequence)) {
        this.#unreadable.add(frame.sequence);
        this.dropped.damaged += frame.samples;
        this.#queue.damaged(frame, cause);
      } else {
        this.dropped.overflow += frame.samples;
      }
    }
    this.#inFlight[this.#inFlight.length - 1] = { ...frame, samples: 0 };
    return undefined;
  }

  #isQueued(sequence: number): boolean {
    return this.#queue.frameFrom(sequence)?.sequence === sequence;
  }
}

/** Records are our own, and checked. */
const decodedSizeMaxBytes = 2 ** 31;

/** A message that is followed by another is one message with the fields of both: so protobuf merges. */
function joinRequests(payloads: readonly Uint8Array[]): Uint8Array {
  if (payloads.length === 1) return payloads[0]!;
  return encodeSnappy(Buffer.concat(payloads.map((payload) => decodeSnappy(payload, decodedSizeMaxBytes))));
}

function samplesOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { samples }) => sum + samples, 0);
}
