/**
 * ScrapeLoop: one target's clockwork: fetch, parse, append, report.
 *
 * One scrape at a time; ticks that pass meanwhile are skipped. A page is taken as a whole or not at all. When
 * it cannot be had or read, every series of the page before gets a staleness marker, and `up` is 0. A clean
 * stop marks nothing: a restart goes on where it was.
 */

import type { ExpositionVisitor } from "../ingest/exposition/exposition-visitor.js";
import { parseExposition } from "../ingest/exposition/parse-exposition.js";
import type { Appendable, Appender } from "../model/appendable.js";
import type { Clock } from "../model/clock.js";
import { LimitExceededError, TsdbError } from "../model/errors.js";
import { Labels, METRIC_NAME } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../model/series.js";
import { fetchPage, type Page } from "./fetch.js";
import { ScrapeCache } from "./scrape-cache.js";
import type { ScrapeConfig } from "./scrape-config.js";
import type { TargetStatus } from "./status.js";
import { firstDelayMs, type Target } from "./target.js";

export interface ScrapeLoopOptions {
  readonly appendable: Appendable;
  readonly clock: Clock;
  /** Failures that are not the target's: the database refused. */
  readonly onFailure: (error: unknown) => void;
}

/** Samples further in the future than this are left out, as in Prometheus. */
const futureMaxMs = 10 * 60_000;

/** A scrape that starts this little late still gets the time it was due, so that times stay regular. */
const alignmentMaxMs = 2;

export class ScrapeLoop {
  readonly #target: Target;
  readonly #config: ScrapeConfig;
  readonly #options: ScrapeLoopOptions;
  readonly #cache = new ScrapeCache();
  readonly #reports: readonly ReportSeries[];
  readonly #stopping = new AbortController();
  #cancelTimer: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  #due: TimestampMs = 0;
  #status: TargetStatus;

  constructor(target: Target, config: ScrapeConfig, options: ScrapeLoopOptions) {
    this.#target = target;
    this.#config = config;
    this.#options = options;
    this.#reports = reportNames.map((name) => new ReportSeries(target.labels.with({ [METRIC_NAME]: name })));
    this.#status = {
      job: config.jobName,
      url: target.url,
      labels: target.labels,
      health: "unknown",
      lastError: "",
      lastScrape: undefined,
      lastDurationMs: 0,
      lastSamples: 0,
      intervalMs: config.intervalMs,
      timeoutMs: config.timeoutMs,
    };
  }

  get status(): TargetStatus {
    return this.#status;
  }

  start(): void {
    const now = this.#options.clock.now();
    this.#due = now + firstDelayMs(this.#target, this.#config.intervalMs, now);
    this.#schedule(this.#due - now);
  }

  /** Aborts a scrape in flight; resolves when nothing of this loop will be appended any more. */
  async stop(): Promise<void> {
    this.#cancelTimer();
    this.#stopping.abort();
    await this.#running;
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer = this.#options.clock.schedule(delayMs, () => {
      this.#running = this.#tick();
    });
  }

  async #tick(): Promise<void> {
    const { clock, onFailure } = this.#options;
    const { intervalMs } = this.#config;
    const now = clock.now();
    const late = now - this.#due;
    const time = late >= 0 && late <= Math.min(intervalMs / 100, alignmentMaxMs) ? this.#due : now;
    try {
      await this.scrape(time);
    } catch (error) {
      onFailure(error);
    }
    if (this.#stopping.signal.aborted) return;
    const after = clock.now();
    this.#due += intervalMs * Math.max(1, Math.ceil((after - this.#due) / intervalMs));
    this.#schedule(Math.max(0, this.#due - after));
  }

  /** Scrapes once; everything gets the time `time`. Rejects only when the database refuses. */
  async scrape(time: TimestampMs): Promise<void> {
    const { clock } = this.#options;
    const started = clock.monotonic();
    let page: Page | undefined;
    let failure: TsdbError | undefined;
    try {
      page = await fetchPage(this.#target.url, this.#config, { clock, signal: this.#stopping.signal });
    } catch (error) {
      failure = asTsdbError(error);
    }
    if (this.#stopping.signal.aborted) return;
    const durationMs = clock.monotonic() - started;
    this.#cache.beginPage();
    let appender = this.#options.appendable.appender();
    let samples = 0;
    if (page !== undefined) {
      try {
        samples = this.#appendPage(appender, page, time);
      } catch (error) {
        failure = asTsdbError(error);
        appender.rollback();
        this.#cache.discardPage();
        appender = this.#options.appendable.appender();
      }
    }
    for (const series of this.#cache.vanished()) appender.appendStale(series.ref, series.labels, time);
    const added = this.#cache.added;
    if (failure === undefined) this.#cache.forgetVanished();
    const report = [failure === undefined ? 1 : 0, durationMs / 1000, samples, samples, added];
    for (const [i, series] of this.#reports.entries()) series.append(appender, time, report[i]!);
    this.#status = {
      ...this.#status,
      health: failure === undefined ? "up" : "down",
      lastError: failure?.message ?? "",
      lastScrape: time,
      lastDurationMs: durationMs,
      lastSamples: samples,
    };
    await appender.commit();
  }

  /** Stages the page's samples and returns how many it had. Throws when the page is malformed or too long. */
  #appendPage(appender: Appender, page: Page, time: TimestampMs): number {
    const { honorTimestamps, samplesMax } = this.#config;
    const latest = this.#options.clock.now() + futureMaxMs;
    let samples = 0;
    const visitor: ExpositionVisitor = {
      sample: (text, value, ownTime) => {
        samples++;
        if (samplesMax > 0 && samples > samplesMax) {
          throw new LimitExceededError(`the page has more samples than sample_limit, ${samplesMax}`);
        }
        const explicit = honorTimestamps && ownTime !== undefined;
        if (explicit && ownTime > latest) return;
        const series = this.#cache.see(text.key(), () => this.#labelsOf(text.labels()), !explicit);
        series.ref = appender.append(series.ref, series.labels, explicit ? ownTime : time, value);
      },
    };
    parseExposition(page.body, { format: page.format }, visitor);
    return samples;
  }

  /** The labels of a scraped series together with the target's. */
  #labelsOf(scraped: Labels): Labels {
    const merged = new Map<string, string>(scraped);
    for (const [name, value] of this.#target.labels) {
      const own = merged.get(name);
      if (own === undefined) merged.set(name, value);
      else if (!this.#config.honorLabels) {
        let renamed = `exported_${name}`;
        while (merged.has(renamed)) renamed = `exported_${renamed}`;
        merged.set(renamed, own);
        merged.set(name, value);
      }
    }
    return Labels.from(merged);
  }
}

const reportNames = [
  "up",
  "scrape_duration_seconds",
  "scrape_samples_scraped",
  "scrape_samples_post_metric_relabeling",
  "scrape_series_added",
] as const;

/** One of the series that tell about the scrape itself. */
class ReportSeries {
  readonly #labels: Labels;
  #ref: SeriesRef = NO_SERIES;

  constructor(labels: Labels) {
    this.#labels = labels;
  }

  append(appender: Appender, time: TimestampMs, value: number): void {
    this.#ref = appender.append(this.#ref, this.#labels, time, value);
  }
}

/** The target's fault is a TsdbError; anything else is a bug and goes on. */
function asTsdbError(error: unknown): TsdbError {
  if (error instanceof TsdbError) return error;
  throw error;
}
