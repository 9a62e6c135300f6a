/**
 * Reducers: aggregations that take one column after the other and keep a few numbers per step.
 *
 * Order of additions, compensation and the way out of overflow are Prometheus', so that sums agree to the bit.
 *
 * Source: Prometheus `promql/engine.go` (aggregation) and `util/kahansum`.
 */

import type { QueryBudget } from "../budget.js";
import { type Column, FLOAT } from "../value.js";

export interface Reducer {
  /** Takes a series' column; it is not kept. */
  add(column: Column): void;
  /** The result; the reducer is of no use afterwards. */
  finish(): Column;
}

export type ReducingOperator = "sum" | "avg" | "min" | "max" | "count" | "group" | "stddev" | "stdvar";

export function reducer(operator: ReducingOperator, steps: number, budget: QueryBudget): Reducer {
  const result = budget.column(steps);
  switch (operator) {
    case "sum":
      return new SumReducer(result, budget.values(steps));
    case "avg":
      return new MeanReducer(result, {
        compensation: budget.values(steps),
        counts: budget.values(steps),
        incremental: budget.flags(steps),
      });
    case "min":
    case "max":
      return new ExtremeReducer(result, operator === "max");
    case "count":
      return new CountReducer(result, true);
    case "group":
      return new CountReducer(result, false);
    case "stddev":
    case "stdvar":
      return new VarianceReducer(result, {
        means: budget.values(steps),
        counts: budget.values(steps),
        isDeviation: operator === "stddev",
      });
  }
}

class SumReducer implements Reducer {
  readonly #result: Column;
  readonly #compensation: Float64Array;

  constructor(result: Column, compensation: Float64Array) {
    this.#result = result;
    this.#compensation = compensation;
  }

  add(column: Column): void {
    addSums(column, this.#result, this.#compensation);
  }

  finish(): Column {
    const { values } = this.#result;
    for (let step = 0; step < values.length; step++) values[step]! += this.#compensation[step]!;
    return this.#result;
  }
}

/** Kahan–Neumaier, a step at a time. An infinite sum has lost nothing. The arrays are locals for speed. */
function addSums({ values, present }: Column, into: Column, compensation: Float64Array): void {
  const sums = into.values;
  const seen = into.present;
  const steps = sums.length;
  for (let step = 0; step < steps; step++) {
    if (present[step] !== FLOAT) continue;
    const value = values[step]!;
    if (seen[step] !== FLOAT) {
      seen[step] = FLOAT;
      sums[step] = value;
      continue;
    }
    const sum = sums[step]!;
    const total = sum + value;
    sums[step] = total;
    // Not finite: an infinite sum has lost nothing, and to NaN nothing can be added.
    if (total - total !== 0) compensation[step] = 0;
    else if (Math.abs(sum) >= Math.abs(value))
      compensation[step] = compensation[step]! + (sum - total + value);
    else compensation[step] = compensation[step]! + (value - total + sum);
  }
}

/**
 * The sum divided by the count, until the sum would overflow; from then on the mean itself, moved by each value.
 */
class MeanReducer implements Reducer {
  readonly #result: Column;
  readonly #compensation: Float64Array;
  readonly #counts: Float64Array;
  /** Steps at which the result already holds the mean instead of the sum. */
  readonly #incremental: Uint8Array;

  constructor(
    result: Column,
    room: {
      readonly compensation: Float64Array;
      readonly counts: Float64Array;
      readonly incremental: Uint8Array;
    },
  ) {
    this.#result = result;
    this.#compensation = room.compensation;
    this.#counts = room.counts;
    this.#incremental = room.incremental;
  }

  add({ values, present }: Column): void {
    for (let step = 0; step < values.length; step++) {
      if (present[step] !== FLOAT) continue;
      const count = ++this.#counts[step]!;
      if (count === 1) {
        this.#result.values[step] = values[step]!;
        this.#result.present[step] = FLOAT;
      } else {
        this.#addAt(step, values[step]!, count);
      }
    }
  }

  #addAt(step: number, value: number, count: number): void {
    if (this.#incremental[step] === 0) {
      if (Math.abs(this.#result.values[step]! + value) !== Number.POSITIVE_INFINITY) {
        this.#increase(step, value);
        return;
      }
      this.#incremental[step] = 1;
      this.#result.values[step]! /= count - 1;
      this.#compensation[step]! /= count - 1;
    }
    const weight = (count - 1) / count;
    this.#result.values[step]! *= weight;
    this.#compensation[step]! *= weight;
    this.#increase(step, value / count);
  }

  #increase(step: number, value: number): void {
    const sum = this.#result.values[step]!;
    const total = sum + value;
    this.#result.values[step] = total;
    if (Math.abs(total) === Number.POSITIVE_INFINITY) this.#compensation[step] = 0;
    else if (Math.abs(sum) >= Math.abs(value)) this.#compensation[step]! += sum - total + value;
    else this.#compensation[step]! += value - total + sum;
  }

  finish(): Column {
    const { values } = this.#result;
    for (let step = 0; step < values.length; step++) {
      const count = this.#counts[step]!;
      const compensation = this.#compensation[step]!;
      values[step] =
        this.#incremental[step] === 1
          ? values[step]! + compensation
          : values[step]! / count + compensation / count;
    }
    return this.#result;
  }
}

/** NaN gives way to any number. */
class ExtremeReducer implements Reducer {
  readonly #result: Column;
  readonly #isMax: boolean;

  constructor(result: Column, isMax: boolean) {
    this.#result = result;
    this.#isMax = isMax;
  }

  add({ values, present }: Column): void {
    const best = this.#result.values;
    for (let step = 0; step < best.length; step++) {
      if (present[step] !== FLOAT) continue;
      const value = values[step]!;
      const known = best[step]!;
      const isBetter = this.#isMax ? known < value : known > value;
      if (this.#result.present[step] === FLOAT && !isBetter && !Number.isNaN(known)) continue;
      best[step] = value;
      this.#result.present[step] = FLOAT;
    }
  }

  finish(): Column {
    return this.#result;
  }
}

/** `count`, or 1 for `group`. */
class CountReducer implements Reducer {
  readonly #result: Column;
  readonly #counts: boolean;

  constructor(result: Column, counts: boolean) {
    this.#result = result;
    this.#counts = counts;
  }

  add({ present }: Column): void {
    const { values } = this.#result;
    for (let step = 0; step < values.length; step++) {
      if (present[step] !== FLOAT) continue;
      values[step] = this.#counts ? values[step]! + 1 : 1;
      this.#result.present[step] = FLOAT;
    }
  }

  finish(): Column {
    return this.#result;
  }
}

/** Welford's algorithm; any NaN or infinity makes NaN. */
class VarianceReducer implements Reducer {
  readonly #result: Column;
  readonly #means: Float64Array;
  readonly #counts: Float64Array;
  readonly #isDeviation: boolean;

  constructor(
    result: Column,
    room: { readonly means: Float64Array; readonly counts: Float64Array; readonly isDeviation: boolean },
  ) {
    this.#result = result;
    this.#means = room.means;
    this.#counts = room.counts;
    this.#isDeviation = room.isDeviation;
  }

  add({ values, present }: Column): void {
    for (let step = 0; step < values.length; step++) {
      if (present[step] !== FLOAT) continue;
      const value = values[step]!;
      const count = ++this.#counts[step]!;
      if (count === 1) {
        this.#result.present[step] = FLOAT;
        this.#result.values[step] = Number.isFinite(value) ? 0 : Number.NaN;
        this.#means[step] = value;
        continue;
      }
      const deviation = value - this.#means[step]!;
      this.#means[step]! += deviation / count;
      this.#result.values[step]! += deviation * (value - this.#means[step]!);
    }
  }

  finish(): Column {
    const { values } = this.#result;
    for (let step = 0; step < values.length; step++) {
      const variance = values[step]! / this.#counts[step]!;
      values[step] = this.#isDeviation ? Math.sqrt(variance) : variance;
    }
    return this.#result;
  }
}
