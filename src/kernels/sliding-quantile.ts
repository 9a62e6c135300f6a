/**
 * quantile_over_time, the quick form: the window's numbers are kept sorted while it slides, so that a step costs
 * what enters and leaves. The definition is in window-functions.ts; results agree to the bit.
 *
 * Invariants
 *  1. `sorted` holds the numbers of the window in order, -0 before 0; NaN are only counted, they rank first.
 */

import type { Column } from "./column.js";
import type { StepGrid } from "./column-kernel.js";
import { assertGrid, indexAfter, type StepColumn } from "./rollup.js";

/** Sorting all is quicker when more than one in as many is new. */
const turnover = 4;
/** Shifts of up to this many numbers are quicker one by one than as a block. */
const shortShift = 48;

export function slidingQuantile(
  { times, values }: Column,
  { grid, rangeMs, phi }: { readonly grid: StepGrid; readonly rangeMs: number; readonly phi: number },
  steps: StepColumn,
): number {
  assertGrid(grid, steps);
  const window = new SortedWindow();
  let from = indexAfter(times, grid.start - rangeMs);
  let to = from;
  let presentCount = 0;
  for (let step = 0; step < grid.count; step++) {
    const end = grid.start + step * grid.stepMs;
    const [lastFrom, lastTo] = [from, to];
    while (to < times.length && times[to]! <= end) to++;
    while (from < to && times[from]! <= end - rangeMs) from++;
    if ((to - lastTo) * turnover > to - from) window.refill(values.subarray(from, to));
    else {
      for (let i = lastFrom; i < from; i++) window.remove(values[i]!);
      for (let i = lastTo; i < to; i++) window.add(values[i]!);
    }
    const isPresent = from < to;
    steps.present[step] = isPresent ? 1 : 0;
    if (!isPresent) continue;
    steps.values[step] = window.quantile(phi);
    presentCount++;
  }
  return presentCount;
}

class SortedWindow {
  #sorted = new Float64Array(64);
  #length = 0;
  #nanCount = 0;

  /** Takes these values instead. */
  refill(values: Float64Array): void {
    if (this.#sorted.length < values.length) this.#sorted = new Float64Array(values.length * 2);
    const sorted = this.#sorted.subarray(0, values.length);
    sorted.set(values);
    // NaN come last.
    sorted.sort();
    this.#length = values.length;
    while (this.#length > 0 && Number.isNaN(sorted[this.#length - 1]!)) this.#length--;
    this.#nanCount = values.length - this.#length;
  }

  add(value: number): void {
    if (Number.isNaN(value)) {
      this.#nanCount++;
      return;
    }
    if (this.#length === this.#sorted.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#sorted);
      this.#sorted = larger;
    }
    const at = this.#endOf(value);
    const sorted = this.#sorted;
    if (this.#length - at > shortShift) sorted.copyWithin(at + 1, at, this.#length);
    else for (let i = this.#length; i > at; i--) sorted[i] = sorted[i - 1]!;
    sorted[at] = value;
    this.#length++;
  }

  remove(value: number): void {
    if (Number.isNaN(value)) {
      this.#nanCount--;
      return;
    }
    const at = this.#endOf(value) - 1;
    const sorted = this.#sorted;
    this.#length--;
    if (this.#length - at > shortShift) sorted.copyWithin(at, at + 1, this.#length + 1);
    else for (let i = at; i < this.#length; i++) sorted[i] = sorted[i + 1]!;
  }

  quantile(phi: number): number {
    if (Number.isNaN(phi)) return Number.NaN;
    if (phi < 0) return Number.NEGATIVE_INFINITY;
    if (phi > 1) return Number.POSITIVE_INFINITY;
    const last = this.#length + this.#nanCount - 1;
    const rank = phi * last;
    const lower = Math.floor(rank);
    const weight = rank - lower;
    return this.#at(lower) * (1 - weight) + this.#at(Math.min(last, lower + 1)) * weight;
  }

  #at(rank: number): number {
    return rank < this.#nanCount ? Number.NaN : this.#sorted[rank - this.#nanCount]!;
  }

  /** The index behind the last number that ranks like `value` or before it. */
  #endOf(value: number): number {
    const sorted = this.#sorted;
    const beforeZero = Object.is(value, -0);
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = sorted[middle]!;
      if (other < value || (other === value && !(beforeZero && Object.is(other, 0)))) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
