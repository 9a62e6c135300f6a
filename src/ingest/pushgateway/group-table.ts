/**
 * GroupTable: all groups, and what must be consistent across them.
 *
 * Invariants
 *  1. Metrics of one name have one type in all groups of a job; where no job is configured, in all groups.
 *  2. No series is in two families or groups, or twice in one.
 *  3. No name is that of a series which a histogram or summary of another name has (`x_count` beside the histogram `x`),
 *     as far as 1 goes.
 *
 * Source of what is consistent: client_golang, prometheus/registry.go, as the Pushgateway checks its groups.
 */

import type { Labels } from "../../model/labels.js";
import { RoomShares } from "../source/room-shares.js";
import {
  type Group,
  type GroupChange,
  groupIdOf,
  type HeldFamily,
  PUSH_FAILURE_TIME,
  PUSH_TIME,
  storedSeriesOf,
} from "./group.js";
import type { GroupingKey } from "./grouping-path.js";
import { type FamilyType, isHistogram } from "./metric-family.js";

/** A change that was made: which series are gone by it, and the way back, as long as nothing else was changed. */
export interface AppliedChange {
  /** Undefined when it was removed. */
  readonly group: Group | undefined;
  readonly ended: readonly Labels[];
  undo(): void;
}

/** Families of one name in the groups of one job. */
interface NamedFamilies {
  readonly type: FamilyType;
  groups: number;
}

/** Of groups and their series, where no jobs are configured: a job that makes ever more of them leaves so much to others. */
const keptPart = 0.1;

export class GroupTable {
  readonly #groups = new Map<string, Group>();
  /** By name, then by the label `job` of the groups. */
  readonly #names = new Map<string, Map<string, NamedFamilies>>();
  /** The group that a series is of. */
  readonly #series = new Map<string, string>();
  /** By the label `job` of the groups. */
  readonly groupShares = new RoomShares(Infinity, keptPart);
  /** Of series, with those that relabelling drops. */
  readonly seriesShares = new RoomShares(Infinity, keptPart);

  get seriesCount(): number {
    return this.#series.size;
  }

  get(labels: GroupingKey): Group | undefined {
    return this.#groups.get(groupIdOf(labels));
  }

  has(group: Group): boolean {
    return this.#groups.get(group.id) === group;
  }

  groups(): Iterable<Group> {
    return this.#groups.values();
  }

  hasSeries(labels: Labels): boolean {
    return this.#series.has(labels.key());
  }

  /** The group that has the series. */
  groupOf(labels: Labels): Group | undefined {
    return this.#groups.get(this.#series.get(labels.key()) ?? "");
  }

  /** How many series a change adds, less those that it takes the place of; with those that relabelling drops. */
  growthOf(change: GroupChange): number {
    const before = this.get(change.labels);
    const gone = without(before?.families ?? new Map(), keptFamilies(before, change));
    return countSeries(change.families?.values() ?? []) - countSeries(gone.values());
  }

  /** Why a change cannot be made; undefined when it can. Its types are those of all jobs, or of its own alone. */
  inconsistency(change: GroupChange, types: "of-all" | "of-job" = "of-all"): string | undefined {
    const job = jobOf(change.labels);
    const group = this.get(change.labels);
    const added = change.families ?? new Map<string, HeldFamily>();
    const kept = keptFamilies(group, change);
    // What is there when the change is made, as far as names go.
    const typeBeside = (name: string) => {
      const byJob = this.#names.get(name);
      const isLeaving = group?.families.has(name) === true && !kept.has(name);
      if (types === "of-job") return typeWithout(byJob?.get(job), isLeaving);
      for (const [other, named] of byJob ?? []) {
        const type = typeWithout(named, isLeaving && other === job);
        if (type !== undefined) return type;
      }
      return undefined;
    };
    const typeOf = (name: string) => added.get(name)?.family.type ?? typeBeside(name);
    const seen = new Set<string>();
    for (const { family, stored } of added.values()) {
      const { name, type } = family;
      const other = typeBeside(name);
      if (other !== undefined && other !== type)
        return `metric "${name}" is a ${type.toUpperCase()}, and is not a ${other.toUpperCase()} as in other groups`;
      const collision = collidingName(name, type, typeOf);
      if (collision !== undefined) return collision;
      for (const labels of stored) {
        if (labels === undefined) continue;
        const key = labels.key();
        const owner = this.#series.get(key);
        if (seen.has(key) || (owner !== undefined && owner !== group?.id))
          return `metric ${labels} was collected before with the same name and label values`;
        seen.add(key);
      }
    }
    return undefined;
  }

  /** The change must be consistent. */
  apply(change: GroupChange): AppliedChange {
    const id = groupIdOf(change.labels);
    const before = this.#groups.get(id);
    if (change.families === undefined) return this.#remove(before);
    const group: Group = before ?? {
      id,
      labels: change.labels,
      families: new Map(),
      expiresAt: Infinity,
      scheduledAt: undefined,
    };
    const { families: oldFamilies, expiresAt } = group;
    const gone = without(oldFamilies, keptFamilies(before, change));
    this.#unindex(group, gone.values());
    this.#index(group, change.families.values());
    group.families = new Map([...keptFamilies(before, change), ...change.families]);
    group.expiresAt = change.expiresAt;
    if (before === undefined) this.#add(group);
    const ended = [...storedSeriesOf(gone.values())].filter(([key]) => !this.#series.has(key));
    const added = change.families;
    const undo = () => {
      this.#unindex(group, added.values());
      this.#index(group, gone.values());
      group.families = oldFamilies;
      group.expiresAt = expiresAt;
      if (before === undefined) this.#delete(group);
    };
    return { group, ended: ended.map(([, labels]) => labels), undo };
  }

  #remove(group: Group | undefined): AppliedChange {
    if (group === undefined) return { group: undefined, ended: [], undo: () => {} };
    this.#unindex(group, group.families.values());
    this.#delete(group);
    const undo = () => {
      this.#add(group);
      this.#index(group, group.families.values());
    };
    return { group: undefined, ended: [...storedSeriesOf(group.families.values()).values()], undo };
  }

  #add(group: Group): void {
    this.#groups.set(group.id, group);
    this.groupShares.use(jobOf(group.labels), 1);
  }

  #delete(group: Group): void {
    this.#groups.delete(group.id);
    this.groupShares.use(jobOf(group.labels), -1);
  }

  #index(group: Group, families: Iterable<HeldFamily>): void {
    const job = jobOf(group.labels);
    for (const { family, stored } of families) {
      const byJob = this.#names.get(family.name) ?? new Map<string, NamedFamilies>();
      const named = byJob.get(job);
      if (named === undefined) byJob.set(job, { type: family.type, groups: 1 });
      else named.groups++;
      this.#names.set(family.name, byJob);
      for (const labels of stored) if (labels !== undefined) this.#series.set(labels.key(), group.id);
      this.seriesShares.use(job, stored.length);
    }
  }

  #unindex(group: Group, families: Iterable<HeldFamily>): void {
    const job = jobOf(group.labels);
    for (const { family, stored } of families) {
      const byJob = this.#names.get(family.name);
      const named = byJob?.get(job);
      if (named !== undefined && --named.groups === 0) byJob!.delete(job);
      if (byJob?.size === 0) this.#names.delete(family.name);
      for (const labels of stored) if (labels !== undefined) this.#series.delete(labels.key());
      this.seriesShares.use(job, -stored.length);
    }
  }
}

export function jobOf(grouping: GroupingKey): string {
  return grouping.get("job") ?? "";
}

/** The type that groups have; undefined when it is the one that is leaving alone. */
function typeWithout(named: NamedFamilies | undefined, isLeaving: boolean): FamilyType | undefined {
  return named !== undefined && named.groups > (isLeaving ? 1 : 0) ? named.type : undefined;
}

function countSeries(families: Iterable<HeldFamily>): number {
  let count = 0;
  for (const { stored } of families) count += stored.length;
  return count;
}

/** What the group has besides, when the change is made. */
function keptFamilies(
  group: Group | undefined,
  { families, replaces }: GroupChange,
): ReadonlyMap<string, HeldFamily> {
  const kept = new Map<string, HeldFamily>();
  if (families === undefined) return kept;
  for (const [name, family] of group?.families ?? []) {
    const isOfPushes = name === PUSH_TIME || name === PUSH_FAILURE_TIME;
    if (!families.has(name) && (!replaces || isOfPushes)) kept.set(name, family);
  }
  return kept;
}

function without<T>(
  families: ReadonlyMap<string, T>,
  others: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, T> {
  return new Map([...families].filter(([name]) => !others.has(name)));
}

/** A name that is, or has, a series of a histogram or summary of another name. */
function collidingName(
  name: string,
  type: FamilyType,
  typeOf: (name: string) => FamilyType | undefined,
): string | undefined {
  const suffix = /_(?:count|sum|bucket)$/.exec(name)?.[0];
  const outer = suffix === undefined ? undefined : name.slice(0, -suffix.length);
  const outerType = outer === undefined ? undefined : typeOf(outer);
  if (outerType !== undefined && suffixesOf(outerType).includes(suffix!))
    return `metric named "${name}" collides with the ${outerType} named "${outer}"`;
  const inner = suffixesOf(type).find((own) => typeOf(name + own) !== undefined);
  if (inner !== undefined)
    return `histogram or summary named "${name}" collides with the metric named "${name}${inner}"`;
  return undefined;
}

function suffixesOf(type: FamilyType): readonly string[] {
  if (isHistogram(type)) return ["_count", "_sum", "_bucket"];
  return type === "summary" ? ["_count", "_sum"] : [];
}
