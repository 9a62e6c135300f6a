/**
 * Dropping names: what is computed from a metric is that metric no longer. `__name__`, `__type__` and `__unit__` go,
 * at once or (delayed name removal) at the end of the query.
 */

import { type Labels, METRIC_NAME } from "../../model/labels.js";
import { LABEL_WORK, type QueryBudget } from "./budget.js";
import type { EvalContext } from "./context.js";
import { mergeSeries } from "./merge-series.js";
import type { Slices } from "./slices.js";
import type { VectorSeries } from "./value.js";

const metadataNames = [METRIC_NAME, "__type__", "__unit__"] as const;
const metadata: ReadonlySet<string> = new Set(metadataNames);

export function withoutMetadata(labels: Labels): Labels {
  return labels.drop(metadata);
}

/** The labels of a series whose name goes: without it, unless that is for later. */
export function droppedName(labels: Labels, context: EvalContext): Labels {
  return context.features.delayedNameRemoval ? labels : withoutMetadata(labels);
}

/** The same series without their names. Those that become equal are merged, unless the names go later. */
export function* dropNames(
  series: readonly VectorSeries[],
  context: EvalContext,
): Slices<readonly VectorSeries[]> {
  const renamed: VectorSeries[] = [];
  for (const { labels, column } of series) {
    renamed.push({ labels: droppedName(labels, context), dropName: true, column });
    if (context.budget.tick(LABEL_WORK)) yield;
  }
  if (context.features.delayedNameRemoval) return renamed;
  if (!metadataDiffers(series.map(({ labels }) => labels))) return renamed;
  return yield* mergeSeries(renamed, context.budget);
}

/** Delayed name removal comes to its end: names go, and series that became equal are merged. */
export function* finalNames(
  series: readonly VectorSeries[],
  budget: QueryBudget,
): Slices<readonly VectorSeries[]> {
  if (!series.some(({ dropName }) => dropName)) return series;
  const named: VectorSeries[] = [];
  for (const each of series) {
    named.push(each.dropName ? { ...each, labels: withoutMetadata(each.labels), dropName: false } : each);
    if (budget.tick(LABEL_WORK)) yield;
  }
  return yield* mergeSeries(named, budget);
}

/** Whether there is more than a name to drop: labels that matching by signature may not look at. */
export function hasTypeOrUnit({ labels }: VectorSeries): boolean {
  return labels.has("__type__") || labels.has("__unit__");
}

/** Whether metadata tell any of these label sets apart: if not, dropping them makes none equal. */
export function metadataDiffers(sets: readonly Labels[]): boolean {
  return metadataNames.some((name) => {
    const first = sets[0]?.get(name);
    return sets.some((labels) => labels.get(name) !== first);
  });
}
