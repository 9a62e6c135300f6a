/**
 * StagedSamples: samples of many series as growing columns, in the order in which they were pushed.
 */

import type { AppendColumns } from "../../model/appendable.js";
import type { TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import { markStaleAt } from "../../model/staleness.js";
import type { RefColumns } from "../wal/wal-record.js";
import type { SlotColumns } from "./series-states.js";

const smallest = 16;

export class StagedSamples implements RefColumns, SlotColumns {
  /** Of the series in the head. */
  slots = new Uint32Array(smallest);
  refs = new Float64Array(smallest);
  times = new Float64Array(smallest);
  values = new Float64Array(smallest);
  /** See SlotColumns. */
  notInOrder = new Uint8Array(smallest);
  length = 0;

  push(slot: number, ref: SeriesRef, time: TimestampMs, value: number): void {
    const index = this.#place(slot, ref, time);
    // Any NaN is stored as the ordinary one: only pushStale writes a marker.
    this.values[index] = Number.isNaN(value) ? Number.NaN : value;
  }

  pushStale(slot: number, ref: SeriesRef, time: TimestampMs): void {
    // Placed first: that may replace the columns by longer ones.
    const index = this.#place(slot, ref, time);
    markStaleAt(this.values, index);
  }

  /** Pushes the rows from `from` on, below `to`, with the bits of their values; `slots` has the slot of each row. */
  pushRows(slots: Uint32Array, { refs, times, values }: AppendColumns, from: number, to: number): void {
    if (from === to) return;
    const at = this.length;
    this.#reserve(at + to - from);
    this.slots.set(slots.subarray(from, to), at);
    this.refs.set(refs.subarray(from, to), at);
    this.times.set(times.subarray(from, to), at);
    this.values.set(values.subarray(from, to), at);
    this.notInOrder.fill(0, at, at + to - from);
    this.length = at + to - from;
  }

  /** Removes rows, given in increasing order. */
  remove(rows: readonly number[]): void {
    if (rows.length === 0) return;
    let end = rows[0]!;
    for (const [i, row] of rows.entries()) {
      const next = rows[i + 1] ?? this.length;
      if (next === row + 1) continue;
      for (const column of [this.slots, this.refs, this.times, this.values, this.notInOrder])
        column.copyWithin(end, row + 1, next);
      end += next - row - 1;
    }
    this.length = end;
  }

  get capacity(): number {
    return this.refs.length;
  }

  /** Forgets the samples, keeps the room. */
  clear(): void {
    this.length = 0;
  }

  /** Each slot as often as it was staged. */
  stagedSlots(): Uint32Array {
    return this.slots.subarray(0, this.length);
  }

  #place(slot: number, ref: SeriesRef, time: TimestampMs): number {
    this.#reserve(this.length + 1);
    const index = this.length++;
    this.slots[index] = slot;
    this.refs[index] = ref;
    this.times[index] = time;
    this.notInOrder[index] = 0;
    return index;
  }

  #reserve(length: number): void {
    if (length <= this.refs.length) return;
    const capacity = Math.max(length, this.refs.length * 2);
    const { slots, refs, times, values, notInOrder } = this;
    this.slots = new Uint32Array(capacity);
    this.refs = new Float64Array(capacity);
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.notInOrder = new Uint8Array(capacity);
    this.slots.set(slots);
    this.refs.set(refs);
    this.times.set(times);
    this.values.set(values);
    this.notInOrder.set(notInOrder);
  }
}
