/**
 * ScrapeCache: what one target's pages looked like: the text of a series to its labels and ref, and which
 * series the last page had, so that those that are gone get a staleness marker.
 *
 * Invariants
 *  1. An entry stays while its series is on the page; pages that could not be had or read do not count.
 *  2. Only samples without a time of their own take part in staleness, as in Prometheus: a series that begins to bring its
 *     times ends.
 */

import type { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../model/series.js";

export interface CachedSeries {
  /** Undefined when relabelling dropped it: remembered, so that it is not asked again. */
  readonly labels: Labels | undefined;
  ref: SeriesRef;
  /** The last page that had it. */
  page: number;
  /** The one before that; 0 when there was none. */
  pageBefore: number;
  /** The last page that had it without a time of its own: its end is marked. -1 when there was none. */
  trackedPage: number;
  /** The one before that. */
  trackedBefore: number;
  /** Of the newest sample that brought its own. */
  newestTime: TimestampMs;
}

export class ScrapeCache {
  readonly #series = new Map<string, CachedSeries>();
  #page = 0;
  #added = 0;

  /** Series that the current page had, that were kept, and that the cache did not know. */
  get added(): number {
    return this.#added;
  }

  beginPage(): void {
    this.#page++;
    this.#added = 0;
  }

  /** The series with this text on the current page; `labels` is called for an unknown one only. */
  see(key: string, labels: () => Labels | undefined, tracked: boolean): CachedSeries {
    let series = this.#series.get(key);
    if (series === undefined) {
      series = {
        labels: labels(),
        ref: NO_SERIES,
        page: 0,
        pageBefore: 0,
        trackedPage: -1,
        trackedBefore: -1,
        newestTime: Number.NEGATIVE_INFINITY,
      };
      this.#series.set(key, series);
      if (series.labels !== undefined) this.#added++;
    }
    if (series.page !== this.#page) {
      series.pageBefore = series.page;
      series.page = this.#page;
    }
    if (tracked && series.trackedPage !== this.#page) {
      series.trackedBefore = series.trackedPage;
      series.trackedPage = this.#page;
    }
    return series;
  }

  /** The tracked series of the page before that the current one does not have, or has with their own times. */
  *vanished(): Generator<readonly [ref: SeriesRef, labels: Labels]> {
    for (const { trackedPage, ref, labels } of this.#series.values()) {
      if (trackedPage === this.#page - 1 && labels !== undefined) yield [ref, labels];
    }
  }

  /** The keys of the labels of all that is kept, for who asks whether a series is there. */
  labelKeys(): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const { labels } of this.#series.values()) if (labels !== undefined) keys.add(labels.key());
    return keys;
  }

  /** Takes back what the current page said: it could not be used, so all of the page before has vanished. */
  discardPage(): void {
    for (const [key, series] of this.#series) {
      if (series.page !== this.#page) continue;
      if (series.trackedPage === this.#page) series.trackedPage = series.trackedBefore;
      if (series.pageBefore === 0) this.#series.delete(key);
      else series.page = series.pageBefore;
    }
    this.#added = 0;
  }

  /** Forgets the series that the current page, a good one, does not have. Call it after `vanished`. */
  forgetVanished(): void {
    for (const [key, series] of this.#series) {
      if (series.page < this.#page) this.#series.delete(key);
    }
  }
}
