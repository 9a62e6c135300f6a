/**
 * planLifeCycle: what is to be done about a source at a time, and when to look at it again. Pure.
 *
 *   awaited ──push──► up ──lease missed──► down ──push──► up
 *                                            └──a day, unless expected──► forgotten
 *
 * Values live by the policy: with the lease, for a duration after the last push, or until they are deleted; held ones
 * are repeated, and so are the series about the source, so that instant queries always find them.
 */

import type { TimestampMs } from "../../model/sample.js";
import type { StalenessPolicy } from "../push/push.js";
import { leaseDurationMs, provisionalIntervalMs } from "./lease.js";

/** A source that nobody expects is reported as down for so long. */
export const rememberedMs = 24 * 3_600_000;

/** What counts of a source. */
export interface LifeCycleView {
  readonly state: "awaited" | "up" | "down";
  readonly isExpected: boolean;
  /** Whether it is said whether it is up; else it is forgotten with its last series. */
  readonly isReported: boolean;
  readonly staleness: StalenessPolicy;
  readonly intervalMs: number | undefined;
  readonly lastPush: TimestampMs | undefined;
  /** The last push, or when the database was opened again after it. */
  readonly leaseStart: TimestampMs;
  /** When it was last seen to be down. */
  readonly downSince: TimestampMs;
  /** When series about it were last written, and values last repeated. */
  readonly lastReport: TimestampMs;
  readonly lastRepeat: TimestampMs;
  readonly hasLiveSeries: boolean;
}

export interface LifeCyclePlan {
  /** The lease is missed: it goes down. */
  readonly isMissed: boolean;
  readonly endsSeries: boolean;
  readonly repeatsValues: boolean;
  readonly repeatsReports: boolean;
  /** Its own series end, and nothing is known of it any more. */
  readonly isForgotten: boolean;
}

/** `repeatMs` is well below the lookback of instant queries. */
export function planLifeCycle(view: LifeCycleView, now: TimestampMs, repeatMs: number): LifeCyclePlan {
  const isMissed = view.state === "up" && now >= leaseEndOf(view);
  const isDown = isMissed || view.state === "down";
  const { staleness, hasLiveSeries, isReported, isExpected } = view;
  const isOver = staleness.kind === "lease" ? isDown : now >= holdEndOf(view);
  const endsSeries = hasLiveSeries && isOver;
  const isEmpty = !hasLiveSeries || endsSeries;
  const isForgotten = isReported
    ? isDown && !isMissed && !isExpected && isEmpty && now >= view.downSince + rememberedMs
    : isEmpty;
  return {
    isMissed,
    endsSeries,
    repeatsValues:
      hasLiveSeries && !endsSeries && staleness.kind !== "lease" && now >= view.lastRepeat + repeatMs,
    repeatsReports: !isForgotten && (isMissed || now >= view.lastReport + repeatMs),
    isForgotten,
  };
}

/** The first time at which something may be to be done, as far as nothing else happens. */
export function nextDueOf(view: LifeCycleView, repeatMs: number): TimestampMs {
  const { state, staleness, hasLiveSeries, isReported, isExpected } = view;
  let due = Infinity;
  if (state === "up") due = Math.min(due, leaseEndOf(view));
  due = Math.min(due, view.lastReport + repeatMs);
  if (hasLiveSeries) {
    if (staleness.kind !== "lease") due = Math.min(due, view.lastRepeat + repeatMs, holdEndOf(view));
    else if (state === "down") return -Infinity;
  } else if (!isReported) return -Infinity;
  if (state === "down" && isReported && !isExpected && !hasLiveSeries)
    due = Math.min(due, view.downSince + rememberedMs);
  return due;
}

/** Infinity for a source that is never missed: its values live until they are deleted, and it never said when it comes. */
export function leaseEndOf({ leaseStart, intervalMs, staleness }: LifeCycleView): TimestampMs {
  if (intervalMs !== undefined) return leaseStart + leaseDurationMs(intervalMs);
  switch (staleness.kind) {
    case "lease":
      return leaseStart + leaseDurationMs(provisionalIntervalMs);
    case "hold":
      return leaseStart + staleness.durationMs;
    case "forever":
      return Infinity;
  }
}

export function holdEndOf({ lastPush, staleness }: LifeCycleView): TimestampMs {
  return staleness.kind === "hold" && lastPush !== undefined ? lastPush + staleness.durationMs : Infinity;
}
