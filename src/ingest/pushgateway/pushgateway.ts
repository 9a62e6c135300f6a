/**
 * Pushgateway: groups of metrics that stand until they are replaced, deleted or over, as those who push to a Pushgateway
 * expect, as series of the database.
 *
 *   push, remove, wipe   wait for their turn: see ChangeQueue
 *   turn                 checked against the groups as all requests before leave them
 *   durable              their samples are committed, and what they left out ends
 *
 * Invariants
 *  1. What is answered is durable, as a group and as series.
 *  2. The order of requests is the order of changes, of records, and of times of samples.
 *  3. A request that is refused changes no metric of its group but `push_failure_time_seconds`.
 *  4. A series that somebody else has ended is in no group any more.
 *  5. After an open the series are those of the journal: those that a crash has lost begin again, and those that it has
 *     left over end.
 */

import type { Clock } from "../../model/clock.js";
import { ForbiddenError, InvalidArgumentError, LimitExceededError } from "../../model/errors.js";
import type { OpenJournal } from "../../model/journal.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import type { Push, PushResult, SeriesKeeper, StalenessPolicy } from "../push/push.js";
import { leaseDurationMs, provisionalIntervalMs } from "../source/lease.js";
import { ChangeQueue, type Decision } from "./change-queue.js";
import { changesWithout } from "./changes-without.js";
import {
  type Group,
  type GroupChange,
  groupIdOf,
  heldSamplesOf,
  inGroup,
  PUSH_FAILURE_TIME,
  PUSH_TIME,
  pushTimeSamplesOf,
} from "./group.js";
import { GroupExpiry } from "./group-expiry.js";
import { decodeChanges } from "./group-record.js";
import { type AppliedChange, GroupTable, jobOf } from "./group-table.js";
import type { GroupingKey } from "./grouping-path.js";
import { holdFamilies } from "./hold-families.js";
import { type MetricFamily, samplesOf } from "./metric-family.js";
import { failureFamilies, successFamilies } from "./push-times.js";
import { StagingTimes } from "./staging-times.js";

export interface PushgatewayOptions {
  readonly openJournal: OpenJournal;
  readonly keeper: SeriesKeeper;
  readonly clock: Clock;
  readonly limits?: Partial<PushgatewayLimits>;
  /** Told in a sentence when a group that is over could not be ended; it is tried again. */
  readonly onTrouble?: (message: string) => void;
}

/** Of all groups. */
export interface PushgatewayLimits {
  readonly groupsMax: number;
  readonly seriesMax: number;
}

/** What is pushed to a group. */
export interface GroupPush {
  readonly grouping: GroupingKey;
  readonly families: ReadonlyMap<string, MetricFamily>;
  /** PUT; else POST, which leaves families with other names as they are. */
  readonly replaces: boolean;
  /** Where the configuration says nothing. */
  readonly staleness: StalenessPolicy;
  /** Whether samples may bring their times; else that is an error. */
  readonly takesTimes: boolean;
}

const defaultLimits: PushgatewayLimits = { groupsMax: 20_000, seriesMax: 1_000_000 };
/** A group has its own word on these. */
const ownNames: ReadonlySet<string> = new Set([PUSH_TIME, PUSH_FAILURE_TIME]);
const retryMs = 10_000;

export class Pushgateway {
  readonly #options: PushgatewayOptions;
  readonly #limits: PushgatewayLimits;
  readonly #table: GroupTable;
  readonly #queue: ChangeQueue;
  readonly #expiry: GroupExpiry;
  readonly #times: StagingTimes;
  /** Series that have ended, and are in the journal yet. */
  readonly #unforgotten: Labels[] = [];
  #cancelRetry: () => void = () => {};

  private constructor(options: PushgatewayOptions, table: GroupTable, queue: ChangeQueue) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#table = table;
    this.#queue = queue;
    this.#times = new StagingTimes(options.keeper);
    this.#expiry = new GroupExpiry(options.clock, (groups) => this.#endOverdue(groups));
  }

  /** Groups go on as they were; those that are over meanwhile end. */
  static async open(options: PushgatewayOptions): Promise<Pushgateway> {
    const { openJournal, keeper } = options;
    const table = new GroupTable();
    const ended = new Map<string, Labels>();
    const journal = await openJournal("pushgateway", (record) => {
      for (const change of decodeChanges(record))
        for (const labels of table.apply(change).ended) ended.set(labels.key(), labels);
    });
    const gateway = new Pushgateway(options, table, new ChangeQueue(journal, table));
    await keeper.endSeries(
      [...ended.values()].filter((labels) => !table.hasSeries(labels)),
      { isDone: false },
    );
    await keeper.hold(Array.from(table.groups()).flatMap((group) => [...heldSamplesOf(group)]));
    for (const group of table.groups()) gateway.#expiry.schedule(group);
    keeper.onEnd((ended) => gateway.#forget(ended));
    return gateway;
  }

  groups(): readonly Group[] {
    return [...this.#table.groups()];
  }

  /**
   * Takes the push over: commits it, or rolls it back. Rejects with InvalidArgumentError (inconsistent, or with times),
   * LimitExceededError, or as a commit does.
   */
  push(push: Push, request: GroupPush): Promise<PushResult> {
    return this.#inOrder(push, (resolve, reject) => {
      const decided = this.#decidePush(push, request);
      if ("refusal" in decided) return this.#refuse(push, decided, reject);
      const { change } = decided;
      const conclude = ([applied]: readonly AppliedChange[]) => {
        this.#expiry.schedule(applied!.group!);
        this.#stage(push, change);
        const commit = push.commit();
        const end = this.#endSeries(applied!.ended, { isDone: false });
        Promise.all([commit, end]).then(([result]) => resolve(result), reject);
      };
      return { changes: [change], conclude };
    });
  }

  /** Removes a group, if it is there. Commits the push, or rolls it back. Rejects with ForbiddenError. */
  async remove(push: Push, grouping: GroupingKey): Promise<void> {
    const labels = groupLabelsOf(push, grouping);
    const { refusal } = push.series(inGroup(Labels.from({ [METRIC_NAME]: PUSH_TIME }), labels));
    if (refusal?.reason === "forbidden-label") {
      push.rollback(refusal.message);
      throw new ForbiddenError(refusal.message);
    }
    await push.commit();
    await this.#removeGroups(() => [labels], { isDone: true });
  }

  /** Removes all groups. */
  wipe(): Promise<void> {
    return this.#removeGroups(() => this.groups().map(({ labels }) => labels), { isDone: true });
  }

  /** Groups do not end by themselves any more. Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#expiry.close();
    this.#cancelRetry();
    await this.#queue.settled();
  }

  /** What has ended by itself leaves its groups. */
  async #forget(ended: readonly Labels[]): Promise<void> {
    try {
      await this.#forgetInTurn(ended);
    } catch (error) {
      // They have ended, whatever is answered: nobody will say it again.
      this.#unforgotten.push(...ended);
      this.#cancelRetry();
      this.#cancelRetry = this.#options.clock.schedule(retryMs, () => {
        this.#forget(this.#unforgotten.splice(0)).catch(() => undefined);
      });
      throw error;
    }
  }

  #forgetInTurn(ended: readonly Labels[]): Promise<void> {
    const { keeper } = this.#options;
    const isKnown = ended.filter((labels) => this.#table.hasSeries(labels));
    if (isKnown.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const decide = (): Decision => {
        // A push may have brought some of them again, before it was their turn.
        const live = new Set(keeper.liveOf(isKnown).map((labels) => labels.key()));
        const gone = isKnown.filter((labels) => !live.has(labels.key()));
        const conclude = (applied: readonly AppliedChange[]) => {
          const live = keeper.liveOf(applied.flatMap((one) => one.ended));
          const standing = applied.flatMap(({ group }) => (group === undefined ? [] : [group]));
          const held = keeper.hold(standing.flatMap(pushTimeSamplesOf));
          Promise.all([held, this.#endSeries(live, { isDone: false })]).then(() => resolve(), reject);
        };
        return { changes: changesWithout(gone, this.#table), conclude };
      };
      this.#queue.enqueue({ decide, reject });
    });
  }

  #inOrder<T>(
    push: Push,
    decide: (resolve: (value: T) => void, reject: (error: unknown) => void) => Decision,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const rejectPush = (error: unknown) => {
        push.rollback(error instanceof Error ? error.message : String(error));
        reject(error);
      };
      this.#queue.enqueue({ decide: () => decide(resolve, rejectPush), reject: rejectPush });
    });
  }

  #removeGroups(which: () => readonly GroupingKey[], options: { readonly isDone: boolean }): Promise<void> {
    return new Promise((resolve, reject) => {
      const decide = (): Decision => ({
        changes: which().map((labels) => ({
          ...{ labels, families: undefined, replaces: false },
          expiresAt: Infinity,
        })),
        conclude: (applied) => {
          const ended = applied.flatMap((one) => one.ended);
          this.#endSeries(ended, options).then(resolve, reject);
        },
      });
      this.#queue.enqueue({ decide, reject });
    });
  }

  #decidePush(push: Push, request: GroupPush): { readonly change: GroupChange } | RefusedPush {
    const now = this.#options.clock.now();
    const labels = groupLabelsOf(push, request.grouping);
    const group = this.#table.get(labels);
    const bring = (families: Iterable<MetricFamily>) =>
      holdFamilies(push, { address: request.grouping, labels }, families, now);
    const refuse = (message: string): RefusedPush => {
      const change = { labels, replaces: false, families: bring(failureFamilies(group, now)) };
      const refusal = `pushed metrics are invalid or inconsistent with existing metrics: ${message}`;
      return {
        refusal,
        change: { ...change, expiresAt: group?.expiresAt ?? this.#expiryOf(push, request, now) },
      };
    };
    const sent = [...request.families.values()];
    if (!request.takesTimes && sent.some(hasTimes)) return refuse("pushed metrics must not have timestamps");
    const pushed = sent.filter(({ name }) => !ownNames.has(name));
    const reserved = pushed.find(hasReservedLabel);
    if (reserved !== undefined)
      return refuse(`metric "${reserved.name}" has a label whose name begins with "__"`);
    const families = bring([...pushed, ...successFamilies(group, now)]);
    const expiresAt = this.#expiryOf(push, request, now);
    const change: GroupChange = { labels, families, replaces: request.replaces, expiresAt };
    this.#checkRoom(change, group);
    const inconsistency = this.#table.inconsistency(change, typesOf(push));
    return inconsistency === undefined ? { change } : refuse(inconsistency);
  }

  /** The group says when it failed, as far as that is consistent itself. */
  #refuse(push: Push, { refusal, change }: RefusedPush, reject: (error: unknown) => void): Decision {
    const error = new InvalidArgumentError(refusal);
    const { groupShares } = this.#dividedTable();
    const hasRoom =
      this.#table.get(change.labels) !== undefined || groupShares.lack(jobOf(change.labels)) === undefined;
    const isNoted = hasRoom && this.#table.inconsistency(change, typesOf(push)) === undefined;
    const conclude = ([applied]: readonly AppliedChange[]) => {
      const group = applied?.group;
      if (group === undefined) return reject(error);
      this.#expiry.schedule(group);
      push.rollback(refusal);
      this.#times.reset();
      this.#options.keeper.hold(pushTimeSamplesOf(group)).then(() => reject(error), reject);
    };
    return { changes: isNoted ? [change] : [], conclude };
  }

  #checkRoom(change: GroupChange, group: Group | undefined): void {
    const { groupsMax, seriesMax } = this.#limits;
    const { groupShares, seriesShares } = this.#dividedTable();
    const job = jobOf(change.labels);
    const lackOfGroups = group === undefined ? groupShares.lack(job) : undefined;
    if (lackOfGroups === "full")
      throw new LimitExceededError(`there are ${groupsMax} groups, the limit groupsMax; delete some`);
    if (lackOfGroups === "kept")
      throw new LimitExceededError(
        `of the ${groupsMax} groups that may be this job has ${groupShares.usedBy(job)}, and what is left is kept for other jobs; delete some`,
      );
    const growth = this.#table.growthOf(change);
    const lackOfSeries = growth > 0 ? seriesShares.lack(job, growth) : undefined;
    if (lackOfSeries === "full")
      throw new LimitExceededError(
        `the groups would have more series than the limit seriesMax of ${seriesMax}`,
      );
    if (lackOfSeries === "kept")
      throw new LimitExceededError(
        `of the ${seriesMax} series that groups may have what is left is kept for other jobs; delete some groups`,
      );
  }

  /** Jobs may have been configured since. */
  #dividedTable(): GroupTable {
    const { jobNames } = this.#options.keeper;
    this.#table.groupShares.divide(this.#limits.groupsMax, jobNames);
    this.#table.seriesShares.divide(this.#limits.seriesMax, jobNames);
    return this.#table;
  }

  #expiryOf({ identity }: Push, { staleness }: GroupPush, now: TimestampMs): TimestampMs {
    const policy = identity.staleness ?? staleness;
    switch (policy.kind) {
      case "forever":
        return Infinity;
      case "hold":
        return now + policy.durationMs;
      case "lease":
        return now + leaseDurationMs(identity.intervalMs ?? provisionalIntervalMs);
    }
  }

  #stage(push: Push, { labels: grouping, families }: GroupChange): void {
    const now = this.#times.timeFor(groupIdOf(grouping));
    for (const [name, { family }] of families!) {
      push.metadata(name, { type: family.type === "untyped" ? "unknown" : family.type, help: family.help });
      for (const { labels, value, time } of samplesOf(family)) {
        const series = push.series(labels);
        if (series.refusal === undefined) push.append(series, time ?? now, value);
      }
    }
  }

  async #endSeries(ended: readonly Labels[], options: { readonly isDone: boolean }): Promise<void> {
    if (ended.length === 0) return;
    this.#times.reset();
    await this.#options.keeper.endSeries(ended, options);
  }

  #endOverdue(groups: readonly Group[]): void {
    const { clock, onTrouble } = this.#options;
    // A push may come before it is their turn.
    const stillOver = () =>
      groups.filter((group) => this.#table.has(group) && group.expiresAt <= clock.now());
    this.#removeGroups(() => stillOver().map(({ labels }) => labels), { isDone: false }).catch((error) => {
      onTrouble?.(`groups that are over were not ended, and it is tried again: ${error}`);
      for (const group of stillOver()) this.#expiry.schedule(group, clock.now() + retryMs);
    });
  }
}

interface RefusedPush {
  readonly refusal: string;
  readonly change: GroupChange;
}

function hasTimes({ metrics }: MetricFamily): boolean {
  return metrics.some(({ time }) => time !== undefined);
}

function hasReservedLabel({ metrics }: MetricFamily): boolean {
  return metrics.some(({ labels }) => [...labels].some(([name]) => name.startsWith("__")));
}

/** Who may push one job decides nothing about the others. */
function typesOf({ identity }: Push): "of-all" | "of-job" {
  return identity.isConfigured ? "of-job" : "of-all";
}

/** With what its credential forces, so that two devices may use the same address. */
function groupLabelsOf({ identity }: Push, grouping: GroupingKey): GroupingKey {
  return new Map([...grouping, ...identity.labels]);
}
