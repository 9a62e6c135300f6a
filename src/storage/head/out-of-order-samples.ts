/**
 * OutOfOrderSamples: the samples of one series that came too late for its open chunk, kept sorted beside it.
 *
 * A list of leaves in time order. A leaf is either columns, into which samples can be inserted, or an encoded
 * chunk, which readers and cuts take as it is. Reading encodes a leaf, inserting decodes it again; each time the
 * other form is dropped, so that a sample is held once.
 *
 * Invariants
 *  1. Leaves do not overlap, and each time is held once: so a look-up needs one leaf only.
 *  2. A leaf holds 1 to XOR_SAMPLES_PER_CHUNK samples. Only a sample inside of a full one splits it in halves; between
 *     full ones, and behind the last one, it starts a new one, so that a backfill in time order makes full leaves.
 *  3. An encoded chunk that was handed out never changes.
 */

import { readBits, writeBits } from "../../kernels/float-bits.js";
import type { SampleColumns, TimeRange, TimestampMs } from "../../model/sample.js";
import { rangesOverlap } from "../../model/sample.js";
import type { EncodedChunk } from "../../model/series.js";
import { sameValueAt } from "../../model/staleness.js";
import { withoutDeleted } from "../chunk/delete-samples.js";
import { decodeChunk, encodeChunk, XOR_SAMPLES_PER_CHUNK } from "../chunk/encode-chunks.js";

/** What became of a sample: stored, already there with this value, or refused for another value at its time. */
export type AppendOutcome = "appended" | "repeated" | "conflicting";

export class OutOfOrderSamples {
  #leaves: Leaf[] = [];
  #count = 0;
  #lastFound = 0;

  get count(): number {
    return this.#count;
  }

  get chunkCount(): number {
    return this.#leaves.length;
  }

  /** Infinity when empty. */
  get minTime(): TimestampMs {
    return this.#leaves[0]?.minTime ?? Infinity;
  }

  /** -Infinity when empty. */
  get maxTime(): TimestampMs {
    return this.#leaves.at(-1)?.maxTime ?? -Infinity;
  }

  insert(time: TimestampMs, values: Float64Array, index: number): AppendOutcome {
    const last = this.#leaves[this.#leaves.length - 1];
    if (last instanceof LeafColumns && last.maxTime < time && last.length < XOR_SAMPLES_PER_CHUNK) {
      last.insert(last.length, time, values, index);
      this.#count++;
      return "appended";
    }
    const at = this.#leafFor(time);
    const columns = columnsOf(this.#leaves[at]!);
    this.#leaves[at] = columns;
    const position = lowerBound(columns.times, columns.length, time);
    if (position < columns.length && columns.times[position] === time)
      return sameValueAt(columns.values, position, values, index) ? "repeated" : "conflicting";
    if (columns.length === XOR_SAMPLES_PER_CHUNK) {
      this.#leaves.splice(at, 1, ...columns.halves());
      return this.insert(time, values, index);
    }
    columns.insert(position, time, values, index);
    this.#count++;
    return "appended";
  }

  /** Samples in leaves that begin before `end`. */
  countBelow(end: TimestampMs): number {
    let count = 0;
    for (const leaf of this.#leaves) if (leaf.minTime < end) count += leaf.count;
    return count;
  }

  /** The chunks that overlap `range`, in time order. */
  chunksIn(range: TimeRange): EncodedChunk[] {
    const chunks: EncodedChunk[] = [];
    for (let i = 0; i < this.#leaves.length; i++) {
      const leaf = this.#leaves[i]!;
      if (!rangesOverlap(leaf, range)) continue;
      const chunk = chunkOf(leaf);
      this.#leaves[i] = chunk;
      chunks.push(chunk);
    }
    return chunks;
  }

  /** The samples below `end` as chunks, in time order: a leaf that reaches beyond it is split there. */
  takeBelow(end: TimestampMs): EncodedChunk[] {
    const at = this.#leaves.findIndex((leaf) => leaf.minTime < end && end <= leaf.maxTime);
    if (at >= 0) this.#leaves.splice(at, 1, ...columnsOf(this.#leaves[at]!).splitAt(end));
    return this.chunksIn({ minTime: -Infinity, maxTime: end - 1 });
  }

  /** Drops what these chunks, handed out earlier, hold: a block has taken it over. */
  dropTaken(chunks: readonly EncodedChunk[]): void {
    // A leaf that is still the chunk goes as a whole.
    const taken = new Set<Leaf>(chunks);
    const left = this.#leaves.filter((leaf) => !taken.delete(leaf));
    this.#leaves = taken.size === 0 ? left : withoutTimes(left, taken as Set<EncodedChunk>);
    this.#recount();
  }

  deleteSamples(range: TimeRange): void {
    this.#leaves = this.#leaves
      .map((leaf) => (rangesOverlap(leaf, range) ? withoutDeleted(chunkOf(leaf), [range]) : leaf))
      .filter((leaf) => leaf !== undefined);
    this.#recount();
  }

  #recount(): void {
    this.#count = this.#leaves.reduce((sum, leaf) => sum + leaf.count, 0);
  }

  /** The index of the leaf that spans `time`, or of one beside the gap that has room, or of a new one in the gap. */
  #leafFor(time: TimestampMs): number {
    const next = this.#firstNotBefore(time);
    const leaf = this.#leaves[next];
    if (leaf !== undefined && leaf.minTime <= time) return next;
    if (next > 0 && this.#leaves[next - 1]!.count < XOR_SAMPLES_PER_CHUNK) return next - 1;
    if (leaf === undefined || leaf.count === XOR_SAMPLES_PER_CHUNK)
      this.#leaves.splice(next, 0, new LeafColumns());
    return next;
  }

  /** The index of the first leaf that does not end before `time`. */
  #firstNotBefore(time: TimestampMs): number {
    // The next sample often goes where the last one went.
    if (this.#isFirstNotBefore(this.#lastFound, time)) return this.#lastFound;
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#leaves[middle]!.maxTime < time) low = middle + 1;
      else high = middle;
    }
    this.#lastFound = low;
    return low;
  }

  #isFirstNotBefore(index: number, time: TimestampMs): boolean {
    const length = this.#leaves.length;
    if (index > length || (index < length && this.#leaves[index]!.maxTime < time)) return false;
    return index === 0 || this.#leaves[index - 1]!.maxTime < time;
  }
}

type Leaf = EncodedChunk | LeafColumns;

/** A leaf open for insertion. The columns grow up to XOR_SAMPLES_PER_CHUNK. */
class LeafColumns implements SampleColumns {
  times = new Float64Array(8);
  values = new Float64Array(8);
  length = 0;

  get count(): number {
    return this.length;
  }

  get minTime(): TimestampMs {
    return this.times[0]!;
  }

  get maxTime(): TimestampMs {
    return this.times[this.length - 1]!;
  }

  insert(position: number, time: TimestampMs, values: Float64Array, index: number): this {
    if (this.length === this.times.length) this.#grow();
    if (position < this.length) {
      this.times.copyWithin(position + 1, position, this.length);
      this.values.copyWithin(position + 1, position, this.length);
    }
    this.times[position] = time;
    readBits(values, index);
    writeBits(this.values, position);
    this.length++;
    return this;
  }

  halves(): [LeafColumns, LeafColumns] {
    const middle = this.length >>> 1;
    return [leafOf(this, 0, middle), leafOf(this, middle, this.length)];
  }

  /** What is before `time` and what is not; there are samples of both. */
  splitAt(time: TimestampMs): [LeafColumns, LeafColumns] {
    const at = lowerBound(this.times, this.length, time);
    return [leafOf(this, 0, at), leafOf(this, at, this.length)];
  }

  #grow(): void {
    const times = new Float64Array(this.times.length * 4);
    const values = new Float64Array(this.times.length * 4);
    times.set(this.times);
    values.set(this.values);
    this.times = times;
    this.values = values;
  }
}

/** The first index below `length` whose time is at least `time`; `length` when there is none. */
export function lowerBound(times: Float64Array, length: number, time: TimestampMs): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function chunkOf(leaf: Leaf): EncodedChunk {
  return leaf instanceof LeafColumns ? encodeChunk(leaf) : leaf;
}

function columnsOf(leaf: Leaf): LeafColumns {
  if (leaf instanceof LeafColumns) return leaf;
  const samples = decodeChunk(leaf);
  return leafOf(samples, 0, samples.length);
}

function leafOf(samples: SampleColumns, from: number, to: number): LeafColumns {
  const leaf = new LeafColumns();
  leaf.times = samples.times.slice(from, to);
  leaf.values = samples.values.slice(from, to);
  leaf.length = to - from;
  return leaf;
}

/** Leaves without the samples at the times of the chunks. */
function withoutTimes(leaves: readonly Leaf[], chunks: Iterable<EncodedChunk>): Leaf[] {
  const taken = new Set<TimestampMs>();
  for (const chunk of chunks) for (const time of decodeChunk(chunk).times) taken.add(time);
  const rests: Leaf[] = [];
  for (const leaf of leaves) {
    const { times, values, length } = columnsOf(leaf);
    const rest = new LeafColumns();
    for (let i = 0; i < length; i++)
      if (!taken.has(times[i]!)) rest.insert(rest.length, times[i]!, values, i);
    if (rest.length === length) rests.push(leaf);
    else if (rest.length > 0) rests.push(rest);
  }
  return rests;
}
