/**
 * SampleRun: samples of many series in the order in which they came, collected in columns of bounded size.
 *
 * Memory: 20 bytes per sample while it fills, 16 more while it is grouped by series.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { assert } from "../../model/assert.js";
import type { SampleColumns, TimestampMs } from "../../model/sample.js";
import { markStaleAt } from "../../model/staleness.js";

const initialCapacity = 4096;
/** Samples grouped between two turns of the event loop. */
const samplesPerTurn = 1 << 17;

/** Samples of all series in a row; each series' own in the order in which they came. */
export interface GroupedSamples {
  readonly columns: SampleColumns;
  /** Where each series begins, and the end of the last. */
  readonly starts: Uint32Array;
}

export class SampleRun {
  readonly #samplesMax: number;
  #times = new Float64Array(initialCapacity);
  #values = new Float64Array(initialCapacity);
  #series = new Uint32Array(initialCapacity);
  #length = 0;

  constructor(samplesMax: number) {
    this.#samplesMax = samplesMax;
  }

  get isFull(): boolean {
    return this.#length >= this.#samplesMax;
  }

  /** `series` is a small number from 0 that the caller gives to each series. */
  add(series: number, time: TimestampMs, value: number): void {
    const index = this.#place(series, time);
    this.#values[index] = value;
  }

  addStale(series: number, time: TimestampMs): void {
    const index = this.#place(series, time);
    markStaleAt(this.#values, index);
  }

  /** The samples of series 0 to `seriesCount - 1`, one series after the other. */
  async bySeries(seriesCount: number): Promise<GroupedSamples> {
    const starts = await this.#startsBySeries(seriesCount);
    const times = new Float64Array(this.#length);
    const values = new Float64Array(this.#length);
    const from = wordsOf(this.#values);
    const to = wordsOf(values);
    const next = starts.slice();
    for (let i = 0; i < this.#length; i++) {
      if (i % samplesPerTurn === 0) await nextTurn();
      const at = next[this.#series[i]!]!++;
      times[at] = this.#times[i]!;
      to[at * 2] = from[i * 2]!;
      to[at * 2 + 1] = from[i * 2 + 1]!;
    }
    return { columns: { times, values, length: this.#length }, starts };
  }

  /** Where each series begins when they stand one after the other, and the end of the last. */
  async #startsBySeries(seriesCount: number): Promise<Uint32Array> {
    const starts = new Uint32Array(seriesCount + 1);
    for (let i = 0; i < this.#length; i++) {
      if (i % samplesPerTurn === 0) await nextTurn();
      starts[this.#series[i]! + 1]!++;
    }
    for (let series = 0; series < seriesCount; series++) starts[series + 1]! += starts[series]!;
    return starts;
  }

  /** The index of a new sample, whose value is still to be set. May replace the columns. */
  #place(series: number, time: TimestampMs): number {
    assert(!this.isFull, "a full run takes no more samples");
    if (this.#length === this.#times.length) this.#grow();
    const index = this.#length++;
    this.#series[index] = series;
    this.#times[index] = time;
    return index;
  }

  #grow(): void {
    const capacity = Math.min(this.#length * 2, this.#samplesMax);
    const [times, values, series] = [this.#times, this.#values, this.#series];
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#series = new Uint32Array(capacity);
    this.#times.set(times);
    this.#values.set(values);
    this.#series.set(series);
  }
}

/** Values as words, to move them without touching the bits of a NaN. */
function wordsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}
