/**
 * Groups: what was pushed under one grouping key, until it is replaced, deleted or over.
 */

import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import type { HeldSample } from "../push/push.js";
import type { Scheduled } from "../source/due-queue.js";
import type { GroupingKey } from "./grouping-path.js";
import { type FamilySample, type MetricFamily, samplesOf } from "./metric-family.js";

/** A family as a group holds it. */
export interface HeldFamily {
  readonly family: MetricFamily;
  /** When it was pushed. */
  readonly time: TimestampMs;
  /** What it is in the database, in the order of `samplesOf`; undefined is what relabelling drops. */
  readonly stored: readonly (Labels | undefined)[];
}

export interface Group extends Scheduled {
  readonly id: string;
  /** Its grouping key with the labels that the credential forces. */
  readonly labels: GroupingKey;
  /** By name. Never changed, but replaced. */
  families: ReadonlyMap<string, HeldFamily>;
  /** When it ends by itself; Infinity for never. */
  expiresAt: TimestampMs;
}

/** What happens to a group, as the journal has it. */
export interface GroupChange {
  readonly labels: GroupingKey;
  /** By name: added, in place of those with their names. Undefined when the group is removed. */
  readonly families: ReadonlyMap<string, HeldFamily> | undefined;
  /** Whether they take the place of all others, save what the group says of its pushes. */
  readonly replaces: boolean;
  readonly expiresAt: TimestampMs;
}

export const PUSH_TIME = "push_time_seconds";
export const PUSH_FAILURE_TIME = "push_failure_time_seconds";

/** The same for equal keys. An empty value counts: such a label overwrites that of the body. */
export function groupIdOf(labels: GroupingKey): string {
  return JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The labels of a metric in the group. */
export function inGroup(labels: Labels, grouping: GroupingKey): Labels {
  return labels.with(Object.fromEntries(grouping));
}

/** The value that a group says of its own pushes; 0 for never. */
export function pushTimeOf(group: Group, name: typeof PUSH_TIME | typeof PUSH_FAILURE_TIME): number {
  const metric = group.families.get(name)?.family.metrics[0];
  return metric?.kind === "simple" ? metric.value : 0;
}

/** A sample and the labels it is stored with. */
export interface StoredSample extends FamilySample {
  readonly stored: Labels;
}

export function storedSamplesOf({ family, stored }: HeldFamily): readonly StoredSample[] {
  return samplesOf(family).flatMap((sample, i) => {
    const labels = stored[i];
    return labels === undefined ? [] : [{ ...sample, stored: labels }];
  });
}

/** By key. */
export function storedSeriesOf(families: Iterable<HeldFamily>): ReadonlyMap<string, Labels> {
  const series = new Map<string, Labels>();
  for (const { stored } of families)
    for (const labels of stored) if (labels !== undefined) series.set(labels.key(), labels);
  return series;
}

export function* heldSamplesOf({ families }: Group): Generator<HeldSample> {
  for (const family of families.values()) for (const sample of storedSamplesOf(family)) yield toHeld(sample);
}

/** What it says of its pushes. */
export function pushTimeSamplesOf({ families }: Group): readonly HeldSample[] {
  return [PUSH_TIME, PUSH_FAILURE_TIME].flatMap((name) => storedSamplesOf(families.get(name)!).map(toHeld));
}

function toHeld({ stored, value }: { readonly stored: Labels; readonly value: number }): HeldSample {
  return { labels: stored, value };
}
