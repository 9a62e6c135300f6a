/**
 * SourcePush: one push, from its admission to its commit: stages what its source may push, counts what it may not, and
 * at the end does what a push means for the life cycle of its sources, in the same transaction.
 *
 *   series        once for each series: labels decided, refusals found
 *   append        touch, at the first sample of a series in this push: budgets; then stage
 *   commit        series begin and leave, a full push ends what it left out, reports are written, the lease begins anew
 *
 * Invariant: nothing but numbers of pushes and times is written to series and sources before the commit; a push that is
 * rolled back has changed nothing.
 */

import type { Appender, RejectedSample, RejectionListener, RejectReason } from "../../model/appendable.js";
import { ClosedError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import type { MetricMetadata } from "../../model/metric-metadata.js";
import { isTimestampMs, type TimestampMs } from "../../model/sample.js";
import { isStaleAt, markStaleAt } from "../../model/staleness.js";
import type { IngestLimits } from "../limits.js";
import type {
  Push,
  PushColumns,
  PushIdentity,
  PushRefusal,
  PushResult,
  PushSeries,
  UnstoredKind,
} from "../push/push.js";
import { PushStoppedError } from "../push/push-stopped-error.js";
import type { SeriesList } from "../push/series-list.js";
import { overdrawnSeconds } from "./admission.js";
import { concludePush, rememberRollback } from "./push-conclusion.js";
import { excerptRows, PushExcerpt } from "./push-excerpt.js";
import { type PushScope, scopeOf } from "./push-scope.js";
import { PushShare, shareOf } from "./push-share.js";
import { PushTally } from "./push-tally.js";
import { seriesLimit, tooFarInFuture } from "./refusals.js";
import type { Origin, SeriesCatalog } from "./series-catalog.js";
import type { SeriesColumns } from "./series-columns.js";
import type { Source } from "./source.js";
import type { SourcePushOptions } from "./source-push-options.js";
import { minuteOf, type SourceSeries } from "./source-series.js";
import { SourceTuples } from "./source-tuples.js";

/** Of all sources of one push. */
const excerptRowsMax = 100;
/** That a series was pushed again is noted after so long: well within the time after which it is forgotten. */
const seenAgainMinutes = 5;

const noSeries = new Set<SourceSeries>();

export class SourcePush implements Push {
  readonly limits: IngestLimits;
  readonly arrivalTime: TimestampMs;
  readonly catalog: SeriesCatalog;
  readonly tuples: SourceTuples | undefined;
  readonly tally = new PushTally();
  readonly options: SourcePushOptions;
  readonly shares = new Map<Source, PushShare>();
  /** Samples that were refused, and of which nobody can tell whose they are. */
  strayRefused = 0;
  /** What was refused. */
  readonly refusedExcerpt = new PushExcerpt();
  /** Of a full push: the series that it has had in what is committed. */
  readonly had: Set<SourceSeries>;
  /** Series with a life cycle that have staged samples and may begin, end, or be in a full push. */
  readonly touched: SourceSeries[] = [];
  /** Of what a relay passes on, and of a body that is left in its middle, nobody can say that it is all. */
  isFull: boolean;
  readonly #number: number;
  readonly #latestTime: TimestampMs;
  readonly #arrivalMinute: number;
  readonly #scope: PushScope;
  /** A value on its way, bits and all. */
  readonly #value = new Float64Array(1);
  #appender: Appender;
  #staged = 0;
  /** Samples and rows that were read and not taken, since the last that were paid for: reading them costs as much. */
  #turnedAway = 0;
  #isOpen = true;
  #excerptRowsLeft = excerptRowsMax;
  #refusedRowsLeft = excerptRowsMax;
  readonly #onRejected: RejectionListener = (reason, sample) => this.#rejectedByStorage(reason, sample);

  constructor(options: SourcePushOptions) {
    const { catalog } = options;
    this.options = options;
    this.catalog = catalog;
    this.limits = catalog.limits;
    this.tuples = catalog.isPlain ? new SourceTuples(this) : undefined;
    this.arrivalTime = options.arrivalTime;
    this.isFull = options.request.isFullState === true && !catalog.isRelay;
    this.had = this.isFull ? new Set() : noSeries;
    this.#number = options.number;
    this.#latestTime = options.latestTime;
    this.#arrivalMinute = minuteOf(options.arrivalTime);
    this.#scope = scopeOf(catalog.grouping);
    this.#appender = options.appendable.appender(this.#onRejected);
  }

  get origin(): Origin {
    return this.catalog.origin;
  }

  get stagedSamples(): number {
    return this.#staged + this.#turnedAway;
  }

  get result(): PushResult {
    return this.tally;
  }

  get identity(): PushIdentity {
    return this.catalog.identity(this.options.request.intervalMs);
  }

  series(labels: Labels): SourceSeries {
    return this.catalog.series(labels, this.arrivalTime);
  }

  append(given: PushSeries, time: TimestampMs | undefined, value: number): void {
    const series = given as SourceSeries;
    const at = time ?? series.timeAt(this.arrivalTime, this.#number);
    if (!this.#mayTake(series, at, value)) return;
    series.ref = this.#appender.append(series.ref, series.labels, at, value);
    this.#value[0] = value;
    this.#noteSample(series, at, this.#value, 0);
    series.scope = time === undefined ? this.#scope : "own-times";
    if (time === undefined && !series.isLive) series.lastTime = at;
  }

  appendStale(given: PushSeries, time: TimestampMs | undefined): void {
    const series = given as SourceSeries;
    const at = time ?? series.timeAt(this.arrivalTime, this.#number);
    if (!this.#mayTake(series, at, Number.NaN)) return;
    series.ref = this.#appender.appendStale(series.ref, series.labels, at);
    markStaleAt(this.#value, 0);
    this.#noteSample(series, at, this.#value, 0);
  }

  appendColumns(columns: PushColumns): void {
    const { series, seriesIndexes, times, values, length } = columns;
    const known = this.catalog.columnsOf(series);
    const refs = this.options.scratch.refs(length);
    const seenFrom = this.#arrivalMinute - seenAgainMinutes;
    const plain = { number: this.#number, seenFrom, latestTime: this.#latestTime };
    let start = 0;
    for (let row = known.copyPlainRefs(columns, 0, plain, refs); row < length; ) {
      const number = seriesIndexes[row]!;
      const one = this.#seriesAt(series, known, number);
      if (this.#mayTake(one, times[row]!, values[row]!)) {
        if (known.learn(number, one)) this.catalog.countShared(one, known, 1);
        one.scope = "own-times";
        if (!this.#shareOf(one.source!).isManaged) known.notePlain(number, this.#number);
        else if (!this.isFull) known.noteLive(number, this.#number);
        refs[row] = one.ref;
      } else {
        this.#stageRows(columns, refs, start, row);
        start = row + 1;
      }
      row = known.copyPlainRefs(columns, row + 1, plain, refs);
    }
    this.#stageRows(columns, refs, start, length);
  }

  malformed(place: number, reason: string, samples = 1): void {
    this.tally.malformed.add(place, reason, samples);
    this.#turnedAway += samples;
  }

  metadata(metricName: string, metadata: Partial<MetricMetadata>): void {
    this.options.metadata?.describeMetric(metricName, metadata);
  }

  notStored(kind: UnstoredKind, count: number): void {
    this.tally.addNotStored(kind, count);
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    const appender = this.#appender;
    this.#settle();
    if (this.options.ticket.isOverdrawn()) return this.#stop();
    this.tally.addCommit(await appender.commit(), 0);
    this.#appender = this.options.appendable.appender(this.#onRejected);
  }

  async commit(): Promise<PushResult> {
    this.#assertOpen();
    this.#settle();
    this.#isOpen = false;
    const appender = this.#appender;
    const conclusion = concludePush(this, appender);
    try {
      const result = await appender.commit();
      this.tally.addCommit(result, conclusion.extraSamples);
      conclusion.stored();
      return this.tally;
    } catch (error) {
      conclusion.failed(error);
      throw error;
    } finally {
      this.options.ticket.end();
    }
  }

  rollback(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#appender.rollback();
    this.#pay();
    rememberRollback(this, reason);
    this.options.ticket.end();
  }

  /** The body is left in its middle: what was read is stored. */
  async #stop(): Promise<never> {
    this.isFull = false;
    const { appended, rejected, malformed } = await this.commit();
    const { samplesPerSecond } = this.options;
    let refused = malformed.count;
    for (const { count } of rejected.values()) refused += count;
    const reason =
      `the body has far more samples than the ${samplesPerSecond} a second of this sender allow; ${appended} are kept and ` +
      `${refused} refused, the rest was not read: send smaller bodies, of ${samplesPerSecond * overdrawnSeconds} samples at the most`;
    rememberRollback(this, reason);
    throw new PushStoppedError(reason, this.tally);
  }

  #shareOf(source: Source): PushShare {
    const open = source.openShare;
    return open?.push === this ? open : this.share(source);
  }

  share(source: Source): PushShare {
    let share = this.shares.get(source);
    if (share === undefined) {
      source.declare(this.options.request);
      share = new PushShare(this, source);
      this.shares.set(source, share);
    }
    source.openShare = share;
    return share;
  }

  /** Stages the rows from `start` to `end`, excluded: by refs, and by labels where a ref is none any more. */
  #stageRows(columns: PushColumns, refs: Uint32Array, start: number, end: number): void {
    if (start === end) return;
    const known = this.catalog.columnsOf(columns.series);
    this.#noteRows(columns, known, start, end);
    const times = columns.times.subarray(start, end);
    const values = columns.values.subarray(start, end);
    const rows = { refs: refs.subarray(start, end), times, values, length: end - start };
    for (const row of this.#appender.appendColumns(rows)) {
      const number = columns.seriesIndexes[start + row]!;
      const one = this.#seriesAt(columns.series, known, number);
      one.ref = isStaleAt(values, row)
        ? this.#appender.appendStale(one.ref, one.labels, times[row]!)
        : this.#appender.append(one.ref, one.labels, times[row]!, values[row]!);
      known.refs[number] = one.ref;
    }
  }

  /** Takes note of rows that are about to be staged: of those of one source together. */
  #noteRows(columns: PushColumns, known: SeriesColumns, start: number, end: number): void {
    const { series, seriesIndexes, times, values } = columns;
    const { sourceNumbers, sources } = known;
    for (let from = start; from < end; ) {
      const source = sourceNumbers[seriesIndexes[from]!]!;
      let to = from + 1;
      while (to < end && sourceNumbers[seriesIndexes[to]!] === source) to++;
      const share = this.#shareOf(sources[source]!);
      let row = from;
      for (; row < to && this.#isShown(share); row++)
        this.#noteSample(this.#seriesAt(series, known, seriesIndexes[row]!), times[row]!, values, row);
      this.#staged += to - row;
      share.accepted += to - row;
      for (; row < to && share.isManaged; row++)
        this.#noteLive(series.at(seriesIndexes[row]!) as SourceSeries, times[row]!, values, row);
      from = to;
    }
  }

  /** Of a number that stands for a series without an object of its own, what stands for it. */
  #seriesAt(list: SeriesList, known: SeriesColumns, number: number): SourceSeries {
    const one = list.at(number) as SourceSeries;
    return one.isShared ? this.tuples!.meant(list, known, number) : one;
  }

  #isShown({ accepted }: PushShare): boolean {
    return accepted < excerptRows && this.#excerptRowsLeft > 0;
  }

  #mayTake(series: SourceSeries, time: TimestampMs, value: number): boolean {
    const refusal = series.lastPush === this.#number ? undefined : this.#touch(series);
    if (refusal !== undefined) return this.#refuse(series, refusal, time, value);
    if (time > this.#latestTime && isTimestampMs(time))
      return this.#refuse(series, tooFarInFuture(time - this.arrivalTime), time, value);
    return true;
  }

  /** At the first sample of a series in this push. */
  #touch(series: SourceSeries): PushRefusal | undefined {
    if (series.refusal !== undefined) return series.refusal;
    if (series.source?.isForgotten) series.source = this.options.registry.remember(series.source);
    const share = this.#shareOf(series.source!);
    if (share.isManaged) {
      const refusal = series.isLive ? undefined : this.#admit(series, share);
      if (refusal !== undefined) return refusal;
      this.touched.push(series);
    }
    series.lastPush = this.#number;
    series.lastSeenMinute = this.#arrivalMinute;
    return undefined;
  }

  /** A series with a life cycle begins, if there is room for it. */
  #admit(series: SourceSeries, share: PushShare): PushRefusal | undefined {
    const { source } = share;
    if (source.live.size + source.pendingSeries >= source.seriesMax)
      return seriesLimit(`this source has ${source.seriesMax} live series; no new ones are taken`);
    // What a relay passes on was scraped or judged elsewhere; groups stand, come once a day, and are bounded.
    const isWatched = !this.catalog.isRelay && this.options.request.protocol !== "pushgateway";
    const abuse = isWatched ? source.watch.refusal(this.arrivalTime) : undefined;
    if (abuse !== undefined) return { reason: "event-abuse", message: abuse };
    source.pendingSeries++;
    share.pendingSeries++;
    if (isWatched) series.cohort ??= source.watch.began(series.labels, this.arrivalTime, source.pushes);
    return undefined;
  }

  /** A sample is staged: `values[row]`. */
  #noteSample(series: SourceSeries, time: TimestampMs, values: Float64Array, row: number): void {
    const share = this.#shareOf(series.source!);
    this.#staged++;
    if (this.#isShown(share)) {
      this.#excerptRowsLeft--;
      share.excerpt.add(this.options.scratch.shownLabels(series), values[row]!, time);
    }
    share.accepted++;
    if (share.isManaged) this.#noteLive(series, time, values, row);
  }

  /** Of a series with a life cycle. */
  #noteLive(series: SourceSeries, time: TimestampMs, values: Float64Array, row: number): void {
    series.lastPush = this.#number;
    series.note(time, values, row);
    if (series.isEnded) this.touched.push(series);
  }

  /** Returns false. */
  #refuse({ labels, source }: SourceSeries, refusal: PushRefusal, time: TimestampMs, value: number): false {
    this.tally.refuse(refusal.reason, refusal.message, { labels, time, value });
    this.#turnedAway++;
    if (refusal.reason === "relabel-dropped") return false;
    this.refusedExcerpt.add(labels, value, time);
    if (source === undefined) this.strayRefused++;
    else {
      const share = this.share(source);
      share.refused++;
      this.#exemplify(share, `${refusal.reason}: ${refusal.message}`, { labels, time, value });
    }
    return false;
  }

  #rejectedByStorage(reason: RejectReason, sample: RejectedSample): void {
    const share = shareOf(sample.labels, this.shares, this.options.registry);
    if (share === undefined || share.source.isOwnReport(sample.labels)) return;
    share.rejectedByStorage++;
    this.#exemplify(share, `${reason}: ${sample.labels} at ${sample.time} ms`, sample);
  }

  #exemplify(share: PushShare, reason: string, { labels, time, value }: RejectedSample): void {
    share.firstReason ??= reason;
    if (this.#refusedRowsLeft-- > 0) share.refusedExcerpt.add(labels, value, time);
  }

  /** What is staged goes into the log: its series begin or leave. */
  #settle(): void {
    for (const series of this.touched) {
      if (series.isEnded) series.source!.leave(series);
      else if (!series.isLive) series.source!.begin(series);
      if (this.isFull) this.had.add(series);
    }
    this.touched.length = 0;
    for (const share of this.shares.values()) share.releasePending();
    this.#pay();
  }

  #pay(): void {
    this.options.ticket.spend(this.#staged + this.#turnedAway);
    this.#staged = 0;
    this.#turnedAway = 0;
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new ClosedError("the push was committed or rolled back before this call");
  }
}
