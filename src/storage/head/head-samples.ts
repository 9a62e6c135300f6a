/**
 * HeadSamples: the samples of all series of the head, by slot.
 *
 *   in order:      closed chunks, then the one open chunk that is appended to
 *   out of order:  OutOfOrderSamples, for what came later than a newer sample; few series have any
 *
 * Invariants
 *  1. Every in-order append is above the newest time, every out-of-order sample below it, and it never goes back, not
 *     even when a block takes the samples over. So the two parts share no time.
 *  2. The closed chunks of a series are in time order, do not overlap, and never change.
 *  3. A series without samples is invisible: it was staged but not committed, or a block has all it had.
 */

import { decodeXor } from "../../kernels/xor.js";
import { XOR_SAMPLE_SIZE_BYTES_MAX } from "../../kernels/xor-format.js";
import { assert } from "../../model/assert.js";
import type { SampleColumns, TimeRange, TimestampMs } from "../../model/sample.js";
import { rangesOverlap } from "../../model/sample.js";
import { CHUNK_XOR, type EncodedChunk } from "../../model/series.js";
import { sameValueAt } from "../../model/staleness.js";
import { withoutDeleted } from "../chunk/delete-samples.js";
import { decodeChunk, encodeChunk, sliceColumns, XOR_SAMPLES_PER_CHUNK } from "../chunk/encode-chunks.js";
import { ChunkCopies } from "./chunk-copies.js";
import { CLOSED_CHUNK_MAX, ClosedChunks, NO_CHUNK } from "./closed-chunks.js";
import { grown } from "./columns.js";
import { OpenChunks } from "./open-chunks.js";
import { type AppendOutcome, lowerBound, OutOfOrderSamples } from "./out-of-order-samples.js";

/** What `takeBelow` has found, for `takenChunks` and `dropTaken`. */
export interface TakenChunks {
  /** The place of the newest closed chunk that was taken; all older ones were, too. */
  readonly newest: number;
  readonly outOfOrder: readonly EncodedChunk[];
}

const nothingTaken: readonly EncodedChunk[] = [];

export class HeadSamples {
  readonly #closed = new ClosedChunks();
  readonly #open = new OpenChunks();
  readonly #outOfOrder = new Map<number, OutOfOrderSamples>();
  /** Place of the newest closed chunk. */
  #newestChunks = new Float64Array(0);
  #newestTimes = new Float64Array(0);
  /** Infinity and -Infinity without samples. */
  #minTimes = new Float64Array(0);
  #maxTimes = new Float64Array(0);
  #sampleCounts = new Uint32Array(0);
  /** The samples of the chunk that was looked into last; its place, if it is a closed one. */
  #decoded = { times: new Float64Array(0), values: new Float64Array(0), length: 0 };
  #decodedPlace = NO_CHUNK;
  readonly #openBytes = new Uint8Array(XOR_SAMPLES_PER_CHUNK * (XOR_SAMPLE_SIZE_BYTES_MAX + 1));

  /** A slot that begins anew, without samples. */
  begin(slot: number): void {
    const end = slot + 1;
    this.#open.reserve(end);
    this.#newestChunks = grown(this.#newestChunks, end);
    this.#newestTimes = grown(this.#newestTimes, end);
    this.#minTimes = grown(this.#minTimes, end);
    this.#maxTimes = grown(this.#maxTimes, end);
    this.#sampleCounts = grown(this.#sampleCounts, end);
    assert(this.#sampleCounts[slot] === 0, "a series ends without samples");
    this.#newestTimes[slot] = -Infinity;
    this.#minTimes[slot] = Infinity;
    this.#maxTimes[slot] = -Infinity;
  }

  capacity(): { readonly closedChunkBytes: number; readonly openChunkBytes: number } {
    return { closedChunkBytes: this.#closed.sizeBytes, openChunkBytes: this.#open.sizeBytes };
  }

  sampleCountOf(slot: number): number {
    return this.#sampleCounts[slot]!;
  }

  /** Infinity without samples. */
  minTimeOf(slot: number): TimestampMs {
    return this.#minTimes[slot]!;
  }

  /** -Infinity without samples. */
  maxTimeOf(slot: number): TimestampMs {
    return this.#maxTimes[slot]!;
  }

  chunkCountOf(slot: number): number {
    let count = this.#open.countOf(slot) > 0 ? 1 : 0;
    for (let place = this.#newestChunks[slot]!; place !== NO_CHUNK; place = this.#closed.previousOf(place))
      count++;
    return count + (this.#outOfOrder.get(slot)?.chunkCount ?? 0);
  }

  /** Whether the series may have samples in the range: its first and last sample span it. */
  mayOverlap(slot: number, { minTime, maxTime }: TimeRange): boolean {
    return this.#minTimes[slot]! <= maxTime && minTime <= this.#maxTimes[slot]!;
  }

  append(slot: number, time: TimestampMs, values: Float64Array, index: number): AppendOutcome {
    const newestTime = this.#newestTimes[slot]!;
    if (time > newestTime) {
      if (this.#open.countOf(slot) >= XOR_SAMPLES_PER_CHUNK) this.#closeOpenChunk(slot);
      this.#open.append(slot, newestTime, time, values, index);
      this.#newestTimes[slot] = time;
      this.#maxTimes[slot] = time;
    } else {
      const outcome =
        this.#compareInOrder(slot, time, values, index) ??
        this.#outOfOrderOf(slot).insert(time, values, index);
      if (outcome !== "appended") return outcome;
      if (time > this.#maxTimes[slot]!) this.#maxTimes[slot] = time;
    }
    if (time < this.#minTimes[slot]!) this.#minTimes[slot] = time;
    this.#sampleCounts[slot]!++;
    return "appended";
  }

  /** Takes a whole chunk that is newer than everything before; returns false when it is not, or cannot be held so. */
  appendChunk(slot: number, chunk: EncodedChunk): boolean {
    const { encoding, minTime, maxTime, count, bytes } = chunk;
    if (encoding !== CHUNK_XOR || minTime <= this.#newestTimes[slot]!) return false;
    if (bytes.length > CLOSED_CHUNK_MAX || count > CLOSED_CHUNK_MAX) return false;
    if (this.#open.countOf(slot) > 0) this.#closeOpenChunk(slot);
    this.#newestChunks[slot] = this.#closed.addCopy(chunk, this.#newestChunks[slot]!);
    this.#newestTimes[slot] = maxTime;
    this.#maxTimes[slot] = maxTime;
    if (minTime < this.#minTimes[slot]!) this.#minTimes[slot] = minTime;
    this.#sampleCounts[slot]! += count;
    return true;
  }

  /**
   * The chunks that overlap `range`: those in order first, each part in time order. The open chunk is copied to
   * `copies`; all others are handed out as they are, and stay.
   */
  chunksIn(slot: number, range: TimeRange, copies = new ChunkCopies()): EncodedChunk[] {
    const chunks: EncodedChunk[] = [];
    if (this.#open.countOf(slot) > 0 && this.#openOverlaps(slot, range))
      chunks.push(this.#openChunk(slot, copies));
    for (let place = this.#newestChunks[slot]!; place !== NO_CHUNK; place = this.#closed.previousOf(place)) {
      if (this.#closed.minTimeOf(place) > range.maxTime) continue;
      if (this.#closed.maxTimeOf(place) < range.minTime) break;
      chunks.push(this.#closed.at(place));
    }
    chunks.reverse();
    const outOfOrder = this.#outOfOrder.get(slot);
    if (outOfOrder !== undefined) chunks.push(...outOfOrder.chunksIn(range));
    return chunks;
  }

  /** Samples in chunks that begin before `end`. */
  countBelow(slot: number, end: TimestampMs): number {
    if (this.#minTimes[slot]! >= end) return 0;
    let count = this.#open.minTimeOf(slot) < end ? this.#open.countOf(slot) : 0;
    for (let place = this.#newestChunks[slot]!; place !== NO_CHUNK; place = this.#closed.previousOf(place))
      if (this.#closed.minTimeOf(place) < end) count += this.#closed.countOf(place);
    return count + (this.#outOfOrder.get(slot)?.countBelow(end) ?? 0);
  }

  /**
   * What a block shall take over: all samples below `end`. Chunks are closed and split there, so that what `dropTaken`
   * drops is exactly what was taken here.
   */
  takeBelow(slot: number, end: TimestampMs): TakenChunks {
    if (this.#open.countOf(slot) > 0 && this.#open.minTimeOf(slot) < end) this.#closeOpenChunk(slot);
    let newer = NO_CHUNK;
    let place = this.#newestChunks[slot]!;
    while (place !== NO_CHUNK && this.#closed.minTimeOf(place) >= end) {
      newer = place;
      place = this.#closed.previousOf(place);
    }
    if (place !== NO_CHUNK && this.#closed.maxTimeOf(place) >= end)
      place = this.#split(slot, newer, place, end);
    return { newest: place, outOfOrder: this.#outOfOrder.get(slot)?.takeBelow(end) ?? nothingTaken };
  }

  /** What was taken, those in order first; not to be called any more once it was dropped. */
  takenChunks({ newest, outOfOrder }: TakenChunks): EncodedChunk[] {
    const chunks: EncodedChunk[] = [];
    for (let place = newest; place !== NO_CHUNK; place = this.#closed.previousOf(place))
      chunks.push(this.#closed.at(place));
    chunks.reverse();
    for (const chunk of outOfOrder) chunks.push(chunk);
    return chunks;
  }

  /** Drops what `takeBelow` took; what was appended since then stays. */
  dropTaken(slot: number, { newest, outOfOrder }: TakenChunks): void {
    if (newest !== NO_CHUNK) this.#dropClosed(slot, newest);
    if (outOfOrder.length > 0) this.#outOfOrder.get(slot)?.dropTaken(outOfOrder);
    this.#recount(slot);
  }

  /** Deletes the samples in the range. Their times may be given again, and are then out of order. */
  deleteSamples(slot: number, range: TimeRange): void {
    if (this.#open.countOf(slot) > 0 && this.#openOverlaps(slot, range)) this.#closeOpenChunk(slot);
    this.#deleteClosed(slot, range);
    this.#outOfOrder.get(slot)?.deleteSamples(range);
    this.#recount(slot);
  }

  /** Moves chunks that keep a mostly empty slab alive to the newest one. */
  moveFromSparseSlabs(slot: number): void {
    let newer = NO_CHUNK;
    let place = this.#newestChunks[slot]!;
    while (place !== NO_CHUNK) {
      const previous = this.#closed.previousOf(place);
      if (this.#closed.isInSparseSlab(place)) {
        const moved = this.#closed.addCopy(this.#closed.at(place), previous);
        this.#linkBehind(slot, newer, moved);
        this.#closed.remove(place);
        newer = moved;
      } else newer = place;
      place = previous;
    }
  }

  #dropClosed(slot: number, newest: number): void {
    let newer = NO_CHUNK;
    let place = this.#newestChunks[slot]!;
    while (place !== newest) {
      assert(place !== NO_CHUNK, "what was taken stays until it is dropped");
      newer = place;
      place = this.#closed.previousOf(place);
    }
    this.#linkBehind(slot, newer, NO_CHUNK);
    while (place !== NO_CHUNK) {
      const previous = this.#closed.previousOf(place);
      this.#closed.remove(place);
      place = previous;
    }
  }

  /** Replaces a chunk by its samples below `end` and those from there on; returns the place of the first part. */
  #split(slot: number, newer: number, place: number, end: TimestampMs): number {
    const columns = decodeChunk(this.#closed.at(place));
    const at = lowerBound(columns.times, columns.length, end);
    const below = encodeChunk(sliceColumns(columns, 0, at));
    const rest = encodeChunk(sliceColumns(columns, at, columns.length));
    const belowPlace = this.#closed.addCopy(below, this.#closed.previousOf(place));
    this.#linkBehind(slot, newer, this.#closed.addCopy(rest, belowPlace));
    this.#closed.remove(place);
    return belowPlace;
  }

  /** Chunks that have nothing in the range keep their places. */
  #deleteClosed(slot: number, range: TimeRange): void {
    let newer = NO_CHUNK;
    let place = this.#newestChunks[slot]!;
    while (place !== NO_CHUNK) {
      const previous = this.#closed.previousOf(place);
      const chunk = this.#closed.at(place);
      const kept = rangesOverlap(chunk, range) ? withoutDeleted(chunk, [range]) : chunk;
      if (kept === chunk) newer = place;
      else {
        const rest = kept === undefined ? previous : this.#closed.addCopy(kept, previous);
        this.#linkBehind(slot, newer, rest);
        this.#closed.remove(place);
        if (kept !== undefined) newer = rest;
      }
      place = previous;
    }
  }

  /** Makes `place` the one before `newer`, or the newest one of the series when there is none. */
  #linkBehind(slot: number, newer: number, place: number): void {
    if (newer === NO_CHUNK) this.#newestChunks[slot] = place;
    else this.#closed.setPrevious(newer, place);
  }

  #recount(slot: number): void {
    const outOfOrder = this.#outOfOrder.get(slot);
    if (outOfOrder?.count === 0) this.#outOfOrder.delete(slot);
    let count = this.#open.countOf(slot);
    let minTime = count > 0 ? this.#open.minTimeOf(slot) : Infinity;
    let maxTime = count > 0 ? this.#newestTimes[slot]! : -Infinity;
    for (let place = this.#newestChunks[slot]!; place !== NO_CHUNK; place = this.#closed.previousOf(place)) {
      count += this.#closed.countOf(place);
      minTime = this.#closed.minTimeOf(place);
      if (maxTime === -Infinity) maxTime = this.#closed.maxTimeOf(place);
    }
    this.#sampleCounts[slot] = count + (outOfOrder?.count ?? 0);
    this.#minTimes[slot] = Math.min(minTime, outOfOrder?.minTime ?? Infinity);
    this.#maxTimes[slot] = Math.max(maxTime, outOfOrder?.maxTime ?? -Infinity);
  }

  #outOfOrderOf(slot: number): OutOfOrderSamples {
    let samples = this.#outOfOrder.get(slot);
    if (samples === undefined) {
      samples = new OutOfOrderSamples();
      this.#outOfOrder.set(slot, samples);
    }
    return samples;
  }

  /** Compares with the in-order sample at this time; undefined when there is none. */
  #compareInOrder(
    slot: number,
    time: TimestampMs,
    values: Float64Array,
    index: number,
  ): AppendOutcome | undefined {
    const samples = this.#samplesAround(slot, time);
    if (samples === undefined) return undefined;
    const position = lowerBound(samples.times, samples.length, time);
    if (position === samples.length || samples.times[position] !== time) return undefined;
    return sameValueAt(samples.values, position, values, index) ? "repeated" : "conflicting";
  }

  /** The samples of the in-order chunk that spans `time`, if there is one: borrowed until the next call. */
  #samplesAround(slot: number, time: TimestampMs): SampleColumns | undefined {
    const openCount = this.#open.countOf(slot);
    if (openCount > 0 && this.#open.minTimeOf(slot) <= time) {
      const bytes = this.#openBytes.subarray(0, this.#open.sizeBytesOf(slot));
      this.#open.copyTo(slot, bytes, 0);
      return this.#decode(bytes, openCount, NO_CHUNK);
    }
    let place = this.#newestChunks[slot]!;
    while (place !== NO_CHUNK && this.#closed.minTimeOf(place) > time) place = this.#closed.previousOf(place);
    if (place === NO_CHUNK || this.#closed.maxTimeOf(place) < time) return undefined;
    if (place === this.#decodedPlace) return this.#decoded;
    return this.#decode(this.#closed.bytesOf(place), this.#closed.countOf(place), place);
  }

  #decode(bytes: Uint8Array, count: number, place: number): SampleColumns {
    if (count > this.#decoded.times.length)
      this.#decoded = { times: new Float64Array(count), values: new Float64Array(count), length: 0 };
    this.#decodedPlace = NO_CHUNK;
    this.#decoded.length = decodeXor(bytes, count, this.#decoded);
    this.#decodedPlace = place;
    return this.#decoded;
  }

  #openOverlaps(slot: number, range: TimeRange): boolean {
    return this.#open.minTimeOf(slot) <= range.maxTime && range.minTime <= this.#newestTimes[slot]!;
  }

  #openChunk(slot: number, copies: ChunkCopies): EncodedChunk {
    const bytes = copies.take(this.#open.sizeBytesOf(slot));
    this.#open.copyTo(slot, bytes, 0);
    return {
      encoding: CHUNK_XOR,
      minTime: this.#open.minTimeOf(slot),
      maxTime: this.#newestTimes[slot]!,
      count: this.#open.countOf(slot),
      bytes,
    };
  }

  #closeOpenChunk(slot: number): void {
    const place = this.#closed.add({
      minTime: this.#open.minTimeOf(slot),
      maxTime: this.#newestTimes[slot]!,
      count: this.#open.countOf(slot),
      length: this.#open.sizeBytesOf(slot),
      previous: this.#newestChunks[slot]!,
    });
    this.#open.copyTo(slot, this.#closed.bytesOf(place), 0);
    this.#open.clear(slot);
    this.#newestChunks[slot] = place;
  }
}
