/**
 * ColumnPool: columns cut from larger arrays. Thousands of small typed arrays, each with memory of its own, cost more
 * to allocate and collect than everything else in a query over many series and few steps.
 *
 * A part is handed out once, zeroed; the whole is freed when no column of it is in use any more.
 */

import type { Column } from "./value.js";

/** Steps of one large array: 128 KiB of values. */
const slabSteps = 16_384;

export class ColumnPool {
  #values = new Float64Array(0);
  #present = new Uint8Array(0);
  #used = 0;

  /** Absent at every step. */
  column(steps: number): Column {
    if (steps > slabSteps / 4) return { values: new Float64Array(steps), present: new Uint8Array(steps) };
    if (this.#used + steps > this.#values.length) {
      this.#values = new Float64Array(slabSteps);
      this.#present = new Uint8Array(slabSteps);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += steps;
    return {
      values: this.#values.subarray(start, this.#used),
      present: this.#present.subarray(start, this.#used),
    };
  }
}
