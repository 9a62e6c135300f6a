/**
 * The records of the journal `pushgateway`: changes of groups, in their order, as JSON.
 *
 *   {"changes":[{"group":{"job":"backup"},"replaces":true,"expires":null,"families":[FAMILY, ...]}]}
 *   {"changes":[{"group":{"job":"backup"},"removed":true}]}
 *   FAMILY   {"name":"runs_total","type":"counter","help":"","time":1700000000000,"metrics":[METRIC, ...],"stored":LABELS}
 *   METRIC   [{"site":"berlin"},"42"]                                        labels, value
 *            [{"site":"berlin"},[["0.5","1"],["+Inf","2"]],"3.5","2"]        points, sum, count
 *   LABELS   left out when series are stored as they were pushed, else each one's; null for those that are dropped
 *
 * Numbers are in quotes as Go writes them, since JSON has neither NaN nor infinities.
 */

import { CorruptionError } from "../../model/errors.js";
import { formatFloat, parseFloatText } from "../../model/float-text.js";
import { Labels } from "../../model/labels.js";
import { type Group, type GroupChange, type HeldFamily, inGroup } from "./group.js";
import type { GroupingKey } from "./grouping-path.js";
import { type FamilyType, type Metric, type MetricFamily, samplesOf } from "./metric-family.js";

type LabelsFields = Readonly<Record<string, string>>;
type MetricFields =
  | readonly [labels: LabelsFields, value: string]
  | readonly [labels: LabelsFields, points: readonly [string, string][], sum: string, count: string];

interface FamilyFields {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  readonly time: number;
  readonly metrics: readonly MetricFields[];
  readonly stored?: readonly (LabelsFields | null)[];
}

interface ChangeFields {
  readonly group: LabelsFields;
  readonly removed?: boolean;
  readonly replaces?: boolean;
  readonly expires?: number | null;
  readonly families?: readonly FamilyFields[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeChanges(changes: readonly GroupChange[]): Uint8Array {
  return encoder.encode(JSON.stringify({ changes: changes.map(changeFields) }));
}

/** Each group in a record of its own. */
export function encodeGroups(groups: Iterable<Group>): readonly Uint8Array[] {
  return Array.from(groups, ({ labels, families, expiresAt }) =>
    encodeChanges([{ labels, families, replaces: true, expiresAt }]),
  );
}

/** Throws CorruptionError. */
export function decodeChanges(record: Uint8Array): readonly GroupChange[] {
  try {
    const { changes } = JSON.parse(decoder.decode(record)) as { changes: readonly ChangeFields[] };
    return changes.map(readChange);
  } catch (cause) {
    throw new CorruptionError("a record of groups cannot be read", {}, { cause });
  }
}

function changeFields({ labels, families, replaces, expiresAt }: GroupChange): ChangeFields {
  const group = Object.fromEntries(labels);
  if (families === undefined) return { group, removed: true };
  return {
    group,
    replaces,
    expires: expiresAt === Infinity ? null : expiresAt,
    families: Array.from(families.values(), (family) => familyFields(family)),
  };
}

function familyFields({ family, time, stored }: HeldFamily): FamilyFields {
  const { name, type, help, metrics } = family;
  const isStoredAsPushed = samplesOf(family).every(({ labels }, i) => stored[i]?.equals(labels) === true);
  return {
    ...{ name, type, help, time },
    metrics: metrics.map(metricFields),
    ...(isStoredAsPushed ? {} : { stored: stored.map((labels) => labels?.toObject() ?? null) }),
  };
}

function metricFields(metric: Metric): MetricFields {
  const labels = metric.labels.toObject();
  if (metric.kind === "simple") return [labels, formatFloat(metric.value)];
  const points = metric.points.map(([bound, value]): [string, string] => [
    formatFloat(bound),
    formatFloat(value),
  ]);
  return [labels, points, formatFloat(metric.sum), formatFloat(metric.count)];
}

function readChange({ group, removed, replaces, expires, families = [] }: ChangeFields): GroupChange {
  const labels = new Map(Object.entries(group));
  if (removed) return { labels, families: undefined, replaces: false, expiresAt: Infinity };
  const held = families.map((fields) => [fields.name, readFamily(fields, labels)] as const);
  return { labels, families: new Map(held), replaces: replaces === true, expiresAt: expires ?? Infinity };
}

function readFamily(
  { name, type, help, time, metrics, stored }: FamilyFields,
  grouping: GroupingKey,
): HeldFamily {
  const read = metrics.map((fields) => readMetric(fields, grouping));
  const family: MetricFamily = { name, type, help, metrics: read };
  if (stored === undefined) return { family, time, stored: samplesOf(family).map(({ labels }) => labels) };
  return {
    family,
    time,
    stored: stored.map((labels) => (labels === null ? undefined : Labels.from(labels))),
  };
}

function readMetric([labelFields, value, sum, count]: MetricFields, grouping: GroupingKey): Metric {
  const labels = inGroup(Labels.from(labelFields), grouping);
  if (typeof value === "string") return { kind: "simple", labels, value: readNumber(value), time: undefined };
  const points = value.map(([bound, at]) => [readNumber(bound), readNumber(at)] as const);
  return {
    ...{ kind: "distribution", labels, points, time: undefined },
    sum: readNumber(sum ?? ""),
    count: readNumber(count ?? ""),
  };
}

function readNumber(text: string): number {
  const value = parseFloatText(text);
  if (value === undefined) throw new CorruptionError(`${text} is no number`);
  return value;
}
