/**
 * ScrapeCache: what one target's pages looked like: its lines, in a table of the exposition kernel, and for each series
 * the ref and what became of it, so that series that are gone get a staleness marker.
 *
 * Invariants
 *  1. An entry stays while its line is on the page. Pages that could not be had or read take none away, but what they had
 *     before they failed is known, and ends when it is gone, as in Prometheus.
 *  2. Only samples without a time of their own take part in staleness, as in Prometheus: a series that begins to bring its
 *     times ends.
 *  3. Labels are not kept: they are made of the line again when they are needed, which is seldom.
 *
 * The kernel is shared by all targets: every method turns it to this one.
 */

import type { ExpositionFormat } from "../ingest/exposition/exposition-format.js";
import { type PageVisitor, readPage, type StoredAs, seriesOfText } from "../ingest/exposition/page-reader.js";
import { readProtobufPage } from "../ingest/exposition/protobuf-page.js";
import type { ExpositionKernel, ExpositionRows } from "../kernels/exposition-kernel.js";
import type { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../model/series.js";

/** Relabelling dropped the series: remembered, so that it is not asked again. */
const DROPPED = 1;
/** No page has had a sample of it that is stored. */
const NEW = 2;
/** The current page has it without a time of its own: its end is marked. */
const TRACKED = 4;
/** The page before had it so. */
const TRACKED_BEFORE = 8;
/** The current page has it, though not as a new one. */
const SEEN = 16;

/** So many lines of failed pages, and as many again as the last good page had, are known at most. */
const failedLinesMax = 1000;

/** Pages after which a target tells again what its metrics are: what is told again is kept longer (see MetadataTable). */
const pagesPerMetadata = 64;

/**
 * Up to so many entries the columns grow by much: when all targets are new, what they have grown out of would be more than
 * what they have. Larger ones grow by a quarter, as that is what stays.
 */
const largeEntries = 1024;

export type PageFormat = ExpositionFormat | "protobuf";

export class ScrapeCache {
  readonly #kernel: ExpositionKernel;
  readonly #table: number;
  #isDeleted = false;
  #page = 0;
  #format: PageFormat | undefined;
  /** Series that the last good page had, and those that have become known since. */
  #settled = 0;
  #unsettled = 0;
  /** By entry, like all that follow. */
  #refs = new Uint32Array(0);
  #flags = new Uint8Array(0);
  /** Times of the newest samples that brought their own; empty while there is none. */
  #newestTimes = new Float64Array(0);
  /**
   * Labels of series that the current page is the first to have. A map of its own for each page that has any: one that
   * lives as long as the target is old to the garbage collector, which then takes what is in it for old, too.
   */
  #new: Map<number, Labels> | undefined;

  constructor(kernel: ExpositionKernel) {
    this.#kernel = kernel;
    this.#table = kernel.createTable();
  }

  /** Forgets everything. The cache must not be used any more, but may be deleted again. */
  delete(): void {
    if (!this.#isDeleted) this.#kernel.deleteTable(this.#table);
    this.#isDeleted = true;
  }

  /** What the page before had is from now on what was before: also when it could not be used, and had nothing. */
  beginPage(): void {
    this.#page++;
    const flags = this.#flags;
    for (let entry = 0; entry < flags.length; entry++)
      flags[entry] = (flags[entry]! & (DROPPED | NEW)) | ((flags[entry]! & TRACKED) << 1);
  }

  /** The current page is done with. What is only of use for it must not live on: it is much, when all targets are new. */
  endPage(): void {
    this.#new = undefined;
  }

  /**
   * Reads the page; `rows` has its samples. `labelsOf` decides what a new series is stored as, undefined for not at all.
   * Throws what that throws, and MalformedInputError; `rows` then has what came before.
   */
  readPage(
    bytes: Buffer,
    format: PageFormat,
    labelsOf: StoredAs,
    told: Omit<PageVisitor, "storedAs" | "newSeries">,
  ): void {
    this.#enter();
    const visitor: PageVisitor = {
      ...told,
      storedAs: labelsOf,
      newSeries: (entry, labels) => this.#add(entry, labels),
    };
    const tellMetadata = this.#format !== format || this.#page % pagesPerMetadata === 0;
    this.#format = format;
    const reading = { kernel: this.#kernel, tellMetadata, visitor };
    if (format === "protobuf") readProtobufPage(bytes, reading);
    else readPage(bytes, { ...reading, format });
  }

  /** The samples of the page that was read, borrowed until another one is read. */
  get rows(): ExpositionRows {
    return this.#kernel.rows();
  }

  /** Whether the current page has had this series before, as far as it was not a new one of which nothing was stored. */
  isRepeated(entry: number): boolean {
    const flags = this.#flags[entry]!;
    if ((flags & (SEEN | NEW)) === 0) this.#flags[entry] = flags | SEEN;
    return (flags & SEEN) !== 0;
  }

  /** Whether nothing of this series was stored yet; true once, as something is now. */
  takeNew(entry: number): boolean {
    const flags = this.#flags[entry]!;
    if ((flags & NEW) === 0) return false;
    this.#flags[entry] = (flags & ~NEW) | SEEN;
    return true;
  }

  isDropped(entry: number): boolean {
    return (this.#flags[entry]! & DROPPED) !== 0;
  }

  /** The current page has it without a time of its own. */
  track(entry: number): void {
    this.#flags[entry]! |= TRACKED;
  }

  refOf(entry: number): SeriesRef {
    return this.#refs[entry]! as SeriesRef;
  }

  setRef(entry: number, ref: SeriesRef): void {
    this.#refs[entry] = ref;
  }

  /** Whether no sample of the series had a later time of its own. */
  isNewest(entry: number, time: TimestampMs): boolean {
    if (entry >= this.#newestTimes.length) {
      const larger = new Float64Array(this.#flags.length).fill(Number.NEGATIVE_INFINITY);
      larger.set(this.#newestTimes);
      this.#newestTimes = larger;
    }
    if (time < this.#newestTimes[entry]!) return false;
    this.#newestTimes[entry] = time;
    return true;
  }

  /** What the series is stored as. `labelsOf` decides as when it was new. */
  labelsOf(entry: number, labelsOf: StoredAs): Labels {
    const known = this.#new?.get(entry);
    if (known !== undefined) return known;
    this.#enter();
    const { bytes, kind } = this.#kernel.textOf(entry);
    const series = seriesOfText(bytes, kind);
    return labelsOf(series.labels(), series.emptyLabels())!;
  }

  /** The tracked series of the page before that the current one does not have, or has with their own times. */
  vanished(): number[] {
    const ended: number[] = [];
    const flags = this.#flags;
    for (let entry = 0; entry < flags.length; entry++)
      if ((flags[entry]! & (TRACKED | TRACKED_BEFORE)) === TRACKED_BEFORE) ended.push(entry);
    return ended;
  }

  /** Those of them that the current page does not have by another line either. Call it when refs are known. */
  vanishedSeries(): number[] {
    const kept = new Set<SeriesRef>();
    for (let entry = 0; entry < this.#flags.length; entry++)
      if ((this.#flags[entry]! & TRACKED) !== 0) kept.add(this.refOf(entry));
    kept.delete(NO_SERIES);
    return this.vanished().filter((entry) => !kept.has(this.refOf(entry)));
  }

  /** All series that are stored. */
  stored(): number[] {
    this.#enter();
    return this.#kernel.entries().filter((entry) => !this.isDropped(entry));
  }

  /** Forgets the lines that the current page, a good one, does not have. Call it after `vanished`. */
  forgetVanished(): void {
    this.#enter();
    this.#kernel.forgetVanished();
    this.#settled = this.#kernel.rows().length;
    this.#unsettled = 0;
  }

  /** The same for a page that failed: it forgets only when there are too many. */
  limitFailed(): void {
    if (this.#unsettled > this.#settled + failedLinesMax) this.forgetVanished();
  }

  #enter(): void {
    this.#kernel.enter(this.#table, this.#page);
  }

  #add(entry: number, labels: Labels | undefined): void {
    if (entry >= this.#refs.length) this.#grow(entry);
    this.#refs[entry] = NO_SERIES;
    this.#flags[entry] = labels === undefined ? DROPPED : NEW;
    this.#unsettled++;
    if (entry < this.#newestTimes.length) this.#newestTimes[entry] = Number.NEGATIVE_INFINITY;
    if (labels === undefined) return;
    this.#new ??= new Map();
    this.#new.set(entry, labels);
  }

  #grow(entry: number): void {
    const length = entry < largeEntries ? Math.max(64, entry * 4) : Math.ceil(entry * 1.25);
    const refs = new Uint32Array(length);
    refs.set(this.#refs);
    this.#refs = refs;
    const flags = new Uint8Array(length);
    flags.set(this.#flags);
    this.#flags = flags;
  }
}
