/**
 * changesWithout: what becomes of groups when series of theirs have ended by themselves, as those of a source that has said
 * that it is done: metrics go with any series of theirs, and a group with what it says of its pushes.
 */

import type { Labels } from "../../model/labels.js";
import { type Group, type GroupChange, type HeldFamily, PUSH_FAILURE_TIME, PUSH_TIME } from "./group.js";
import type { GroupTable } from "./group-table.js";
import { samplesOf } from "./metric-family.js";

export function changesWithout(gone: readonly Labels[], table: GroupTable): readonly GroupChange[] {
  const keys = new Set(gone.map((labels) => labels.key()));
  const groups = new Set<Group>();
  for (const labels of gone) {
    const group = table.groupOf(labels);
    if (group !== undefined) groups.add(group);
  }
  return Array.from(groups, (group) => changeWithout(keys, group));
}

function changeWithout(gone: ReadonlySet<string>, { labels, families, expiresAt }: Group): GroupChange {
  const left = new Map<string, HeldFamily>();
  for (const [name, held] of families) {
    const rest = name === PUSH_FAILURE_TIME ? held : familyWithout(gone, held);
    if (rest !== undefined) left.set(name, rest);
  }
  // It stands as long as the time of its last push does, or what was pushed where relabelling drops that.
  const [pushTime] = families.get(PUSH_TIME)?.stored ?? [];
  const stands = pushTime === undefined ? left.size > 2 : !gone.has(pushTime.key());
  return { labels, families: stands ? left : undefined, replaces: true, expiresAt };
}

/** Undefined when nothing is left of it. */
function familyWithout(
  gone: ReadonlySet<string>,
  { family, time, stored }: HeldFamily,
): HeldFamily | undefined {
  let from = 0;
  const parts = family.metrics.map((metric) => {
    const to = from + samplesOf({ ...family, metrics: [metric] }).length;
    const ofMetric = stored.slice(from, to);
    from = to;
    return { metric, ofMetric };
  });
  const rest = parts.filter(
    ({ ofMetric }) => !ofMetric.some((labels) => labels !== undefined && gone.has(labels.key())),
  );
  if (rest.length === 0) return undefined;
  return {
    family: { ...family, metrics: rest.map(({ metric }) => metric) },
    time,
    stored: rest.flatMap(({ ofMetric }) => ofMetric),
  };
}
