/**
 * `GET /api/v1/sources`: who pushes: state, last push, when the next is due, what was accepted and refused last; and the
 * last pushes of nobody knows whom. `?job=` and `?instance=` select, `?state=` too.
 */

import type { FastifyInstance } from "fastify";
import { formatStaleness } from "../../ingest/push/staleness-policy.js";
import type {
  PushRecord,
  RefusedAdmission,
  RejectedPushRecord,
  SourceStatus,
} from "../../ingest/source/source-status.js";
import { formatDuration } from "../../model/duration.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import type { TimestampMs } from "../../model/sample.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import { sendJson } from "../reply-stream.js";
import { invalidParameter, RequestParameters } from "../request-parameters.js";

const states: readonly SourceStatus["state"][] = ["awaited", "up", "down", "unmanaged"];

export function addSourceRoutes(app: FastifyInstance, { sources, clock }: RouteContext): void {
  app.get("/api/v1/sources", (request, reply) => {
    const isAsked = selectionOf(new RequestParameters(request));
    const asked = sources.list().filter(isAsked);
    return sendJson(reply, encodeSuccess(describe(asked, sources.refusedAdmissions(), clock.now())));
  });
}

/** In pieces: there may be a hundred thousand. */
function* describe(
  asked: readonly SourceStatus[],
  refused: readonly RefusedAdmission[],
  now: TimestampMs,
): Generator<string> {
  yield '{"sources":[';
  for (const [i, source] of asked.entries())
    yield `${i === 0 ? "" : ","}${JSON.stringify(describeSource(source, now))}`;
  const times = refused.map(({ time, ...rest }) => ({ time: formatRfc3339(time), ...rest }));
  yield `],"refused":${JSON.stringify(times)}}`;
}

function selectionOf(parameters: RequestParameters): (source: SourceStatus) => boolean {
  const [job, instance] = [parameters.optionalText("job"), parameters.optionalText("instance")];
  const state = parameters.optionalText("state");
  if (state !== undefined && !states.some((known) => known === state))
    throw invalidParameter("state", `${JSON.stringify(state)} is none of ${states.join(", ")}`);
  return (source) =>
    (job === undefined || source.job === job) &&
    (instance === undefined || source.instance === instance) &&
    (state === undefined || source.state === state);
}

function describeSource(source: SourceStatus, now: TimestampMs) {
  const { interval, lastAccepted, lastRejected } = source;
  return {
    job: source.job,
    instance: source.instance,
    state: source.state,
    reason: reasonOf(source, now),
    expected: source.isExpected,
    interval: interval === undefined ? null : formatDuration(interval.intervalMs),
    intervalOrigin: interval?.origin ?? null,
    staleness: formatStaleness(source.staleness),
    series: source.series,
    seriesLimit: Number.isFinite(source.seriesMax) ? source.seriesMax : null,
    pushes: source.pushes,
    samplesAccepted: source.samplesAccepted,
    samplesRejected: source.samplesRejected,
    lastPush: timeOrNull(source.lastPush),
    nextExpected: timeOrNull(source.nextExpected),
    leaseEnd: timeOrNull(source.leaseEnd),
    holdEnd: timeOrNull(source.holdEnd),
    lastAccepted: lastAccepted === undefined ? null : describePush(lastAccepted),
    lastRejected: lastRejected === undefined ? null : describePush(lastRejected),
  };
}

/** Why the state is what it is, in a sentence. */
function reasonOf({ state, lastPush, nextExpected, lastRejected }: SourceStatus, now: TimestampMs): string {
  const refused =
    lastRejected !== undefined && (lastPush === undefined || lastRejected.time >= lastPush)
      ? `; of its last push something was refused: ${lastRejected.reason}`
      : "";
  switch (state) {
    case "awaited":
      return `it is expected and has not pushed yet${refused}`;
    case "down":
      return lastPush === undefined
        ? `it does not push${refused}`
        : `it last pushed ${formatDuration(Math.max(0, now - lastPush))} ago and has missed its lease${refused}`;
    case "unmanaged":
      return `nobody has said how often it pushes, so that it cannot be missed${refused}`;
    case "up": {
      const late = nextExpected !== undefined && now > nextExpected;
      return `${late ? "its next push is late, and its lease still runs" : "it pushes as expected"}${refused}`;
    }
  }
}

function describePush({ time, ...rest }: PushRecord | RejectedPushRecord) {
  return { time: formatRfc3339(time), ...rest };
}

function timeOrNull(time: TimestampMs | undefined): string | null {
  return time === undefined ? null : formatRfc3339(time);
}
