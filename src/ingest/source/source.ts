/**
 * Source: a job's instance that pushes: its state, its live series, its lease and what is remembered of its pushes.
 *
 * Invariants
 *  1. `live` has the series that are to be marked when they end; `isLive` of a series says whether it is in there.
 *  2. What changes the state is staged in a transaction in the same synchronous run, so that the log has the order of
 *     the decisions.
 */

import type { Appender } from "../../model/appendable.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import type { PushProtocol, StalenessPolicy } from "../push/push.js";
import type { Scheduled } from "./due-queue.js";
import { EventWatch } from "./event-watch.js";
import { LabelsTable } from "./labels-table.js";
import { IntervalLearner } from "./lease.js";
import type { LifeCycleView } from "./plan-life-cycle.js";
import { relayPushLimits } from "./push-config.js";
import type { PushExcerpt } from "./push-excerpt.js";
import type { PushJob } from "./push-job.js";
import type { PushShare } from "./push-share.js";
import { UP } from "./report-names.js";
import { type ReportedSamples, type SourceFacts, SourceReport } from "./source-report.js";
import { aheadMaxMs, type SourceSeries } from "./source-series.js";
import type { SourceInterval, SourceState } from "./source-status.js";

/** What a request says of its source. */
export interface Declaration {
  readonly intervalMs?: number | undefined;
  readonly staleness?: StalenessPolicy | undefined;
}

/** One push as a source remembers it. */
export interface RememberedPush {
  readonly time: TimestampMs;
  readonly protocol: PushProtocol;
  readonly credential: string;
  readonly address: string;
  readonly samples: number;
  readonly excerpt: PushExcerpt;
  /** Of a push that was not taken as a whole. */
  readonly reason?: string;
}

export type SignsOfLife = Pick<Source, "lastPush" | "leaseStart" | "lastAccepted">;

/** What the database knows of a source. */
export interface RestoredSource {
  /** Of the series about it, without the metric name. */
  readonly labels: Labels;
  /** Of those that have not ended. */
  readonly names: ReadonlySet<string>;
  readonly lastReport: TimestampMs;
  readonly isReported: boolean;
  readonly isUp: boolean;
  readonly lastPush: TimestampMs;
  readonly intervalMs: number | undefined;
  readonly holdMs: number | undefined;
}

/** Senders that split what they have get one report for the parts. */
const reportGapMs = 1000;

const byLease: StalenessPolicy = { kind: "lease" };

export class Source implements Scheduled {
  readonly job: string;
  readonly instance: string;
  scheduledAt: TimestampMs | undefined;
  /** Whether the registry has let it go. */
  isForgotten = false;
  /** Undefined for a source without configuration. */
  pushJob: PushJob | undefined;
  isExpected = false;
  state: SourceState = "unmanaged";
  readonly live = new LabelsTable<SourceSeries>();
  /** Series of it that catalogs remember. */
  knownSeries = 0;
  /** Stands for those that need no object of their own. */
  shared: SourceSeries | undefined;
  /** Of the push that pushed last, while it is under way. */
  openShare: PushShare | undefined;
  /** Series that pushes under way are about to begin. */
  pendingSeries = 0;
  readonly learner = new IntervalLearner();
  readonly watch = new EventWatch();
  lastPush: TimestampMs | undefined;
  leaseStart: TimestampMs = -Infinity;
  downSince: TimestampMs = Infinity;
  lastRepeat: TimestampMs = -Infinity;
  pushes = 0;
  samplesAccepted = 0;
  samplesRejected = 0;
  lastAccepted: RememberedPush | undefined;
  lastRejected: RememberedPush | undefined;
  #declared: Declaration = {};
  #restored: RestoredSource | undefined;
  /** Since the last report. */
  #unreported = { accepted: 0, rejected: 0 };
  /** Whether the last push found it not up. */
  #isNews = false;
  #report: SourceReport | undefined;
  #lastMark: TimestampMs = -Infinity;
  /** Its own series `up`, while it pushes one. */
  #ownUp: SourceSeries | undefined;

  constructor(job: string, instance: string) {
    this.job = job;
    this.instance = instance;
  }

  /** Whether its series have a life cycle; else they are stored as they come, and that is all. */
  get isManaged(): boolean {
    return this.isReported || this.#declared.staleness !== undefined || this.#restored !== undefined;
  }

  /** Whether it is said whether it is up: of others only when it pushed, and how long its values are held. */
  get isReported(): boolean {
    return (
      this.pushJob !== undefined ||
      this.#declared.intervalMs !== undefined ||
      this.#restored?.isReported === true
    );
  }

  get staleness(): StalenessPolicy {
    return this.pushJob?.staleness ?? this.#declared.staleness ?? byLease;
  }

  get interval(): SourceInterval | undefined {
    const configured = this.pushJob?.intervalMs;
    if (configured !== undefined) return { intervalMs: configured, origin: "configured" };
    const declared = this.#declared.intervalMs;
    if (declared !== undefined) return { intervalMs: declared, origin: "declared" };
    const learnt = this.learner.intervalMs ?? this.#restored?.intervalMs;
    return learnt === undefined ? undefined : { intervalMs: learnt, origin: "learnt" };
  }

  /** What a request says holds until another one says something else. Without a job it says nothing. */
  declare({ intervalMs, staleness }: Declaration): void {
    if (this.job === "") return;
    if (intervalMs !== undefined) this.#declared = { ...this.#declared, intervalMs };
    if (staleness !== undefined) this.#declared = { ...this.#declared, staleness };
  }

  get seriesMax(): number {
    return this.pushJob?.limits.seriesMax ?? relayPushLimits.seriesMax;
  }

  view(): LifeCycleView {
    return {
      state: this.state === "unmanaged" ? "up" : this.state,
      isExpected: this.isExpected,
      isReported: this.isReported,
      staleness: this.staleness,
      intervalMs: this.interval?.intervalMs,
      lastPush: this.lastPush,
      leaseStart: this.leaseStart,
      downSince: this.downSince,
      lastReport: this.#report?.lastTime ?? -Infinity,
      lastRepeat: this.lastRepeat,
      hasLiveSeries: this.live.size > 0,
    };
  }

  /** A series is live from now on, in place of another object for the same labels. */
  begin(series: SourceSeries): void {
    const other = this.live.get(series.labels);
    if (other === series) return;
    if (other !== undefined) {
      other.isLive = false;
      series.lastPush = Math.max(series.lastPush, other.lastPush);
      series.lastTime = Math.max(series.lastTime, other.lastTime);
      if (series.scope === "own-times") series.scope = other.scope;
    }
    this.live.set(series.labels, series);
    series.isLive = true;
    if (series.labels.get(METRIC_NAME) === UP) this.#ownUp = series;
  }

  /** The series with these labels is live no longer, whichever object stands for it: after a restart another one does. */
  leave({ labels }: SourceSeries): void {
    const series = this.live.get(labels);
    if (series === undefined) return;
    this.live.delete(labels);
    series.isLive = false;
    if (series === this.#ownUp) this.#ownUp = undefined;
  }

  /** A push was taken, at least in part: the lease begins anew. */
  renew(arrival: TimestampMs, samples: ReportedSamples): void {
    this.#isNews = this.state !== "up";
    this.#unreported.accepted += samples.accepted;
    this.#unreported.rejected += samples.rejected;
    this.learner.observe(arrival);
    this.lastPush = Math.max(arrival, this.lastPush ?? -Infinity);
    this.leaseStart = Math.max(arrival, this.leaseStart);
    if (this.isManaged) this.state = "up";
  }

  /** What a push changes of it by being a sign of life. */
  signs(): SignsOfLife {
    const { lastPush, leaseStart, lastAccepted } = this;
    return { lastPush, leaseStart, lastAccepted };
  }

  /** A push was no sign of life after all. */
  retract({ lastPush, leaseStart, lastAccepted }: SignsOfLife): void {
    this.lastPush = lastPush;
    this.leaseStart = leaseStart;
    this.lastAccepted = lastAccepted;
  }

  miss(now: TimestampMs): void {
    this.state = "down";
    this.downSince = now;
  }

  /** It is configured as one that should push. */
  expect(): void {
    this.isExpected = true;
    if (this.state === "unmanaged") this.state = "awaited";
  }

  /** What is configured for its job now; undefined when nothing is. */
  assign(pushJob: PushJob | undefined): void {
    this.pushJob = pushJob;
    this.isExpected = false;
  }

  /** Goes on as it was when the database was closed; the lease begins anew. */
  restore(restored: RestoredSource, now: TimestampMs): void {
    const { labels, names, isUp, lastPush, lastReport, holdMs } = restored;
    this.#restored = restored;
    this.#report = new SourceReport(labels);
    this.#report.restore(names, lastReport);
    this.state = isUp ? "up" : "down";
    this.downSince = isUp ? Infinity : lastReport;
    this.lastPush = lastPush;
    this.leaseStart = now;
    if (holdMs === undefined) return;
    this.declare({
      staleness: holdMs === Infinity ? { kind: "forever" } : { kind: "hold", durationMs: holdMs },
    });
  }

  /** The time of what was last written about it, or to end a series of it; before all times when nothing was. */
  get lastWrite(): TimestampMs {
    return Math.max(this.#lastMark, this.#report?.lastTime ?? -Infinity);
  }

  /** Whether these are the labels of a series about it. */
  isOwnReport(labels: Labels): boolean {
    return this.#report?.has(labels) ?? false;
  }

  /** Ends a live series. Returns the number of markers staged: none for an `up` that reports go on with. */
  endSeries(appender: Appender, series: SourceSeries, time: TimestampMs): number {
    this.leave(series);
    if (series.lastTime === -Infinity || this.isOwnReport(series.labels)) return 0;
    const markTime = Math.max(time, series.lastTime + 1);
    series.ref = appender.appendStale(series.ref, series.labels, markTime);
    // One behind what a sender said about times to come says nothing about ours.
    if (markTime <= time + aheadMaxMs) this.#lastMark = Math.max(this.#lastMark, markTime);
    return 1;
  }

  /** Storage did not take samples of a push whose report was written: the next one counts them. */
  noteRejectedByStorage(samples: number): void {
    this.#unreported.rejected += samples;
    this.samplesRejected += samples;
    this.samplesAccepted -= samples;
  }

  /** The report of a push: at most one a second, unless it was not up before. Returns the number of samples staged. */
  reportPush(appender: Appender, arrival: TimestampMs): number {
    const isSoon = arrival < (this.#report?.lastTime ?? -Infinity) + reportGapMs;
    if (isSoon && !this.#isNews) return 0;
    const samples = this.#unreported;
    this.#unreported = { accepted: 0, rejected: 0 };
    return this.writeReport(appender, arrival, samples);
  }

  /** Returns the number of samples staged. `samples` as in SourceFacts. */
  writeReport(appender: Appender, now: TimestampMs, samples: SourceFacts["samples"]): number {
    if (!this.isManaged) return 0;
    const { report, ended } = this.#currentReport(appender, now);
    const ownUp = this.#ownUp;
    if (ownUp !== undefined) report.yieldUpTo(ownUp.labels);
    const { isReported } = this;
    return (
      ended +
      report.write(appender, now, {
        isUp: isReported && ownUp === undefined ? this.state === "up" : undefined,
        lastSuccess: this.lastPush,
        intervalMs: isReported ? this.interval?.intervalMs : undefined,
        holdMs: holdMsOf(this.staleness),
        samples: isReported ? samples : undefined,
      })
    );
  }

  /** Ends all that is written about it. Returns the number of samples staged. */
  endReport(appender: Appender, now: TimestampMs): number {
    return this.#report?.end(appender, now) ?? 0;
  }

  /** It has said that it is done. Returns the number of samples staged: one that is expected is awaited again. */
  finish(appender: Appender, now: TimestampMs): number {
    this.lastPush = undefined;
    if (!this.isExpected) return this.endReport(appender, now);
    this.state = "awaited";
    return this.writeReport(appender, now, undefined);
  }

  /** Another configuration may force other labels: then the series with the old ones end. */
  #currentReport(
    appender: Appender,
    now: TimestampMs,
  ): { readonly report: SourceReport; readonly ended: number } {
    const labels = this.#reportLabels();
    const old = this.#report;
    if (old?.labels.equals(labels)) return { report: old, ended: 0 };
    const report = new SourceReport(labels);
    this.#report = report;
    return { report, ended: old?.end(appender, now) ?? 0 };
  }

  #reportLabels(): Labels {
    const common = this.pushJob?.commonLabels ?? [];
    return Labels.from(new Map([...common, ["job", this.job], ["instance", this.instance]]));
  }
}

function holdMsOf(staleness: StalenessPolicy): number | undefined {
  switch (staleness.kind) {
    case "lease":
      return undefined;
    case "hold":
      return staleness.durationMs;
    case "forever":
      return Infinity;
  }
}
