/**
 * SampleBatch: what was appended since the last record was queued, by series, in the order of the appends.
 */

import { encodeSnappy } from "../kernels/snappy.js";
import { markStaleAt } from "../model/staleness.js";
import { type EncodedSeries, encodeWriteRequest } from "./write-request.js";

/** A value, or the end of the series. */
export type SampleValue = number | "stale";

/** One series of a client; its identity is that of the object. */
export interface BatchSeries {
  /** What `encodeLabels` gave. */
  readonly encodedLabels: Uint8Array;
}

export class SampleBatch {
  readonly #columns = new Map<BatchSeries, GrowingColumns>();
  #samples = 0;
  #sizeBytes = 0;

  get samples(): number {
    return this.#samples;
  }

  /** About what it takes in memory, and the most that it takes when it is encoded. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(series: BatchSeries, time: number, value: SampleValue): void {
    let columns = this.#columns.get(series);
    if (columns === undefined) {
      columns = new GrowingColumns();
      this.#columns.set(series, columns);
      this.#sizeBytes += series.encodedLabels.length + seriesOverheadBytes;
    }
    columns.add(time, value);
    this.#samples++;
    this.#sizeBytes += sampleSizeMaxBytes;
  }

  /** A request's body. */
  encode(): Uint8Array {
    const series = Array.from(
      this.#columns,
      ([{ encodedLabels }, samples]): EncodedSeries => ({ labels: encodedLabels, samples }),
    );
    return encodeSnappy(encodeWriteRequest(series));
  }
}

const seriesOverheadBytes = 64;
const sampleSizeMaxBytes = 22;

class GrowingColumns {
  times: Float64Array = new Float64Array(2);
  values: Float64Array = new Float64Array(2);
  length = 0;

  add(time: number, value: SampleValue): void {
    if (this.length === this.times.length) {
      this.times = grown(this.times);
      this.values = grown(this.values);
    }
    this.times[this.length] = time;
    if (value === "stale") markStaleAt(this.values, this.length);
    else this.values[this.length] = value;
    this.length++;
  }
}

/** Bits of values are kept. */
function grown(column: Float64Array): Float64Array {
  const longer = new Float64Array(column.length * 2);
  longer.set(column);
  return longer;
}
