/**
 * ReferenceColumnKernel: the column kernel in TypeScript. The oracle of the WebAssembly one, and its stand-in
 * where WebAssembly is missing; it does what the contract says in the plainest way.
 */

import { assert } from "../model/assert.js";
import type { SampleColumns } from "../model/sample.js";
import { isStaleAt } from "../model/staleness.js";
import type { ColumnKernel, RollupFunction, RollupOptions, StepGrid } from "./column-kernel.js";
import { checkColumnLength } from "./column-limits.js";
import { checkDenseSize } from "./dense-format.js";
import { referenceDecodeDense } from "./reference-dense.js";
import { referenceDecodeXor } from "./reference-xor.js";
import { lastBefore, rollup } from "./rollup.js";
import { checkXorSize } from "./xor-format.js";

export class ReferenceColumnKernel implements ColumnKernel {
  #times = new Float64Array(1024);
  #values = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  decodeXor(bytes: Uint8Array, count: number, minTime: number, maxTime: number, dropStale: boolean): number {
    checkXorSize(bytes, count);
    this.#reserve(count);
    referenceDecodeXor(bytes, count, { times: this.#times, values: this.#values }, this.#length);
    return this.#keep(count, minTime, maxTime, dropStale);
  }

  decodeDense(
    bytes: Uint8Array,
    count: number,
    minTime: number,
    maxTime: number,
    dropStale: boolean,
  ): number {
    checkDenseSize(bytes, count);
    this.#reserve(count);
    referenceDecodeDense(bytes, count, { times: this.#times, values: this.#values }, this.#length);
    return this.#keep(count, minTime, maxTime, dropStale);
  }

  append(columns: SampleColumns): number {
    assert(columns.length <= columns.times.length, "a column is as long as it says");
    this.#reserve(columns.length);
    this.#times.set(columns.times.subarray(0, columns.length), this.#length);
    this.#values.set(columns.values.subarray(0, columns.length), this.#length);
    this.#length += columns.length;
    return this.#length;
  }

  times(): Float64Array {
    return this.#times.subarray(0, this.#length);
  }

  values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }

  lastBefore(grid: StepGrid, lookbackMs: number, values: Float64Array, present: Uint8Array): number {
    return lastBefore({ times: this.times(), values: this.values() }, grid, lookbackMs, { values, present });
  }

  rollup(
    name: RollupFunction,
    grid: StepGrid,
    rangeMs: number,
    parameter: number,
    values: Float64Array,
    present: Uint8Array,
    options: RollupOptions = {},
  ): number {
    const column = { times: this.times(), values: this.values() };
    return rollup(name, column, { grid, rangeMs, parameter, ...options }, { values, present });
  }

  /** Of the `count` samples behind the column's end, those that are wanted. */
  #keep(count: number, minTime: number, maxTime: number, dropStale: boolean): number {
    const end = this.#length + count;
    for (let i = this.#length; i < end; i++) {
      const time = this.#times[i]!;
      if (time < minTime || time > maxTime) continue;
      if (dropStale && isStaleAt(this.#values, i)) continue;
      if (i !== this.#length) this.#move(i, this.#length);
      this.#length++;
    }
    return this.#length;
  }

  /** copyWithin keeps the bits of a NaN. */
  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#values.copyWithin(to, from, from + 1);
  }

  #reserve(count: number): void {
    const length = this.#length + count;
    checkColumnLength(length);
    if (length <= this.#times.length) return;
    const capacity = Math.max(length, this.#times.length * 2);
    this.#times = enlarged(this.#times, capacity);
    this.#values = enlarged(this.#values, capacity);
  }
}

function enlarged(column: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(capacity);
  larger.set(column);
  return larger;
}
