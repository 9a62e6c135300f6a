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

import { assert } from "../../model/assert.js";
import type { TimeRange, TimestampMs } from "../../model/sample.js";
import { rangesOverlap } from "../../model/sample.js";
import { CHUNK_XOR, type EncodedChunk } from "../../model/series.js";
import { sameValueAt } from "../../model/staleness.js";
import { withoutDeleted } from "../chunk/delete-samples.js";
import { decodeChunk, encodeChunk, sliceColumns } from "../chunk/encode-chunks.js";
import type { ScratchFile } from "../fs/file-system.js";
import { ChunkCopies } from "./chunk-copies.js";
import { CLOSED_CHUNK_MAX, ClosedChunks, NO_CHUNK } from "./closed-chunks.js";
import { grown } from "./columns.js";
import { type AppendOutcome, lowerBound, OutOfOrderSamples } from "./out-of-order-samples.js";
import { SeriesStates, type SlotColumns } from "./series-states.js";

/** What `takeBelow` has found, for `takenChunks` and `dropTaken`. */
export interface TakenChunks {
  /** The place of the newest closed chunk that was taken; all older ones were, too. */
  readonly newest: number;
  readonly outOfOrder: readonly EncodedChunk[];
}

const nothingTaken: readonly EncodedChunk[] = [];

export class HeadSamples {
  readonly #closed: ClosedChunks;
  readonly states: SeriesStates;
  readonly #outOfOrder = new Map<number, OutOfOrderSamples>();
  /** Place of the newest closed chunk. */
  #newestChunks = new Float64Array(0);

  /** `scratch`, which is closed with this, takes what is not in memory: see Slabs. */
  constructor(states = new SeriesStates(), scratch?: ScratchFile) {
    this.states = states;
    this.#closed = new ClosedChunks(scratch);
  }

  /** A slot that begins anew, without samples. */
  begin(slot: number): void {
    this.states.begin(slot);
    this.#newestChunks = grown(this.#newestChunks, slot + 1);
    assert(this.#newestChunks[slot] === NO_CHUNK, "a series ends without samples");
  }

  capacity(): { readonly closedChunkBytes: number; readonly openChunkBytes: number } {
    return { closedChunkBytes: this.#closed.sizeBytes, openChunkBytes: this.states.openChunkBytes };
  }

  close(): void {
    this.#closed.close();
  }

  sampleCountOf(slot: number): number {
    return this.states.sampleCountOf(slot);
  }

  /** Infinity without samples. */
  minTimeOf(slot: number): TimestampMs {
    return this.states.minTimeOf(slot);
  }

  /** -Infinity without samples. */
  maxTimeOf(slot: number): TimestampMs {
    return this.states.maxTimeOf(slot);
  }

  /** Of all series, without the open ones. */
  finishedChunkCount(): number {
    const late = [...this.#outOfOrder.values()].reduce((sum, { chunkCount }) => sum + chunkCount, 0);
    return this.#closed.count + late;
  }

  /** Whether the series may have samples in the range: its first and last sample span it. */
  mayOverlap(slot: number, { minTime, maxTime }: TimeRange): boolean {
    return this.states.minTimeOf(slot) <= maxTime && minTime <= this.states.maxTimeOf(slot);
  }

  /**
   * Calls `onUnnamed` with rows whose series no durable record of this process has named, and `onRepeated` with those
   * that need not be logged: they repeat an in-order sample of their series that is applied and stands in a durable
   * record of this process.
   */
  screenRows(rows: SlotColumns, onUnnamed: (row: number) => void, onRepeated: (row: number) => void): void {
    const states = this.states;
    const { slots, times, values, length } = rows;
    for (let from = 0; from < length; ) {
      const count = states.loadTimes(rows, from);
      for (let at = states.screenRows(0, count); at < count; at = states.screenRows(at + 1, count)) {
        const row = from + at;
        const slot = slots[row]!;
        if (!states.isNamed(slot)) onUnnamed(row);
        else if (states.repeatsNewest(slot, times[row]!, values, row) || this.#repeatsOlder(slot, rows, row))
          onRepeated(row);
      }
      from += count;
    }
  }

  /**
   * Appends rows that stand in a durable record, which names their series in `generation`; undefined when the log is
   * being replayed. `onOther` gets the rows that are not stored, and why.
   */
  appendRows(
    rows: SlotColumns,
    generation: number | undefined,
    onOther: (row: number, outcome: AppendOutcome) => void,
  ): void {
    const states = this.states;
    for (let from = 0; from < rows.length; ) {
      const count = this.#load(rows, from);
      for (let row = 0; ; ) {
        row = states.appendRows(row, count, generation);
        if (row === count) break;
        const slot = rows.slots[from + row]!;
        if (rows.times[from + row]! > states.newestTimeOf(slot)) {
          this.#closeOpenChunk(slot);
          continue;
        }
        if (generation !== undefined) states.markNamed(slot, generation);
        const outcome = this.#appendLate(slot, rows, from + row, generation !== undefined);
        if (outcome !== "appended") onOther(from + row, outcome);
        row++;
      }
      from += count;
    }
  }

  #repeatsOlder(slot: number, { times, values, notInOrder }: SlotColumns, row: number): boolean {
    if (!this.states.isOwn(slot)) return false;
    const isInOrder = this.#findInOrder(slot, times[row]!);
    // It stays so, as what is appended in order is newer.
    if (notInOrder !== undefined && !isInOrder) notInOrder[row] = 1;
    return isInOrder && sameValueAt(this.states.foundValue, 0, values, row);
  }

  /** Loads rows from `from` on into the memory of the kernel and returns how many. */
  #load(rows: SlotColumns, from: number): number {
    const count = this.states.load(rows, from);
    if (count > 0) return count;
    // The memory is full: every open chunk is closed, which gives all cells free.
    for (let slot = 1; slot < this.states.slotsEnd; slot++)
      if (this.states.openCountOf(slot) > 0) this.#closeOpenChunk(slot);
    const countNow = this.states.load(rows, from);
    assert(countNow > 0, "the memory of the head has room for open chunks");
    return countNow;
  }

  #appendLate(slot: number, rows: SlotColumns, row: number, isOwn: boolean): AppendOutcome {
    const { times, values, notInOrder } = rows;
    const states = this.states;
    const time = times[row]!;
    let outcome: AppendOutcome;
    if (notInOrder?.[row] !== 1 && this.#findInOrder(slot, time))
      outcome = sameValueAt(states.foundValue, 0, values, row) ? "repeated" : "conflicting";
    else outcome = this.#outOfOrderOf(slot).insert(time, values, row);
    if (outcome === "appended") states.countLate(slot, time);
    else if (isOwn && outcome === "repeated" && time === states.newestTimeOf(slot))
      states.markNewestOwn(slot);
    return outcome;
  }

  /** Takes a whole chunk that is newer than everything before; returns false when it is not, or cannot be held so. */
  appendChunk(slot: number, chunk: EncodedChunk): boolean {
    const { encoding, minTime, maxTime, count, bytes } = chunk;
    if (encoding !== CHUNK_XOR || minTime <= this.states.newestTimeOf(slot)) return false;
    if (bytes.length > CLOSED_CHUNK_MAX || count > CLOSED_CHUNK_MAX) return false;
    if (this.states.openCountOf(slot) > 0) this.#closeOpenChunk(slot);
    this.#newestChunks[slot] = this.#closed.addCopy(chunk, this.#newestChunks[slot]!);
    this.states.setNewestTime(slot, maxTime);
    const firstTime = Math.min(minTime, this.states.minTimeOf(slot));
    this.states.setSummary(slot, this.states.sampleCountOf(slot) + count, firstTime, maxTime);
    return true;
  }

  /**
   * The chunks that overlap `range`: those in order first, each part in time order, copied to `copies`; those of samples
   * out of order are handed out as they are, and stay.
   */
  chunksIn(slot: number, range: TimeRange, copies = new ChunkCopies()): EncodedChunk[] {
    const chunks: EncodedChunk[] = [];
    if (this.states.openCountOf(slot) > 0 && this.#openOverlaps(slot, range))
      chunks.push(this.#openChunk(slot, copies));
    // What is closed is older than what is open, and may have to be read from the disk.
    const isClosedNeeded = chunks.length === 0 || range.minTime < this.states.openMinTimeOf(slot);
    let place = isClosedNeeded ? this.#newestChunks[slot]! : NO_CHUNK;
    for (; place !== NO_CHUNK; place = this.#closed.previousOf(place)) {
      if (this.#closed.minTimeOf(place) > range.maxTime) continue;
      if (this.#closed.maxTimeOf(place) < range.minTime) break;
      chunks.push(this.#closed.at(place, copies));
    }
    chunks.reverse();
    const outOfOrder = this.#outOfOrder.get(slot);
    if (outOfOrder !== undefined) chunks.push(...outOfOrder.chunksIn(range));
    return chunks;
  }

  /** Samples in chunks that begin before `end`. */
  countBelow(slot: number, end: TimestampMs): number {
    if (this.states.minTimeOf(slot) >= end) return 0;
    let count = this.states.openMinTimeOf(slot) < end ? this.states.openCountOf(slot) : 0;
    for (let place = this.#newestChunks[slot]!; place !== NO_CHUNK; place = this.#closed.previousOf(place))
      if (this.#closed.minTimeOf(place) < end) count += this.#closed.countOf(place);
    return count + (this.#outOfOrder.get(slot)?.countBelow(end) ?? 0);
  }

  /**
   * What a block shall take over: all samples below `end`. Chunks are closed and split there, so that what `dropTaken`
   * drops is exactly what was taken here.
   */
  takeBelow(slot: number, end: TimestampMs): TakenChunks {
    if (this.states.openCountOf(slot) > 0 && this.states.openMinTimeOf(slot) < end)
      this.#closeOpenChunk(slot);
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
    if (this.states.openCountOf(slot) > 0 && this.#openOverlaps(slot, range)) this.#closeOpenChunk(slot);
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
    let count = this.states.openCountOf(slot);
    let minTime = count > 0 ? this.states.openMinTimeOf(slot) : Infinity;
    let maxTime = count > 0 ? this.states.newestTimeOf(slot) : -Infinity;
    for (let place = this.#newestChunks[slot]!; place !== NO_CHUNK; place = this.#closed.previousOf(place)) {
      count += this.#closed.countOf(place);
      minTime = this.#closed.minTimeOf(place);
      if (maxTime === -Infinity) maxTime = this.#closed.maxTimeOf(place);
    }
    this.states.setSummary(
      slot,
      count + (outOfOrder?.count ?? 0),
      Math.min(minTime, outOfOrder?.minTime ?? Infinity),
      Math.max(maxTime, outOfOrder?.maxTime ?? -Infinity),
    );
  }

  #outOfOrderOf(slot: number): OutOfOrderSamples {
    let samples = this.#outOfOrder.get(slot);
    if (samples === undefined) {
      samples = new OutOfOrderSamples();
      this.#outOfOrder.set(slot, samples);
    }
    return samples;
  }

  /** Whether there is an in-order sample at `time`, whose value is then the found one of the states. */
  #findInOrder(slot: number, time: TimestampMs): boolean {
    const states = this.states;
    if (states.openCountOf(slot) > 0 && states.openMinTimeOf(slot) <= time)
      return states.findInOpenChunk(slot, time);
    let place = this.#newestChunks[slot]!;
    while (place !== NO_CHUNK && this.#closed.minTimeOf(place) > time) place = this.#closed.previousOf(place);
    if (place === NO_CHUNK || this.#closed.maxTimeOf(place) < time) return false;
    return states.findInChunk(this.#closed.bytesOf(place), this.#closed.countOf(place), time);
  }

  #openOverlaps(slot: number, range: TimeRange): boolean {
    return (
      this.states.openMinTimeOf(slot) <= range.maxTime && range.minTime <= this.states.newestTimeOf(slot)
    );
  }

  #openChunk(slot: number, copies: ChunkCopies): EncodedChunk {
    const bytes = copies.take(this.states.openSizeBytesOf(slot));
    this.states.copyOpenChunk(slot, bytes);
    return {
      encoding: CHUNK_XOR,
      minTime: this.states.openMinTimeOf(slot),
      maxTime: this.states.newestTimeOf(slot),
      count: this.states.openCountOf(slot),
      bytes,
    };
  }

  #closeOpenChunk(slot: number): void {
    const place = this.#closed.add({
      minTime: this.states.openMinTimeOf(slot),
      maxTime: this.states.newestTimeOf(slot),
      count: this.states.openCountOf(slot),
      length: this.states.openSizeBytesOf(slot),
      previous: this.#newestChunks[slot]!,
    });
    this.#closed.fill(place, (target, at) => this.states.copyOpenChunk(slot, target, at));
    this.states.clearOpenChunk(slot);
    this.#newestChunks[slot] = place;
  }
}
