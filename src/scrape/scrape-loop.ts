/**
 * ScrapeLoop: one target's clockwork: fetch, parse, append, report.
 *
 * One scrape at a time; ticks that pass meanwhile are skipped. A page is taken as a whole or not at all. When
 * it cannot be had or read, every series of the page before gets a staleness marker, and `up` is 0. A clean
 * stop marks nothing: a restart goes on where it was. A target that is gone is marked as stale at the time of its next
 * scrape, once another interval and a tenth have passed in which it might have come back.
 */

import type { HttpRequester } from "../http-client/http-client.js";
import type { Appendable, Appender, CommitResult } from "../model/appendable.js";
import type { Clock } from "../model/clock.js";
import { TsdbError, UnsupportedMediaTypeError } from "../model/errors.js";
import type { MetadataSink } from "../model/metric-metadata.js";
import type { TimestampMs } from "../model/sample.js";
import { fetchPage, PageRequest } from "./fetch.js";
import type { GatheredCommits } from "./gathered-commits.js";
import type { PageBuffer, PageBuffers } from "./page-buffers.js";
import { asTsdbError, PageStager } from "./page-stager.js";
import { ReportSeries } from "./report-series.js";
import { type PageFormat, ScrapeCache } from "./scrape-cache.js";
import type { ScrapeConfig } from "./scrape-config.js";
import type { ScrapeCounts } from "./scrape-counts.js";
import { ScrapeLimitError } from "./scrape-limit-error.js";
import type { TargetStatus } from "./status.js";
import { firstDelayMs, type Target } from "./target.js";
import type { TextfileFolder } from "./textfile-folder.js";
import type { Ticks } from "./ticks.js";

export interface ScrapeLoopOptions {
  readonly appendable: Appendable;
  readonly clock: Clock;
  readonly client: HttpRequester;
  /** Where the page is made, when nobody is asked for it. */
  readonly folder?: TextfileFolder;
  /** These three are shared by all loops. */
  readonly ticks: Ticks;
  readonly commits: GatheredCommits;
  readonly buffers: PageBuffers;
  readonly counts: ScrapeCounts;
  /** Where types, helps and units of metrics go. */
  readonly metadata?: MetadataSink;
  /** Of the server, for targets to see. */
  readonly version: string;
  /** Failures that are not the target's: the database refused. */
  readonly onFailure: (error: unknown) => void;
}

/** A scrape that starts this little late still gets the time it was due, so that times stay regular. */
const alignmentMaxMs = 2;

export class ScrapeLoop {
  readonly target: Target;
  readonly #config: ScrapeConfig;
  readonly #options: ScrapeLoopOptions;
  readonly #cache: ScrapeCache;
  readonly #stager: PageStager;
  readonly #reports: ReportSeries;
  readonly #request: PageRequest;
  readonly #stopping = new AbortController();
  #isEnding = false;
  #cancelTimer: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  #due: TimestampMs = 0;
  /** When the last scrape began, by the monotonic clock. */
  #begunAt: number | undefined;
  #refusal: ScrapeLimitError | undefined;
  #status: TargetStatus;

  /** `before` is a loop of the same target that was stopped: what it knew of the target's series is known here too. */
  constructor(target: Target, config: ScrapeConfig, options: ScrapeLoopOptions, before?: ScrapeLoop) {
    const { intervalMs, timeoutMs } = target;
    this.target = target;
    this.#config = { ...config, intervalMs, timeoutMs };
    this.#options = options;
    this.#request = new PageRequest(target.url, this.#config, options.client, options.version);
    this.#cache = before === undefined ? new ScrapeCache(options.buffers.kernel) : before.#cache;
    this.#stager = new PageStager(target, this.#config, this.#cache, options);
    this.#reports = new ReportSeries(target.labels, config.extraScrapeMetrics);
    this.#status = {
      health: "unknown",
      lastError: "",
      lastScrape: undefined,
      lastDurationMs: 0,
      lastSamples: 0,
      ...before?.status,
      url: target.url,
      discoveredLabels: target.discoveredLabels,
      labels: target.labels,
      intervalMs,
      timeoutMs,
    };
  }

  get status(): TargetStatus {
    return this.#status;
  }

  /** While this is given every scrape fails with it, and the target is not asked. */
  refuse(reason: ScrapeLimitError | undefined): void {
    this.#refusal = reason;
  }

  start(): void {
    const now = this.#options.clock.now();
    this.#due = now + firstDelayMs(this.target, this.#config.intervalMs, now);
    this.#schedule();
  }

  /** Aborts a scrape in flight; resolves when nothing of this loop will be appended any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.finish();
  }

  /** Begins no other scrape; resolves when the one in flight, which counts, is done. */
  async finish(): Promise<void> {
    this.#isEnding = true;
    this.#cancelTimer();
    await this.#running;
  }

  /**
   * Finishes, because the target is gone. `ended` is called when its series are marked; a `stop` before that leaves them
   * as they are. `heir` gives, when the time has come, a loop whose series have the same labels, if there is one by
   * then: what it has is not marked.
   */
  retire(heir: () => ScrapeLoop | undefined, ended: () => void): void {
    void this.finish().then(() => {
      if (!this.#stopping.signal.aborted) this.#scheduleEnd(heir, ended);
    });
  }

  #scheduleEnd(heir: () => ScrapeLoop | undefined, ended: () => void): void {
    const { clock, onFailure } = this.#options;
    const { intervalMs } = this.#config;
    if (this.#status.lastScrape === undefined) {
      this.forget();
      ended();
      return;
    }
    const delayMs = Math.max(0, this.#due - clock.now()) + intervalMs + intervalMs / 10;
    const mark = () => {
      const successor = heir();
      // What it has is not known before its first scrape, which a busy machine may have delayed.
      if (successor !== undefined && successor.#status.lastScrape === undefined) {
        this.#cancelTimer = clock.schedule(intervalMs, mark);
        return;
      }
      this.#running = this.#markEnd(this.#due, successor)
        .catch(onFailure)
        .finally(() => {
          this.forget();
          ended();
        });
    };
    this.#cancelTimer = clock.schedule(delayMs, mark);
  }

  /** Gives back the memory of what is known of the target, when the loop has stopped for good and has no heir. */
  forget(): void {
    this.#cache.delete();
  }

  #schedule(): void {
    this.#cancelTimer = this.#options.ticks.at(this.#due, (now) => {
      this.#running = this.#tick(now);
    });
  }

  async #tick(now: TimestampMs): Promise<void> {
    const { clock, counts, onFailure } = this.#options;
    const { intervalMs } = this.#config;
    const begunAt = clock.monotonic();
    if (this.#begunAt !== undefined) counts.countInterval(intervalMs, begunAt - this.#begunAt);
    this.#begunAt = begunAt;
    const late = now - this.#due;
    const time = late >= 0 && late <= Math.min(intervalMs / 100, alignmentMaxMs) ? this.#due : now;
    try {
      await this.scrape(time);
    } catch (error) {
      onFailure(error);
    }
    // What hangs for a whole interval is asked again at once, as by Prometheus.
    const intervals = Math.round((clock.now() - this.#due) / intervalMs);
    // Where the clock was set back, the target does not wait until it is as late again.
    this.#due += intervalMs * (intervals < 0 ? intervals : Math.max(1, intervals));
    if (!this.#isEnding) this.#schedule();
  }

  /** Scrapes once; everything gets the time `time`. Rejects only when the database refuses. */
  async scrape(time: TimestampMs): Promise<void> {
    const { buffers, commits, counts } = this.#options;
    const buffer = buffers.take();
    let committed: Promise<CommitResult> | undefined;
    commits.depart();
    try {
      const appender = await this.#scrapeInto(buffer, time);
      if (appender !== undefined)
        committed = new Promise((resolve) => commits.add(() => resolve(appender.commit())));
    } finally {
      // Before the commit: a slow disk keeps many of those waiting.
      buffers.give(buffer);
      commits.arrive();
    }
    if (committed !== undefined) counts.countCommit(await committed);
  }

  /** Resolves with what is to be committed, nothing when the loop was stopped. */
  async #scrapeInto(buffer: PageBuffer, time: TimestampMs): Promise<Appender | undefined> {
    const { clock, counts } = this.#options;
    const started = clock.monotonic();
    const page = await this.#fetch(buffer);
    if (this.#stopping.signal.aborted) return undefined;
    const durationMs = clock.monotonic() - started;
    const { appender, failure, found } = this.#stager.stage(page, buffer, time);
    counts.scrapes++;
    if (failure !== undefined) counts.failures++;
    if (failure instanceof ScrapeLimitError) counts.countLimit(failure.limit);
    const { timeoutMs, samplesMax } = this.#config;
    const isTooLarge = failure instanceof ScrapeLimitError && failure.limit === "body";
    const hasCome = !(page instanceof TsdbError) || page instanceof UnsupportedMediaTypeError;
    const bodySizeBytes = isTooLarge ? -1 : hasCome ? buffer.sizeBytes : 0;
    const isUp = failure === undefined;
    this.#reports.append(appender, time, {
      isUp,
      durationMs,
      ...found,
      timeoutMs,
      samplesMax,
      bodySizeBytes,
    });
    this.#status = {
      ...this.#status,
      health: isUp ? "up" : "down",
      lastError: failure?.message ?? this.#options.folder?.problem ?? "",
      lastScrape: time,
      lastDurationMs: durationMs,
      lastSamples: found.scraped,
    };
    return appender;
  }

  /** The format of what is in `buffer` now, or why there is no page. */
  async #fetch(buffer: PageBuffer): Promise<PageFormat | TsdbError> {
    if (this.#refusal !== undefined) return this.#refusal;
    const { clock, folder } = this.#options;
    if (folder !== undefined) return folder.readInto(buffer).catch(asTsdbError);
    return fetchPage(this.#request, buffer, { clock, signal: this.#stopping.signal }).catch(asTsdbError);
  }

  /** The keys of the labels of all series that are stored. */
  #labelKeys(): ReadonlySet<string> {
    return new Set(this.#cache.stored().map((entry) => this.#stager.labelsOf(entry).key()));
  }

  /** Of all series of the target, except those that `heir` has. */
  async #markEnd(time: TimestampMs, heir: ScrapeLoop | undefined): Promise<void> {
    const { appendable, counts } = this.#options;
    const inherited = heir === undefined ? new Set<string>() : heir.#labelKeys();
    const appender = appendable.appender();
    this.#cache.beginPage();
    const ended = this.#cache.vanished();
    const isGone = (entry: number) =>
      inherited.size === 0 || !inherited.has(this.#stager.labelsOf(entry).key());
    this.#stager.stageEnds(appender, ended.filter(isGone), time);
    if (heir?.status.lastScrape === undefined) this.#reports.appendStale(appender, time);
    counts.countCommit(await appender.commit());
  }
}
