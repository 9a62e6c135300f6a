/**
 * Scopes: which series of a source a full push, or an end, speaks of. A grouping of no more than job and instance is
 * the source as a whole; one with more labels is a part of it, apart from the rest, as a group of the Pushgateway.
 */

import type { Labels } from "../../model/labels.js";

/**
 * Of a series: `own-times` when its samples bring their times, so that no full push ends it; `restored` when it was
 * read back at open, and its samples had the time of their arrival; `whole`, or the key of a narrower grouping.
 */
export type PushScope = "own-times" | "restored" | "whole" | `group ${string}`;

export function scopeOf(grouping: Labels): PushScope {
  for (const [name] of grouping) if (name !== "job" && name !== "instance") return `group ${grouping.key()}`;
  return "whole";
}

interface ScopedSeries {
  readonly labels: Labels;
  readonly scope: PushScope;
}

/** Whether a full push with this grouping would have had the series. Of one that was read back its labels tell. */
export function isOfFullPush(series: ScopedSeries, grouping: Labels): boolean {
  if (series.scope === "restored") return hasAll(series.labels, grouping);
  return series.scope === scopeOf(grouping);
}

/** Whether the end of this grouping ends the series. */
export function isOfEnd(series: ScopedSeries, grouping: Labels): boolean {
  const scope = scopeOf(grouping);
  if (series.scope === "restored") return hasAll(series.labels, grouping);
  if (scope === "whole") return series.scope === "whole" || series.scope === "own-times";
  return series.scope === scope;
}

function hasAll(labels: Labels, grouping: Labels): boolean {
  for (const [name, value] of grouping) if (labels.get(name) !== value) return false;
  return true;
}
