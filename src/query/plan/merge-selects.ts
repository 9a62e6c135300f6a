/**
 * Rewrite: leaves that select the same series at overlapping times share one load.
 *
 *   before  rate(x[5m]) / rate(x[1h])     select x (5 minutes), select x (1 hour)
 *   after                                 select x (1 hour), read by both
 *
 * Ranges that do not touch stay apart, so that `x - x offset 1w` does not load the week between.
 */

import type { Matcher } from "../../model/matcher.js";
import type { TimeRange } from "../../model/sample.js";
import type { Select } from "./plan.js";

/** Collects selects while the plan is built; `add` returns the index of the one to read. */
export class SelectList {
  readonly #selects: { readonly key: string; readonly matchers: readonly Matcher[]; range: TimeRange }[] = [];

  add(matchers: readonly Matcher[], range: TimeRange): number {
    const key = matchers.map(String).sort().join("\n");
    const index = this.#selects.findIndex((select) => select.key === key && touches(select.range, range));
    if (index < 0) return this.#selects.push({ key, matchers, range }) - 1;
    const select = this.#selects[index]!;
    select.range = {
      minTime: Math.min(select.range.minTime, range.minTime),
      maxTime: Math.max(select.range.maxTime, range.maxTime),
    };
    return index;
  }

  list(): readonly Select[] {
    return this.#selects.map(({ matchers, range }) => ({ matchers, range }));
  }
}

function touches(a: TimeRange, b: TimeRange): boolean {
  return a.minTime <= b.maxTime + 1 && b.minTime <= a.maxTime + 1;
}
