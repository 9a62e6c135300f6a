/**
 * LifeCycle: does what is due about sources: notices missed leases, ends and repeats series, reports. One timer for all.
 *
 * What it writes to the series of sources never lies on a whole second: devices like to sample on whole seconds, and a
 * sample of theirs that comes late must not find its time taken.
 */

import type { Appendable, Appender } from "../../model/appendable.js";
import type { Clock } from "../../model/clock.js";
import type { TimestampMs } from "../../model/sample.js";
import { DueQueue } from "./due-queue.js";
import { nextDueOf, planLifeCycle } from "./plan-life-cycle.js";
import type { Source } from "./source.js";
import type { SourceRegistry } from "./source-registry.js";
import { aheadMaxMs, type SourceSeries } from "./source-series.js";

export interface LifeCycleOptions {
  readonly appendable: Appendable;
  readonly clock: Clock;
  readonly registry: SourceRegistry;
  /** Between two repetitions of a held value or of a report; well below the lookback of queries. */
  readonly repeatMs: number;
  /** Told when what was due could not be written; it is tried again. */
  readonly onFailure: (error: unknown) => void;
}

/** Samples staged in one turn: some milliseconds. */
const turnSamplesMax = 20_000;
/** Sources that are due within it are looked at together. */
const granularityMs = 1000;
const retryMs = 10_000;

export class LifeCycle {
  readonly #options: LifeCycleOptions;
  readonly #queue = new DueQueue<Source>();
  readonly #writes = new Set<Promise<void>>();
  #cancelTimer: () => void = () => {};
  #timerAt: TimestampMs = Infinity;
  #isClosed = false;
  #lastWrite: TimestampMs = -Infinity;

  constructor(options: LifeCycleOptions) {
    this.#options = options;
  }

  /** Now, or as soon after it as nothing was written by a decision: what arrives then comes behind it. */
  arrivalTime(): TimestampMs {
    const now = this.#options.clock.now();
    // The clock was set back: times go on with it.
    if (this.#lastWrite > now + aheadMaxMs) this.#lastWrite = -Infinity;
    return this.behind(now);
  }

  /** The time, or as soon after it as nothing was written by a decision: of what is decided about an earlier arrival. */
  behind(time: TimestampMs): TimestampMs {
    return Math.max(time, this.#lastWrite + 1);
  }

  /** Something was decided at this time: what arrives from now on comes behind it. Returns the time. */
  decidedAt(time: TimestampMs): TimestampMs {
    if (time <= this.#options.clock.now() + aheadMaxMs) this.#lastWrite = Math.max(this.#lastWrite, time);
    return time;
  }

  /** To be called when anything about the source has changed. */
  reschedule(source: Source): void {
    const due = nextDueOf(source.view(), this.#options.repeatMs);
    if (due === Infinity) return;
    // Later than now: what is done in one turn does not come again in it.
    const soonest = this.#options.clock.now() + 1;
    this.#queue.schedule(source, Math.max(soonest, Math.ceil(due / granularityMs) * granularityMs));
    this.#arm();
  }

  /** Nothing more is begun; resolves when what was begun is written or has failed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    await this.settled();
  }

  async settled(): Promise<void> {
    while (this.#writes.size > 0) await Promise.all(this.#writes);
  }

  #arm(): void {
    const next = this.#queue.nextAt;
    if (this.#isClosed || next === undefined || this.#timerAt <= next) return;
    const { clock } = this.#options;
    this.#cancelTimer();
    this.#timerAt = next;
    this.#cancelTimer = clock.schedule(Math.max(0, next - clock.now()), () => {
      this.#timerAt = Infinity;
      this.#turn();
    });
  }

  #turn(): void {
    const { appendable, clock, onFailure } = this.#options;
    const now = clock.now();
    let write: Write | undefined;
    try {
      for (let source = this.#queue.take(now); source !== undefined; source = this.#queue.take(now)) {
        write ??= { appender: appendable.appender(), now, samples: 0, ended: [], sources: [] };
        this.#advance(source, write);
        if (write.samples >= turnSamplesMax) break;
      }
    } catch (error) {
      // The database refuses: it is closed, or no more writes are taken.
      write?.appender.rollback();
      onFailure(error);
      return;
    }
    if (write !== undefined) this.#commit(write);
    this.#arm();
  }

  #advance(source: Source, write: Write): void {
    if (source.isForgotten) return;
    const { repeatMs, registry } = this.#options;
    const { appender, now } = write;
    const plan = planLifeCycle(source.view(), now, repeatMs);
    write.sources.push(source);
    if (plan.isMissed) source.miss(now);
    if (plan.endsSeries) this.#endSeries(source, write);
    if (plan.repeatsValues) this.#repeatValues(source, write);
    if (plan.repeatsReports)
      write.samples += source.writeReport(appender, now, plan.isMissed ? undefined : "unsaid");
    if (plan.isForgotten && source.live.size === 0) {
      write.samples += source.endReport(appender, now);
      this.decidedAt(source.lastWrite);
      registry.forget(source);
    } else this.reschedule(source);
  }

  /** As many as one turn may; the rest stays due. */
  #endSeries(source: Source, write: Write): void {
    const time = this.decidedAt(offTheSecond(write.now));
    for (const series of source.live.values()) {
      if (write.samples >= turnSamplesMax) return;
      write.samples += source.endSeries(write.appender, series, time);
      write.ended.push(series);
    }
    this.decidedAt(source.lastWrite);
  }

  #repeatValues(source: Source, write: Write): void {
    const { appender, now } = write;
    const time = this.decidedAt(offTheSecond(now));
    source.lastRepeat = now;
    // One that came a little while ago is found by queries until the next repetition.
    const isFreshAfter = now - this.#options.repeatMs * 0.75;
    for (const series of source.live.values()) {
      if (series.lastTime > isFreshAfter || series.lastTime === -Infinity) continue;
      series.ref = appender.append(series.ref, series.labels, time, series.lastValue);
      series.lastTime = time;
      write.samples++;
    }
  }

  #commit(write: Write): void {
    const { clock, onFailure } = this.#options;
    const written: Promise<void> = write.appender
      .commit()
      .then(
        () => {},
        (error: unknown) => {
          onFailure(error);
          for (const series of write.ended) series.source?.begin(series);
          for (const source of write.sources) this.#queue.schedule(source, clock.now() + retryMs);
          this.#arm();
        },
      )
      .finally(() => this.#writes.delete(written));
    this.#writes.add(written);
  }
}

function offTheSecond(time: TimestampMs): TimestampMs {
  return time % 1000 === 0 ? time + 1 : time;
}

/** What one turn has staged. */
interface Write {
  readonly appender: Appender;
  readonly now: TimestampMs;
  samples: number;
  readonly ended: SourceSeries[];
  readonly sources: Source[];
}
