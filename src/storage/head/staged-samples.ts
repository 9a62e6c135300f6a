/**
 * StagedSamples: what a transaction has collected, as growing columns in the order of arrival.
 */

import type { SampleColumns, TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import { markStaleAt } from "../../model/staleness.js";

export class StagedSamples implements SampleColumns {
  refs = new Uint32Array(16);
  times = new Float64Array(16);
  values = new Float64Array(16);
  length = 0;

  push(ref: SeriesRef, time: TimestampMs, value: number): void {
    const index = this.#place(ref, time);
    // Any NaN is stored as the ordinary one: only pushStale writes a marker.
    this.values[index] = Number.isNaN(value) ? Number.NaN : value;
  }

  pushStale(ref: SeriesRef, time: TimestampMs): void {
    markStaleAt(this.values, this.#place(ref, time));
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
    this.refs = new Uint32Array(capacity);
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.refs.set(refs);
    this.times.set(times);
    this.values.set(values);
  }
}
