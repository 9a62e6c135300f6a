/**
 * MemorySeries: the samples of one series in memory.
 *
 *   in order:      closed chunks, then the one open chunk that is appended to
 *   out of order:  OutOfOrderSamples, for what came later than a newer sample
 *
 * Invariants
 *  1. Every in-order append is above `newestTime`, every out-of-order sample below it, and it never goes back,
 *     not even when a block takes the samples over. So the two parts share no time.
 *  2. Closed chunks are in time order, do not overlap, and never change.
 *  3. A series without samples is invisible: it was staged but not committed, or a block has all it had.
 *
 * Readers hold chunks without copies: those of the open chunk stay right for the count they were handed out
 * with (see XorAppender).
 */

import { XorAppender } from "../../kernels/xor-appender.js";
import type { Labels } from "../../model/labels.js";
import type { TimeRange, TimestampMs } from "../../model/sample.js";
import { ALL_TIME, rangesOverlap } from "../../model/sample.js";
import { CHUNK_XOR, type EncodedChunk, type SeriesRef } from "../../model/series.js";
import { sameValueAt } from "../../model/staleness.js";
import { withoutDeleted } from "../chunk/delete-samples.js";
import { decodeChunk, encodeChunk, sliceColumns, XOR_SAMPLES_PER_CHUNK } from "../chunk/encode-chunks.js";
import { type AppendOutcome, lowerBound, OutOfOrderSamples } from "./out-of-order-samples.js";

export class MemorySeries {
  readonly ref: SeriesRef;
  readonly labels: Labels;
  /** The last generation of the head in which a record of this process with this series was applied; 0 for none. */
  loggedIn = 0;
  #newestTime = -Infinity;
  #closed: EncodedChunk[] = [];
  #open: XorAppender | undefined;
  #outOfOrder: OutOfOrderSamples | undefined;
  #sampleCount = 0;

  constructor(ref: SeriesRef, labels: Labels) {
    this.ref = ref;
    this.labels = labels;
  }

  get sampleCount(): number {
    return this.#sampleCount;
  }

  get chunkCount(): number {
    return this.#closed.length + (this.#open === undefined ? 0 : 1) + (this.#outOfOrder?.chunkCount ?? 0);
  }

  /** Infinity without samples. */
  get minTime(): TimestampMs {
    const inOrder = this.#closed[0]?.minTime ?? this.#open?.minTime ?? Infinity;
    return Math.min(inOrder, this.#outOfOrder?.minTime ?? Infinity);
  }

  /** -Infinity without samples. */
  get maxTime(): TimestampMs {
    const inOrder = this.#open?.maxTime ?? this.#closed.at(-1)?.maxTime ?? -Infinity;
    return Math.max(inOrder, this.#outOfOrder?.maxTime ?? -Infinity);
  }

  append(time: TimestampMs, values: Float64Array, index: number): AppendOutcome {
    const outcome =
      time > this.#newestTime
        ? this.#appendInOrder(time, values, index)
        : (this.#compareInOrder(time, values, index) ?? this.#insertOutOfOrder(time, values, index));
    if (outcome === "appended") this.#sampleCount++;
    return outcome;
  }

  /** The chunks that overlap `range`: those in order first, each part in time order. */
  chunksIn(range: TimeRange): EncodedChunk[] {
    const chunks = this.#closed.filter((chunk) => rangesOverlap(chunk, range));
    if (this.#open !== undefined && rangesOverlap(this.#open, range)) chunks.push(openChunkOf(this.#open));
    if (this.#outOfOrder !== undefined) chunks.push(...this.#outOfOrder.chunksIn(range));
    return chunks;
  }

  /** Samples in chunks that begin before `end`. */
  countBelow(end: TimestampMs): number {
    let count = this.#open !== undefined && this.#open.minTime < end ? this.#open.count : 0;
    for (const chunk of this.#closed) if (chunk.minTime < end) count += chunk.count;
    return count + (this.#outOfOrder?.countBelow(end) ?? 0);
  }

  /**
   * What a block shall take over: all samples below `end`, in chunks that may reach beyond it. The open chunk is
   * closed if it is among them, so that what `dropTaken` drops is exactly what was handed out here.
   */
  takeBelow(end: TimestampMs): TakenChunks {
    if (this.#open !== undefined && this.#open.minTime < end) this.#closeOpenChunk();
    const below = { minTime: ALL_TIME.minTime, maxTime: end - 1 };
    return {
      inOrder: this.#closed.filter((chunk) => chunk.minTime < end),
      outOfOrder: this.#outOfOrder?.chunksIn(below) ?? [],
    };
  }

  /** Drops the samples below `end` that `takeBelow` handed out; what was appended since then stays. */
  dropTaken(taken: TakenChunks, end: TimestampMs): void {
    const rest = taken.inOrder.flatMap((chunk) => chunkFrom(chunk, end));
    this.#closed.splice(0, taken.inOrder.length, ...rest);
    this.#outOfOrder?.dropTaken(taken.outOfOrder, end);
    this.#forgetOutOfOrderIfEmpty();
    this.#recount();
  }

  /** Deletes the samples in the range. Their times may be given again, and are then out of order. */
  deleteSamples(range: TimeRange): void {
    if (this.#open !== undefined && rangesOverlap(this.#open, range)) this.#closeOpenChunk();
    this.#closed = this.#closed
      .map((chunk) => withoutDeleted(chunk, [range]))
      .filter((chunk) => chunk !== undefined);
    this.#outOfOrder?.deleteSamples(range);
    this.#forgetOutOfOrderIfEmpty();
    this.#recount();
  }

  #forgetOutOfOrderIfEmpty(): void {
    if (this.#outOfOrder?.count === 0) this.#outOfOrder = undefined;
  }

  #recount(): void {
    this.#sampleCount =
      this.#closed.reduce((sum, chunk) => sum + chunk.count, 0) +
      (this.#open?.count ?? 0) +
      (this.#outOfOrder?.count ?? 0);
  }

  #appendInOrder(time: TimestampMs, values: Float64Array, index: number): AppendOutcome {
    if (this.#open !== undefined && this.#open.count >= XOR_SAMPLES_PER_CHUNK) this.#closeOpenChunk();
    this.#open ??= new XorAppender();
    this.#open.append(time, values, index);
    this.#newestTime = time;
    return "appended";
  }

  #insertOutOfOrder(time: TimestampMs, values: Float64Array, index: number): AppendOutcome {
    this.#outOfOrder ??= new OutOfOrderSamples();
    return this.#outOfOrder.insert(time, values, index);
  }

  /** Compares with the in-order sample at this time; undefined when there is none. */
  #compareInOrder(time: TimestampMs, values: Float64Array, index: number): AppendOutcome | undefined {
    const chunk = this.#inOrderChunkAt(time);
    if (chunk === undefined) return undefined;
    const samples = decodeChunk(chunk);
    const position = lowerBound(samples.times, samples.length, time);
    if (samples.times[position] !== time) return undefined;
    return sameValueAt(samples.values, position, values, index) ? "repeated" : "conflicting";
  }

  #inOrderChunkAt(time: TimestampMs): EncodedChunk | undefined {
    if (this.#open !== undefined && this.#open.minTime <= time) return openChunkOf(this.#open);
    let low = 0;
    let high = this.#closed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#closed[middle]!.maxTime < time) low = middle + 1;
      else high = middle;
    }
    const chunk = this.#closed[low];
    return chunk !== undefined && chunk.minTime <= time ? chunk : undefined;
  }

  #closeOpenChunk(): void {
    const chunk = openChunkOf(this.#open!);
    // A copy of the right size, so that what the appender's buffer has beyond it is freed.
    this.#closed.push({ ...chunk, bytes: chunk.bytes.slice() });
    this.#open = undefined;
  }
}

/** What `takeBelow` handed out, for `dropTaken`. */
export interface TakenChunks {
  readonly inOrder: readonly EncodedChunk[];
  readonly outOfOrder: readonly EncodedChunk[];
}

function openChunkOf(open: XorAppender): EncodedChunk {
  return {
    encoding: CHUNK_XOR,
    minTime: open.minTime,
    maxTime: open.maxTime,
    count: open.count,
    bytes: open.bytes(),
  };
}

/** The samples of a chunk from `start` on, as no chunk or one. */
function chunkFrom(chunk: EncodedChunk, start: TimestampMs): EncodedChunk[] {
  if (chunk.maxTime < start) return [];
  if (chunk.minTime >= start) return [chunk];
  const columns = decodeChunk(chunk);
  const from = lowerBound(columns.times, columns.length, start);
  return [encodeChunk(sliceColumns(columns, from, columns.length))];
}
