/**
 * PageStager: hands what a target's page has to an appender: its samples as the configuration has them, all or none, and the
 * ends of series that it does not have.
 *
 * Source: Prometheus 3.5, `scrapeLoop.append`: which samples count, which series are new and which have ended, also when
 * the page fails in its middle.
 */

import type { PageVisitor, StoredAs } from "../ingest/exposition/page-reader.js";
import type { Appendable, Appender } from "../model/appendable.js";
import type { Clock } from "../model/clock.js";
import { TsdbError } from "../model/errors.js";
import type { Labels } from "../model/labels.js";
import type { MetadataSink } from "../model/metric-metadata.js";
import type { TimestampMs } from "../model/sample.js";
import type { PageBuffer, PageBuffers } from "./page-buffers.js";
import type { PageFormat, ScrapeCache } from "./scrape-cache.js";
import type { ScrapeConfig } from "./scrape-config.js";
import type { ScrapeCounts } from "./scrape-counts.js";
import { ScrapeLimitError } from "./scrape-limit-error.js";
import { ScrapedLabels } from "./scraped-labels.js";
import type { StagedFor } from "./staged-columns.js";
import type { Target } from "./target.js";

export interface PageStagerOptions {
  readonly appendable: Appendable;
  readonly clock: Clock;
  readonly buffers: PageBuffers;
  readonly counts: ScrapeCounts;
  readonly metadata?: MetadataSink;
}

/** Samples further in the future than this are left out, as in Prometheus. */
const futureMaxMs = 10 * 60_000;

export class PageStager {
  readonly #config: ScrapeConfig;
  readonly #cache: ScrapeCache;
  readonly #options: PageStagerOptions;
  readonly #labels: ScrapedLabels;
  readonly #describing: Pick<PageVisitor, "type" | "help" | "unit">;

  constructor(target: Target, config: ScrapeConfig, cache: ScrapeCache, options: PageStagerOptions) {
    this.#config = config;
    this.#cache = cache;
    this.#options = options;
    this.#labels = new ScrapedLabels(target.labels, config);
    this.#describing = options.metadata === undefined ? {} : describing(options.metadata);
  }

  /** Stages the page, all of it or nothing, and the ends of series that it does not have. */
  stage(page: PageFormat | TsdbError, buffer: PageBuffer, time: TimestampMs): StagedPage {
    const { appendable } = this.#options;
    const found = { scraped: 0, kept: 0, stored: 0, added: 0 };
    let appender = appendable.appender();
    let failure = page instanceof TsdbError ? page : undefined;
    let isCut = false;
    this.#cache.beginPage();
    if (!(page instanceof TsdbError)) {
      try {
        this.#appendPage(appender, { bytes: buffer.bytes, format: page }, time, found);
      } catch (error) {
        failure = asTsdbError(error);
        appender.rollback();
        appender = appendable.appender();
        isCut = true;
      }
    }
    // What a page had before it failed ends when the next page has it no more, as in Prometheus.
    const ended = isCut ? this.#cache.vanishedSeries() : this.#cache.vanished();
    this.stageEnds(appender, ended, time);
    // An empty page ends all series, but what is known of them stays known, as in Prometheus.
    if (isCut) this.#cache.limitFailed();
    else if (failure === undefined && buffer.sizeBytes > 0) this.#cache.forgetVanished();
    this.#cache.endPage();
    return { appender, failure, found };
  }

  /**
   * Throws when the page is malformed or beyond a limit; `found` then tells what it had: up to the line that is wrong, or
   * in all.
   */
  #appendPage(
    appender: Appender,
    page: { readonly bytes: Buffer; readonly format: PageFormat },
    time: TimestampMs,
    found: PageCounts,
  ): void {
    const samplesMax = this.#config.samplesMax || Number.POSITIVE_INFINITY;
    let isRefused = false;
    const labelsOf: StoredAs = (scraped, emptyLabels) => {
      isRefused = true;
      const labels = this.#labels.of(scraped, emptyLabels);
      isRefused = false;
      return labels;
    };
    // An empty page is a good one in all formats, even where its end should be marked.
    if (page.bytes.length === 0) return;
    try {
      this.#cache.readPage(page.bytes, page.format, labelsOf, {
        ...this.#describing,
        refused: () => {
          isRefused = true;
        },
      });
    } finally {
      this.#stageRows(appender, time, found);
      // The sample whose labels were refused was scraped, too.
      if (isRefused) found.scraped++;
    }
    if (found.stored > samplesMax)
      throw new ScrapeLimitError("samples", `the page has more samples than sample_limit, ${samplesMax}`);
  }

  /** What was read of the page, as the configuration has it. */
  #stageRows(appender: Appender, time: TimestampMs, found: PageCounts): void {
    const cache = this.#cache;
    const { honorTimestamps, trackTimestampsStaleness } = this.#config;
    const { buffers, clock, counts } = this.#options;
    const samplesMax = this.#config.samplesMax || Number.POSITIVE_INFINITY;
    const latest = clock.now() + futureMaxMs;
    const { entries, values, times, length } = cache.rows;
    const { columns } = buffers;
    columns.begin(this.#stagedFor(appender));
    found.scraped = length;
    for (let row = 0; row < length; row++) {
      const entry = entries[row]!;
      const ownTime = times[row]!;
      const isExplicit = honorTimestamps && !Number.isNaN(ownTime);
      if (cache.isDropped(entry)) continue;
      found.kept++;
      if (cache.isRepeated(entry) && !isExplicit) {
        counts.countUnstored("duplicate-time", 1);
        continue;
      }
      if (++found.stored > samplesMax) continue;
      if (isExplicit && ownTime > latest) {
        counts.countUnstored("too-new", 1);
        continue;
      }
      if (!isExplicit || trackTimestampsStaleness) cache.track(entry);
      if (cache.takeNew(entry)) found.added++;
      if (isExplicit && !cache.isNewest(entry, ownTime)) counts.outOfOrder++;
      columns.add(entry, isExplicit ? ownTime : time, values[row]!);
    }
    columns.flush();
  }

  stageEnds(appender: Appender, entries: readonly number[], time: TimestampMs): void {
    const { columns } = this.#options.buffers;
    columns.begin(this.#stagedFor(appender));
    for (const entry of entries) columns.addStale(entry, time);
    columns.flush();
  }

  #stagedFor(appender: Appender): StagedFor {
    return { appender, refs: this.#cache, labelsOf: (entry) => this.labelsOf(entry) };
  }

  labelsOf(entry: number): Labels {
    return this.#cache.labelsOf(entry, (scraped, emptyLabels) => this.#labels.of(scraped, emptyLabels));
  }
}

export interface StagedPage {
  readonly appender: Appender;
  readonly failure: TsdbError | undefined;
  readonly found: PageCounts;
}

export interface PageCounts {
  /** Samples that a page had. */
  scraped: number;
  /** Those that relabelling kept. */
  kept: number;
  /** Those that count towards the limit: no repetitions. */
  stored: number;
  /** Series that were not there before. */
  added: number;
}

function describing(metadata: MetadataSink): Pick<PageVisitor, "type" | "help" | "unit"> {
  return {
    type: (name, type) => metadata.describeMetric(name, { type: type === "untyped" ? "unknown" : type }),
    help: (name, help) => metadata.describeMetric(name, { help }),
    unit: (name, unit) => metadata.describeMetric(name, { unit }),
  };
}

/** The target's fault is a TsdbError; anything else is a bug and goes on. */
export function asTsdbError(error: unknown): TsdbError {
  if (error instanceof TsdbError) return error;
  throw error;
}
