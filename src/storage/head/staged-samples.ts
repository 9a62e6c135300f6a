/**
 * StagedSamples: samples of many series as growing columns, in the order in which they were pushed.
 */

import type { TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import { markStaleAt } from "../../model/staleness.js";
import type { RefColumns } from "../wal/wal-record.js";

const smallest = 16;

export class StagedSamples implements RefColumns {
  /** Of the series in the head. */
  slots = new Uint32Array(smallest);
  refs = new Float64Array(smallest);
  times = new Float64Array(smallest);
  values = new Float64Array(smallest);
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
    if (this.length === this.refs.length) this.#grow();
    const index = this.length++;
    this.slots[index] = slot;
    this.refs[index] = ref;
    this.times[index] = time;
    return index;
  }

  #grow(): void {
    const capacity = this.refs.length * 2;
    const { slots, refs, times, values } = this;
    this.slots = new Uint32Array(capacity);
    this.refs = new Float64Array(capacity);
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.slots.set(slots);
    this.refs.set(refs);
    this.times.set(times);
    this.values.set(values);
  }
}
