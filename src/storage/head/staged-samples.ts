/**
 * StagedSamples: samples of many series as growing columns, in the order in which they were pushed.
 */

import type { SampleColumns, TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import { markStaleAt } from "../../model/staleness.js";
import type { RefColumns } from "../wal/wal-record.js";

export class StagedSamples implements RefColumns {
  refs = new Float64Array(16);
  times = new Float64Array(16);
  values = new Float64Array(16);
  length = 0;

  push(ref: SeriesRef, time: TimestampMs, value: number): void {
    const index = this.#place(ref, time);
    // Any NaN is stored as the ordinary one: only pushStale writes a marker.
    this.values[index] = Number.isNaN(value) ? Number.NaN : value;
  }

  pushStale(ref: SeriesRef, time: TimestampMs): void {
    // Placed first: that may replace the columns by longer ones.
    const index = this.#place(ref, time);
    markStaleAt(this.values, index);
  }

  /** Samples of one series that are stored already: values keep their bits. */
  pushColumns(ref: SeriesRef, { times, values, length }: SampleColumns): void {
    while (this.refs.length < this.length + length) this.#grow();
    this.refs.fill(ref, this.length, this.length + length);
    this.times.set(times.subarray(0, length), this.length);
    this.values.set(values.subarray(0, length), this.length);
    this.length += length;
  }

  refAt(index: number): SeriesRef {
    return this.refs[index] as SeriesRef;
  }

  /** Each ref as often as it was staged. */
  *stagedRefs(): Generator<SeriesRef> {
    for (let i = 0; i < this.length; i++) yield this.refAt(i);
  }

  #place(ref: SeriesRef, time: TimestampMs): number {
    if (this.length === this.refs.length) this.#grow();
    const index = this.length++;
    this.refs[index] = ref;
    this.times[index] = time;
    return index;
  }

  #grow(): void {
    const capacity = this.refs.length * 2;
    const { refs, times, values } = this;
    this.refs = new Float64Array(capacity);
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.refs.set(refs);
    this.times.set(times);
    this.values.set(values);
  }
}
