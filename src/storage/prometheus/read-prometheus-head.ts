/**
 * readPrometheusHead: what the head of a Prometheus that is not running would show, into an appender.
 *
 * Two passes over the log: series and tombstones, then samples, because a tombstone stands behind what it deletes.
 * Samples come from the head chunks, the log and the log of out-of-order samples; out-of-order samples may be in
 * two of these, and are then appended twice, which makes no other sample.
 *
 * As Prometheus does when it starts,
 *   - samples below `inOrderMinTime`, where blocks have taken over, are passed over, unless they are out of order;
 *   - a sample of the log that is not behind the newest one of its series is passed over: a head chunk or the other
 *     log has it;
 *   - behind a head chunk that cannot be read no other is read: the log has them too.
 *
 * Memory: the labels of all series, one head chunk file.
 */

import type { Appender } from "../../model/appendable.js";
import { TsdbError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import type { SampleColumns, TimeRange, TimestampMs } from "../../model/sample.js";
import { CHUNK_XOR, NO_SERIES, type SeriesRef } from "../../model/series.js";
import { isStaleAt } from "../../model/staleness.js";
import { decodeChunk } from "../chunk/encode-chunks.js";
import type { FileSystem } from "../fs/file-system.js";
import { type HeadChunk, readHeadChunks } from "./head-chunk-file.js";
import { decodeLogRecord, type LogRecord } from "./log-record.js";
import { headChunkFiles, walSegments, wblSegments } from "./prometheus-directory.js";
import { readSegment } from "./segment-pages.js";

export interface PrometheusHeadOptions {
  /** Where the blocks of in-order samples end; -Infinity when there are none. */
  readonly inOrderMinTime: TimestampMs;
  /** Not committed here. `drain`, if it has one, is awaited between records. */
  readonly appender: Appender & { drain?(): Promise<void> };
  /** Told of each part that cannot be read, as a sentence. */
  readonly onLoss: (sentence: string) => void;
}

export async function readPrometheusHead(
  fileSystem: FileSystem,
  directory: string,
  options: PrometheusHeadOptions,
): Promise<void> {
  const log = await walSegments(fileSystem, directory);
  const head = new HeadReader(fileSystem, options);
  await head.readSeries(log);
  await head.readChunks(await headChunkFiles(fileSystem, directory));
  await head.readSamples(log, { isOutOfOrder: false });
  await head.readSamples(await wblSegments(fileSystem, directory), { isOutOfOrder: true });
  head.tellLosses();
}

/** A series of the log. Several refs may stand for one: a restart may have given it another. */
interface HeadSeries {
  readonly labels: Labels;
  readonly deleted: TimeRange[];
  /** Of its samples in order that were seen. */
  newestTime: TimestampMs;
  /** The appender's. */
  ref: SeriesRef;
}

class HeadReader {
  readonly #fileSystem: FileSystem;
  readonly #options: PrometheusHeadOptions;
  readonly #seriesByRef = new Map<number, HeadSeries>();
  #orphanSamples = 0;
  #histogramRecords = 0;
  #histogramChunks = 0;

  constructor(fileSystem: FileSystem, options: PrometheusHeadOptions) {
    this.#fileSystem = fileSystem;
    this.#options = options;
  }

  async readSeries(segments: readonly string[]): Promise<void> {
    const byKey = new Map<string, HeadSeries>();
    for await (const record of this.#records(segments, this.#options.onLoss)) {
      if (record.kind === "series") for (const each of record.series) this.#addSeries(each, byKey);
      if (record.kind === "histograms") this.#histogramRecords++;
      if (record.kind === "tombstones")
        for (const { ref, minTime, maxTime } of record.tombstones)
          this.#seriesByRef.get(ref)?.deleted.push({ minTime, maxTime });
    }
  }

  async readChunks(files: readonly string[]): Promise<void> {
    for (const file of files) {
      const bytes = await this.#fileSystem.readFile(file);
      try {
        for (const headChunk of readHeadChunks(bytes, file)) this.#appendChunk(headChunk);
      } catch (error) {
        if (!(error instanceof TsdbError)) throw error;
        // No loss: the log has it, or tells that it has not.
        return;
      }
      await this.#options.appender.drain?.();
    }
  }

  async readSamples(
    segments: readonly string[],
    { isOutOfOrder }: { readonly isOutOfOrder: boolean },
  ): Promise<void> {
    const { appender, inOrderMinTime, onLoss } = this.#options;
    // What cannot be read of the first log was told when its series were read.
    for await (const record of this.#records(segments, isOutOfOrder ? onLoss : () => {})) {
      if (record.kind !== "samples") continue;
      const { refs, times, length } = record.samples;
      for (let i = 0; i < length; i++) {
        const series = this.#seriesByRef.get(refs[i]!);
        if (series === undefined) this.#orphanSamples++;
        else if (isOutOfOrder) this.#append(series, record.samples, i);
        else if (times[i]! >= inOrderMinTime && times[i]! > series.newestTime) {
          series.newestTime = times[i]!;
          this.#append(series, record.samples, i);
        }
      }
      await appender.drain?.();
    }
  }

  tellLosses(): void {
    const { onLoss } = this.#options;
    if (this.#orphanSamples > 0)
      onLoss(`${this.#orphanSamples} samples of the log are of series whose names were lost`);
    const histograms = this.#histogramRecords + this.#histogramChunks;
    if (histograms > 0)
      onLoss(
        `${histograms} records and chunks of native histograms were left out: they are not supported yet`,
      );
  }

  async *#records(
    segments: readonly string[],
    onLoss: (sentence: string) => void,
  ): AsyncGenerator<LogRecord, void, void> {
    for (const [i, path] of segments.entries()) {
      const options = { isLast: i === segments.length - 1, onLoss };
      for await (const bytes of readSegment(this.#fileSystem, path, options)) {
        try {
          yield decodeLogRecord(bytes, path);
        } catch (error) {
          if (!(error instanceof TsdbError)) throw error;
          onLoss(`a record of the log is damaged: ${error.message}`);
        }
      }
    }
  }

  #addSeries({ ref, labels }: { ref: number; labels: Labels }, byKey: Map<string, HeadSeries>): void {
    const key = labels.key();
    let series = byKey.get(key);
    if (series === undefined) {
      series = { labels, deleted: [], newestTime: -Infinity, ref: NO_SERIES };
      byKey.set(key, series);
    }
    this.#seriesByRef.set(ref, series);
  }

  #appendChunk({ ref, chunk, isOutOfOrder }: HeadChunk): void {
    const series = this.#seriesByRef.get(ref);
    // The file outlives the series of its chunks.
    if (series === undefined) return;
    if (!isOutOfOrder) {
      series.newestTime = Math.max(series.newestTime, chunk.maxTime);
      if (chunk.maxTime < this.#options.inOrderMinTime) return;
    }
    if (chunk.encoding !== CHUNK_XOR) {
      this.#histogramChunks++;
      return;
    }
    const samples = decodeChunk(chunk);
    for (let i = 0; i < samples.length; i++) {
      if (isOutOfOrder || samples.times[i]! >= this.#options.inOrderMinTime) this.#append(series, samples, i);
    }
  }

  #append(series: HeadSeries, { times, values }: SampleColumns, index: number): void {
    const time = times[index]!;
    if (series.deleted.some(({ minTime, maxTime }) => minTime <= time && time <= maxTime)) return;
    const { appender } = this.#options;
    series.ref = isStaleAt(values, index)
      ? appender.appendStale(series.ref, series.labels, time)
      : appender.append(series.ref, series.labels, time, values[index]!);
  }
}
