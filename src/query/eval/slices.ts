/**
 * Slices: work that stops now and then so that others have their turn: pushes, scrapes, the cancellation of the very
 * query. A generator yields when QueryBudget.tick says that its slice is over; whoever drives it decides what happens
 * in between. docs/decisions/0010 has the reasons.
 */

import type { QueryBudget } from "./budget.js";

/** Yields nothing; returns its result. */
export type Slices<T> = Generator<void, T, void>;

/** Drives work to its end, with `betweenSlices` after every slice but the last. */
export async function runInSlices<T>(work: Slices<T>, betweenSlices: () => Promise<void>): Promise<T> {
  for (let slice = work.next(); ; slice = work.next()) {
    if (slice.done === true) return slice.value;
    await betweenSlices();
  }
}

/** Drives work to its end at once. */
export function runAtOnce<T>(work: Slices<T>): T {
  for (;;) {
    const slice = work.next();
    if (slice.done === true) return slice.value;
  }
}

/** Sorted at once; a longer array is merged from runs of this length. */
const runLength = 512;
/** What a comparison of labels costs, in samples. */
const comparisonWork = 20;

/** A stable sort of a copy. */
export function* sortInSlices<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  budget: QueryBudget,
): Slices<T[]> {
  let source: T[] = [];
  for (let from = 0; from < items.length; from += runLength) {
    const run = items.slice(from, from + runLength).sort(compare);
    for (const item of run) source.push(item);
    if (budget.tick(run.length * comparisonWork * 9)) yield;
  }
  for (let length = runLength; length < items.length; length *= 2) {
    const target: T[] = [];
    for (let from = 0; from < items.length; from += 2 * length) {
      const middle = Math.min(from + length, items.length);
      const end = Math.min(middle + length, items.length);
      let left = from;
      let right = middle;
      while (left < middle || right < end) {
        const takesLeft = right === end || (left < middle && compare(source[left]!, source[right]!) <= 0);
        target.push(source[takesLeft ? left++ : right++]!);
        if (budget.tick(comparisonWork)) yield;
      }
    }
    source = target;
  }
  return source;
}
