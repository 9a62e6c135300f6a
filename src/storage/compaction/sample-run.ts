/**
 * SampleRun: samples of many series in the order in which they came, collected in columns of bounded size.
 *
 * Memory: 20 bytes per sample while it fills, 16 more while it is grouped by series.
 */

import { assert } from "../../model/assert.js";
import type { SampleColumns, TimestampMs } from "../../model/sample.js";
import { markStaleAt } from "../../model/staleness.js";

const initialCapacity = 4096;

export class SampleRun {
  readonly #samplesMax: number;
  #times = new Float64Array(initialCapacity);
  #values = new Float64Array(initialCapacity);
  #series = new Uint32Array(initialCapacity);
  #length = 0;

  constructor(samplesMax: number) {
    this.#samplesMax = samplesMax;
  }

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length >= this.#samplesMax;
  }

  add(series: number, time: TimestampMs, value: number): void {
    this.#values[this.#place(series, time)] = value;
  }

  addStale(series: number, time: TimestampMs): void {
    // The place first: it may replace the columns.
    const index = this.#place(series, time);
    markStaleAt(this.#values, index);
  }

  /** The samples of each series (the index is the series) in the order in which they came. Ends the run. */
  takeBySeries(seriesCount: number): readonly SampleColumns[] {
    const ends = this.#endsBySeries(seriesCount);
    const times = new Float64Array(this.#length);
    const values = new Float64Array(this.#length);
    const from = wordsOf(this.#values);
    const to = wordsOf(values);
    const next = Uint32Array.from(ends, (_, series) => (series === 0 ? 0 : ends[series - 1]!));
    for (let i = 0; i < this.#length; i++) {
      const at = next[this.#series[i]!]!++;
      times[at] = this.#times[i]!;
      to[at * 2] = from[i * 2]!;
      to[at * 2 + 1] = from[i * 2 + 1]!;
    }
    this.#clear();
    return Array.from(ends, (end, series) => {
      const start = series === 0 ? 0 : ends[series - 1]!;
      return { times: times.subarray(start, end), values: values.subarray(start, end), length: end - start };
    });
  }

  /** Where the samples of each series end when they stand one series after the other. */
  #endsBySeries(seriesCount: number): Uint32Array {
    const ends = new Uint32Array(seriesCount);
    for (let i = 0; i < this.#length; i++) ends[this.#series[i]!]!++;
    for (let series = 1; series < seriesCount; series++) ends[series]! += ends[series - 1]!;
    return ends;
  }

  #place(series: number, time: TimestampMs): number {
    assert(!this.isFull, "a full run takes no more samples");
    if (this.#length === this.#times.length) this.#grow();
    const index = this.#length++;
    this.#series[index] = series;
    this.#times[index] = time;
    return index;
  }

  #grow(): void {
    const capacity = Math.min(this.#length * 2, Math.max(this.#samplesMax, initialCapacity));
    const { times, values, series } = {
      times: new Float64Array(capacity),
      values: new Float64Array(capacity),
      series: new Uint32Array(capacity),
    };
    times.set(this.#times);
    values.set(this.#values);
    series.set(this.#series);
    this.#times = times;
    this.#values = values;
    this.#series = series;
  }

  #clear(): void {
    this.#times = new Float64Array(0);
    this.#values = new Float64Array(0);
    this.#series = new Uint32Array(0);
    this.#length = this.#samplesMax;
  }
}

/** Values as words, to move them without touching the bits of a NaN. */
function wordsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}
