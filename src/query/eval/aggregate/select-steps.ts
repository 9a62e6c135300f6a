/**
 * Aggregations that select series instead of computing: groups of inputs, and outputs with some of their steps.
 */

import { LABEL_WORK, type QueryBudget } from "../budget.js";
import type { Slices } from "../slices.js";
import { FLOAT, hasValue, type VectorSeries } from "../value.js";
import { type Grouping, GroupTable } from "./grouping.js";

/** Inputs of each group, by index, in their order. */
export function* groupIndices(
  series: readonly VectorSeries[],
  grouping: Grouping,
  budget: QueryBudget,
): Slices<readonly (readonly number[])[]> {
  const table = new GroupTable(grouping, () => [] as number[]);
  for (const [index, { labels }] of series.entries()) {
    table.groupOf(labels).push(index);
    if (budget.tick(LABEL_WORK)) yield;
  }
  return table.groups();
}

/** Outputs with the labels and values of the inputs, at the steps that are taken. */
export class StepSelection {
  readonly #series: readonly VectorSeries[];
  readonly #selected: (VectorSeries | undefined)[];
  readonly #budget: QueryBudget;
  /** Inputs in the order in which they were first taken: what an instant query shows. */
  readonly #order: number[] = [];

  constructor(series: readonly VectorSeries[], budget: QueryBudget) {
    this.#series = series;
    this.#selected = series.map(() => undefined);
    this.#budget = budget;
  }

  take(index: number, step: number): void {
    const source = this.#series[index]!;
    let target = this.#selected[index];
    if (target === undefined) {
      target = { ...source, column: this.#budget.column(source.column.values.length) };
      this.#selected[index] = target;
      this.#order.push(index);
    }
    target.column.values[step] = source.column.values[step]!;
    target.column.present[step] = FLOAT;
  }

  *result(): Slices<readonly VectorSeries[]> {
    const series: VectorSeries[] = [];
    for (const index of this.#order) {
      const each = this.#selected[index]!;
      if (hasValue(each.column)) series.push(each);
      if (this.#budget.tick(each.column.present.length)) yield;
    }
    return series;
  }
}
