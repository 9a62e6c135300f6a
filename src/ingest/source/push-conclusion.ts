/**
 * concludePush: what a push means for its sources, staged into its own last transaction: what a full push has left out
 * ends, the lease begins anew, a report is written. And what is remembered of the push.
 */

import type { Appender } from "../../model/appendable.js";
import type { PushProtocol } from "../push/push.js";
import type { PushExcerpt } from "./push-excerpt.js";
import { isOfFullPush } from "./push-scope.js";
import type { PushShare } from "./push-share.js";
import type { RememberedPush, Source } from "./source.js";
import type { SourcePush } from "./source-push.js";
import type { SourceSeries } from "./source-series.js";

export interface Conclusion {
  /** Staged, and not of the body. */
  readonly extraSamples: number;
  stored(): void;
  failed(error: unknown): void;
}

export function concludePush(push: SourcePush, appender: Appender): Conclusion {
  addHeartbeat(push);
  const ended: SourceSeries[] = [];
  let extraSamples = 0;
  const before = [...push.shares.values()].map((share) => ({ share, signs: share.source.signs() }));
  for (const share of push.shares.values()) {
    if (share.source.isManaged) extraSamples += concludeManaged(push, share, { appender, ended });
    else if (share.accepted > 0) share.source.lastPush = push.arrivalTime;
    remember(push, share);
    share.close();
  }
  rememberUnknown(push);
  return {
    extraSamples,
    stored: () => {
      for (const { share, signs } of before) {
        const { source, accepted, rejectedByStorage } = share;
        if (rejectedByStorage === 0) continue;
        noteRejections(push, share);
        if (rejectedByStorage < accepted) continue;
        // Storage took nothing of it: that was no sign of life. A lease that is over so is missed at once.
        source.retract(signs);
        push.options.lifeCycle.reschedule(source);
      }
    },
    failed: (error) => {
      for (const series of ended) series.source?.begin(series);
      rememberRollback(push, error instanceof Error ? error.message : String(error));
    },
  };
}

/** A body without samples says that its source is alive, when the request tells which. */
function addHeartbeat(push: SourcePush): void {
  const { catalog } = push;
  const { malformed, rejected, notStored } = push.tally;
  if (push.shares.size > 0 || !catalog.isManaged) return;
  if (malformed.count > 0 || rejected.size > 0 || notStored.has("native-histogram")) return;
  const source = catalog.ownSource();
  if (source !== undefined) push.share(source);
}

/** Returns the number of samples staged. */
function concludeManaged(
  push: SourcePush,
  share: PushShare,
  { appender, ended }: { readonly appender: Appender; readonly ended: SourceSeries[] },
): number {
  const { source, accepted } = share;
  const { arrivalTime, tally, options } = push;
  // A push of which nothing was taken is no sign that all is well.
  const rejected = share.refused + strayOf(push);
  const isTaken = accepted > 0 || rejected === 0;
  let samples = 0;
  if (isTaken && push.isFull && tally.malformed.count === 0)
    samples += endLeftOut(push, source, { appender, ended });
  if (isTaken) {
    source.renew(arrivalTime, { accepted, rejected });
    source.watch.judge(arrivalTime, source.pushes);
    samples += source.reportPush(appender, options.lifeCycle.behind(arrivalTime));
  }
  options.lifeCycle.reschedule(source);
  return samples;
}

/** Ends what a full push of this grouping would have had, and did not. */
function endLeftOut(
  push: SourcePush,
  source: Source,
  { appender, ended }: { readonly appender: Appender; readonly ended: SourceSeries[] },
): number {
  const { had, catalog, arrivalTime, options } = push;
  let samples = 0;
  for (const series of source.live.values()) {
    if (had.has(series) || !isOfFullPush(series, catalog.grouping)) continue;
    samples += source.endSeries(appender, series, options.lifeCycle.decidedAt(arrivalTime));
    ended.push(series);
  }
  options.lifeCycle.decidedAt(source.lastWrite);
  return samples;
}

/** What is malformed or forged is of nobody, unless there is only one who can have sent it. */
function strayOf({ shares, tally, strayRefused }: SourcePush): number {
  return shares.size === 1 ? tally.malformed.count + strayRefused : 0;
}

function remember(push: SourcePush, share: PushShare): void {
  const { source, accepted, excerpt } = share;
  const rejected = share.refused + strayOf(push);
  source.pushes++;
  source.samplesAccepted += accepted;
  source.samplesRejected += rejected;
  if (accepted > 0 || rejected === 0) source.lastAccepted = taken(push, accepted, excerpt);
  if (rejected > 0) source.lastRejected = refused(push, rejected, whyOf(push, share));
}

interface Why {
  readonly excerpt: PushExcerpt;
  readonly reason: string;
}

/** Where the push is of one source alone, all that was wrong with it is that one's. */
function whyOf(push: SourcePush, share: PushShare): Why {
  if (push.shares.size > 1) return { excerpt: share.refusedExcerpt, reason: share.firstReason ?? "" };
  const excerpt = push.strayRefused > 0 ? push.refusedExcerpt : share.refusedExcerpt;
  return { excerpt, reason: firstReason(push) };
}

/** Something was refused, and nobody can tell whose it was. */
function rememberUnknown(push: SourcePush): void {
  const { tally, shares, strayRefused, options } = push;
  if (shares.size !== 1 && tally.malformed.count + strayRefused > 0)
    options.onUnknown(firstReason(push), push.arrivalTime);
}

/** The push was not taken at all, for this reason. */
export function rememberRollback(push: SourcePush, reason: string): void {
  const { shares, catalog, options } = push;
  for (const share of shares.values()) share.close();
  const [only] = shares.size === 1 ? shares.keys() : [];
  const source = only ?? catalog.knownSource();
  if (source === undefined) options.onUnknown(reason, push.arrivalTime);
  else source.lastRejected = refused(push, 0, { excerpt: push.refusedExcerpt, reason });
}

/** What storage did not take was not known when the report was written: the next one counts it. */
function noteRejections(push: SourcePush, share: PushShare): void {
  const { source, rejectedByStorage } = share;
  source.noteRejectedByStorage(rejectedByStorage);
  const samples = share.refused + strayOf(push) + rejectedByStorage;
  source.lastRejected = refused(push, samples, whyOf(push, share));
}

function taken(push: SourcePush, samples: number, excerpt: PushExcerpt): RememberedPush {
  const { arrivalTime: time, origin, options } = push;
  const { protocol, sender } = options.request;
  // In one piece: this is made for each source of each push, and kept.
  return { time, protocol, credential: origin.name, address: sender.address, samples, excerpt };
}

function refused(push: SourcePush, samples: number, { excerpt, reason }: Why): RememberedPush {
  return { ...taken(push, samples, excerpt), reason };
}

function firstReason({ tally, options }: SourcePush): string {
  const [malformed] = tally.malformed.first;
  if (malformed !== undefined) {
    const place = malformed.line === 0 ? "" : `${rowNames[options.request.protocol]} ${malformed.line}: `;
    return `${place}${malformed.reason}`;
  }
  const reasons = [...tally.rejected].filter(([reason]) => reason !== "relabel-dropped");
  const [told] = [...reasons.filter(([, { message }]) => message !== undefined), ...reasons];
  if (told === undefined) return "";
  const [reason, { message, first }] = told;
  return `${reason}: ${message ?? `${first.labels} at ${first.time} ms`}`;
}

/** What the places of malformed rows count. */
const rowNames: Readonly<Record<PushProtocol, string>> = {
  "remote-write": "series",
  "remote-write-2": "series",
  text: "line",
  pushgateway: "series",
  json: "value",
  msgpack: "value",
  otlp: "metric",
  influx: "line",
  graphite: "line",
  "json-lines": "line",
  aggregate: "value",
  library: "row",
};
