/**
 * BulkAppender: an appender that writes straight to blocks, for imports: samples of any age and order.
 *
 * Samples are collected in runs of bounded size. A full run is sorted per series and staged as blocks under
 * temporary names while the next one fills; `commit` names all of them, so that they appear together. If the
 * process dies between two renames, each block is whole or gone. Runs that cover the same times give blocks
 * that overlap, which queries merge.
 *
 * Within a run, exact repetitions count as appended once more, and of two values at one time the first counts;
 * across runs, and against what is stored already, nothing is compared: there the query's merge decides.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { AppendColumns, Appender, CommitResult } from "../../model/appendable.js";
import { ClosedError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import { isTimestampMs, type TimestampMs } from "../../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../../model/series.js";
import { isStaleAt } from "../../model/staleness.js";
import type { BlockMeta } from "../block/block-meta.js";
import { discardBlocks } from "../block/block-writer.js";
import { sliceColumns } from "../chunk/encode-chunks.js";
import { sortSamples } from "../chunk/sort-samples.js";
import type { FileSystem } from "../fs/file-system.js";
import { type AgeLimit, ANY_AGE } from "../head/age-limit.js";
import { areStorableLabels } from "../head/label-rules.js";
import { Rejections } from "../head/rejections.js";
import { type CutOptions, type SeriesColumns, seriesPerTurn, stageCut } from "./cut-blocks.js";
import { SampleRun } from "./sample-run.js";

export const DEFAULT_RUN_SAMPLES_MAX = 8_000_000;

export interface BulkAppenderOptions extends CutOptions {
  readonly fileSystem: FileSystem;
  /** Where blocks go. */
  readonly directory: string;
  readonly runSamplesMax?: number;
  /** Samples that are older are rejected: retention would drop them. Default none is. */
  readonly ageLimit?: AgeLimit;
  /** Called by `commit`: names the staged blocks, in their order, and makes them visible. */
  readonly publish: (metas: readonly BlockMeta[]) => Promise<void>;
}

export class BulkAppender implements Appender {
  readonly #options: BulkAppenderOptions;
  readonly #runSamplesMax: number;
  readonly #ageLimit: AgeLimit;
  /** A series' ref is its index plus 1. */
  readonly #labels: Labels[] = [];
  readonly #refByKey = new Map<string, SeriesRef>();
  readonly #rejections = new Rejections();
  readonly #staged: BlockMeta[] = [];
  #run: SampleRun;
  #appended = 0;
  /** The runs that are being written, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: BulkAppenderOptions) {
    this.#options = options;
    this.#runSamplesMax = options.runSamplesMax ?? DEFAULT_RUN_SAMPLES_MAX;
    this.#ageLimit = options.ageLimit ?? ANY_AGE;
    this.#run = new SampleRun(this.#runSamplesMax);
  }

  append(ref: SeriesRef, labels: Labels, time: TimestampMs, value: number): SeriesRef {
    const series = this.#admit(ref, labels, time, value);
    // An ordinary NaN that happens to have the bits of a staleness marker must not become one.
    if (series !== NO_SERIES) this.#run.add(series - 1, time, Number.isNaN(value) ? Number.NaN : value);
    return series;
  }

  appendStale(ref: SeriesRef, labels: Labels, time: TimestampMs): SeriesRef {
    const series = this.#admit(ref, labels, time, Number.NaN);
    if (series !== NO_SERIES) this.#run.addStale(series - 1, time);
    return series;
  }

  appendColumns({ refs, times, values, length }: AppendColumns): readonly number[] {
    const ended: number[] = [];
    for (let row = 0; row < length; row++) {
      const ref = refs[row] as SeriesRef;
      const labels = this.#labels[ref - 1];
      if (labels === undefined) ended.push(row);
      else if (isStaleAt(values, row)) this.appendStale(ref, labels, times[row]!);
      else this.append(ref, labels, times[row]!, values[row]!);
    }
    return ended;
  }

  /**
   * Resolves when the runs filled so far have been written; rejects when that failed. To be awaited now and
   * then by whoever appends more than fits into memory.
   */
  drain(): Promise<void> {
    return this.#writing;
  }

  async commit(): Promise<CommitResult> {
    this.#end();
    const { fileSystem, directory, publish } = this.#options;
    this.#writeRun();
    try {
      await this.#writing;
    } catch (error) {
      await discardBlocks(fileSystem, directory, this.#staged);
      throw error;
    }
    await publish(this.#staged);
    return { appended: this.#appended, rejected: this.#rejections.byReason() };
  }

  /** Removes what was staged in the background; `drain` then resolves when that is done. */
  rollback(): void {
    if (this.#ended) return;
    this.#end();
    const { fileSystem, directory } = this.#options;
    const discard = () => discardBlocks(fileSystem, directory, this.#staged);
    this.#writing = this.#writing.then(discard, discard);
    this.#run = new SampleRun(0);
  }

  /** The ref of the series that takes the sample, NO_SERIES when it was rejected. Makes room in the run. */
  #admit(ref: SeriesRef, labels: Labels, time: TimestampMs, value: number): SeriesRef {
    if (this.#ended) throw new ClosedError("the appender has been committed or rolled back");
    const series = this.#labels[ref - 1]?.equals(labels) ? ref : this.#refOf(labels);
    if (series === NO_SERIES || !isTimestampMs(time)) {
      this.#rejections.add(series === NO_SERIES ? "invalid-labels" : "invalid-time", { labels, time, value });
      return NO_SERIES;
    }
    if (time < this.#ageLimit.recentFrom && time < this.#ageLimit.oldestTimeOf(labels)) {
      this.#rejections.add("too-old", { labels, time, value });
      return NO_SERIES;
    }
    if (this.#run.isFull) this.#writeRun();
    this.#appended++;
    return series;
  }

  /** NO_SERIES for labels that no series can have. */
  #refOf(labels: Labels): SeriesRef {
    const key = labels.key();
    let ref = this.#refByKey.get(key);
    if (ref === undefined) {
      if (!areStorableLabels(labels)) return NO_SERIES;
      ref = this.#labels.push(labels) as SeriesRef;
      this.#refByKey.set(key, ref);
    }
    return ref;
  }

  /** Begins to write the run, behind those that are being written, and starts another. */
  #writeRun(): void {
    const run = this.#run;
    this.#run = new SampleRun(this.#runSamplesMax);
    this.#writing = this.#writing.then(() => this.#stageRun(run));
    // A failure is reported by drain and commit; until one of them is called nobody waits for it.
    this.#writing.catch(() => undefined);
  }

  async #stageRun(run: SampleRun): Promise<void> {
    const { fileSystem, directory } = this.#options;
    const series = await this.#sortedSeries(run);
    this.#staged.push(...(await stageCut(fileSystem, directory, series, this.#options)));
  }

  /** The run's series in label order, the samples of each in time order. */
  async #sortedSeries(run: SampleRun): Promise<readonly SeriesColumns[]> {
    const series: SeriesColumns[] = [];
    const grouped = await run.bySeries(this.#labels.length);
    for (const [index, labels] of this.#labels.slice(0, grouped.starts.length - 1).entries()) {
      if (index % seriesPerTurn === 0) await nextTurn();
      const columns = sliceColumns(grouped.columns, grouped.starts[index]!, grouped.starts[index + 1]!);
      if (columns.length === 0) continue;
      const sorted = sortSamples(columns, (at) => {
        this.#appended--;
        this.#rejections.add("duplicate-time", {
          labels,
          time: columns.times[at]!,
          value: columns.values[at]!,
        });
      });
      series.push({ labels, columns: sorted });
    }
    await nextTurn();
    return series.sort((a, b) => a.labels.compare(b.labels));
  }

  #end(): void {
    if (this.#ended) throw new ClosedError("the appender has been committed or rolled back");
    this.#ended = true;
  }
}
