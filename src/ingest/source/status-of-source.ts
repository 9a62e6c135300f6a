/**
 * statusOf: a source as it is shown to people.
 */

import { holdEndOf, leaseEndOf } from "./plan-life-cycle.js";
import type { RememberedPush, Source } from "./source.js";
import type { PushRecord, SourceStatus } from "./source-status.js";

export function statusOf(source: Source): SourceStatus {
  const { interval, lastPush, lastAccepted, lastRejected } = source;
  const view = source.view();
  const isUp = source.state === "up";
  return {
    job: source.job,
    instance: source.instance,
    state: source.state,
    isExpected: source.isExpected,
    interval,
    staleness: source.staleness,
    series: source.isManaged ? source.live.size : source.knownSeries,
    seriesMax: source.seriesMax,
    pushes: source.pushes,
    samplesAccepted: source.samplesAccepted,
    samplesRejected: source.samplesRejected,
    lastPush,
    nextExpected: isUp && interval !== undefined ? view.leaseStart + interval.intervalMs : undefined,
    leaseEnd: isUp ? finite(leaseEndOf(view)) : undefined,
    holdEnd: source.live.size > 0 ? finite(holdEndOf(view)) : undefined,
    lastAccepted: lastAccepted && recordOf(lastAccepted),
    lastRejected: lastRejected && { ...recordOf(lastRejected), reason: lastRejected.reason ?? "" },
  };
}

function recordOf({ excerpt, time, protocol, credential, address, samples }: RememberedPush): PushRecord {
  return { time, protocol, credential, address, samples, excerpt: excerpt.text() };
}

function finite(time: number): number | undefined {
  return Number.isFinite(time) ? time : undefined;
}
