/**
 * WriteRequestReader: bodies of remote write, 1.0 and 2.0, into pushes.
 *
 * The kernel gives columns of samples of the series that it knows. The labels of the others it splits into numbers of
 * label pairs, all at once, or `decodeLabels` reads them where they are not written as nearly all senders do. A push that
 * has nothing to decide takes them by these numbers; else it is asked for each by its labels. The kernel remembers the
 * series: the next request of the same origin with the same label bytes costs a look-up. Series that are not acceptable
 * are counted with reasons, and the rest is kept: both specifications let a receiver ingest the valid part of a request if
 * it answers 400.
 *
 * A body is read in one synchronous run, before the first of its samples is staged: of one that is no such message
 * nothing is stored.
 */

import {
  type MetadataEntry,
  type RemoteWriteKernel,
  type RowColumns,
  remoteWriteKernel,
  type SeriesEntry,
  type SplitSeries,
} from "../../kernels/remote-write-kernel.js";
import { LimitExceededError } from "../../model/errors.js";
import { type Labels, METRIC_NAME } from "../../model/labels.js";
import type { Push, PushResult } from "../push/push.js";
import type { SeriesList } from "../push/series-list.js";
import { decodeLabels } from "./decode-labels.js";
import { decodeMetadata, decodeMetricMetadata } from "./decode-metadata.js";
import { KnownSeries, type OriginSeries } from "./known-series.js";
import { SplitTuples } from "./new-series.js";

/** Of prometheus.WriteRequest, and of io.prometheus.write.v2.Request. */
export type RemoteWriteVersion = 1 | 2;

/** Larger bodies, or parts of them, are read in a kernel of their own, whose memory is given back. */
const residentBodySizeBytes = 4 * 1024 * 1024;
const residentMemorySizeBytes = 24 * 1024 * 1024;
/** How much more memory than bytes of its message such a kernel may take. */
const memoryPerMessageByte = 8;

export class WriteRequestReader {
  #resident = new KnownSeries(remoteWriteKernel(residentMemorySizeBytes));

  /**
   * Takes the pieces of a body as it was sent, compressed, and ends the push. Rejects with LimitExceededError (too
   * large when decoded), MalformedInputError (no Snappy, no such message: nothing of it is kept) or what the commit
   * rejects with. The place of a malformed row is the number of the series in the request, from 1.
   */
  async push(pieces: readonly Uint8Array[], version: RemoteWriteVersion, push: Push): Promise<PushResult> {
    try {
      const large = this.#read(pieces, version, push);
      if (large !== undefined) await appendInParts(large, push);
      return await push.commit();
    } catch (error) {
      push.rollback(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** Stages the samples, or returns them when they are too many for one transaction. */
  #read(pieces: readonly Uint8Array[], version: RemoteWriteVersion, push: Push): LargeBody | undefined {
    const sizeBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    if (this.#resident.isWorn) this.#resident = new KnownSeries(remoteWriteKernel(residentMemorySizeBytes));
    if (sizeBytes <= residentBodySizeBytes) {
      const reading = new Reading(this.#resident, push);
      try {
        if (reading.decode(pieces, sizeBytes, version)) return reading.stage();
      } finally {
        reading.end();
      }
    }
    const memorySizeBytes = push.limits.bodySizeBytes * memoryPerMessageByte;
    const reading = new Reading(new KnownSeries(remoteWriteKernel(memorySizeBytes)), push);
    if (reading.decode(pieces, sizeBytes, version)) return reading.stage();
    throw new LimitExceededError(
      `the request has so many parts that it would take more than ${memorySizeBytes} bytes of memory; send less at a time`,
    );
  }
}

/** Columns that outlive the kernel's next body. */
interface LargeBody {
  readonly series: SeriesList;
  readonly columns: RowColumns;
}

/** Commits in several transactions, as limits.transactionSamplesMax says. */
async function appendInParts({ series, columns }: LargeBody, push: Push): Promise<void> {
  const partSamples = push.limits.transactionSamplesMax;
  for (let start = 0; start < columns.length; start += partSamples) {
    const end = Math.min(start + partSamples, columns.length);
    push.appendColumns({
      series,
      seriesIndexes: columns.seriesIndexes.subarray(start, end),
      times: columns.times.subarray(start, end),
      values: columns.values.subarray(start, end),
      length: end - start,
    });
    await push.flush();
  }
}

/** One body. */
class Reading {
  readonly #kernel: RemoteWriteKernel;
  readonly #memory: KnownSeries;
  readonly #known: OriginSeries;
  readonly #push: Push;
  /** Of series that are not acceptable, in order. */
  readonly #lostRows: { readonly first: number; readonly count: number }[] = [];
  /** Numbers of series that are not remembered: they are free when the body is staged. */
  readonly #borrowedNumbers: number[] = [];

  /** Those of them that the push has taken without labels. */
  readonly #releasedNumbers: number[] = [];
  /** Of the entries, where the push is asked for each by its labels: how far they have been looked at. */
  #split: SplitSeries | undefined;
  #splitAt = 0;

  constructor(memory: KnownSeries, push: Push) {
    this.#kernel = memory.kernel;
    this.#memory = memory;
    this.#known = memory.of(push.origin);
    this.#push = push;
  }

  /** Returns false when the kernel has not enough memory. */
  decode(pieces: readonly Uint8Array[], sizeBytes: number, version: RemoteWriteVersion): boolean {
    const kernel = this.#kernel;
    const input = kernel.input(sizeBytes);
    let filled = 0;
    for (const piece of pieces) {
      input.set(piece, filled);
      filled += piece.length;
    }
    const { bodySizeBytes } = this.#push.limits;
    const counts = kernel.decode(sizeBytes, {
      version,
      owner: this.#known.owner,
      decodedSizeMax: bodySizeBytes,
      labelBytesMax: bodySizeBytes,
    });
    if (counts === undefined) return false;
    this.#takeSplit();
    this.#resolveEntries(counts.malformedSeries, counts.lostSamples);
    if (counts.exemplars > 0) this.#push.notStored("exemplar", counts.exemplars);
    if (counts.histograms > 0) this.#push.notStored("native-histogram", counts.histograms);
    return true;
  }

  stage(): LargeBody | undefined {
    const push = this.#push;
    const columns = withoutRows(this.#kernel.columns(), this.#lostRows);
    const { series } = this.#known;
    if (columns.length > push.limits.transactionSamplesMax) {
      const seriesIndexes = columns.seriesIndexes.slice();
      const times = columns.times.slice();
      const values = columns.values.slice();
      // A copy of the series, too: their numbers may be given to others meanwhile.
      const lasting =
        push.tuples?.lasting(series, seriesIndexes.subarray(0, columns.length)) ?? series.copy();
      return { series: lasting, columns: { ...columns, seriesIndexes, times, values } };
    }
    if (columns.length > 0) push.appendColumns({ series, ...columns });
    return undefined;
  }

  /** To be called when the rows are staged or given up. */
  end(): void {
    const { series } = this.#known;
    for (const number of this.#releasedNumbers) this.#push.tuples?.release(series, number);
    for (const number of this.#borrowedNumbers) series.release(number);
  }

  /** Splits the new series, and gives the push those that it takes without labels. */
  #takeSplit(): void {
    const kernel = this.#kernel;
    if (kernel.entryCount === 0) return;
    const { limits, tuples } = this.#push;
    const textSizeMax = Math.min(limits.labelNameSizeBytes, limits.labelValueSizeBytes);
    const split = kernel.split(textSizeMax, limits.labelsMax);
    if (tuples === undefined) {
      // What is remembered one by one may make the kernel's memory grow.
      const { positions, pairs, ends } = split;
      this.#split = { ...split, positions: positions.slice(), pairs: pairs.slice(), ends: ends.slice() };
      return;
    }
    if (split.length === 0) return;
    const { owner, series, share } = this.#known;
    const { pairNumbers } = this.#memory;
    pairNumbers.useIndex(tuples.index);
    tuples.take(series, new SplitTuples(split, kernel, pairNumbers));
    const before = kernel.tableSizeBytes;
    for (const number of kernel.rememberSplit(owner)) {
      this.#releasedNumbers.push(number);
      this.#borrowedNumbers.push(number);
    }
    share.sizeBytes += kernel.tableSizeBytes - before;
  }

  #resolveEntries(malformedSeries: number, lostSamples: number): void {
    const kernel = this.#kernel;
    let unnamedSeries = malformedSeries;
    let unnamedSamples = lostSamples;
    for (let i = 0; i < kernel.entryCount; i++) {
      const entry = kernel.entry(i);
      if (entry.kind === "series") this.#resolveSeries(entry, i);
      else if (entry.kind === "metadata") this.#describeMetric(entry);
      else {
        this.#push.malformed(entry.number, entry.reason, Math.max(1, entry.lostSamples));
        unnamedSeries--;
        unnamedSamples -= entry.lostSamples;
      }
    }
    if (unnamedSeries > 0) {
      const reason = `${unnamedSeries} more series are malformed`;
      this.#push.malformed(0, reason, Math.max(unnamedSeries, unnamedSamples));
    }
  }

  #resolveSeries(entry: SeriesEntry, position: number): void {
    // First: the bytes of an entry are views of memory that may grow when its labels are remembered.
    const metadata = entry.metadata && decodeMetadata(entry.metadata);
    const number = entry.index ?? this.#numberOf(entry, position);
    if (number === undefined) return;
    if (entry.index === undefined) this.#kernel.assign(position, number);
    else this.#kernel.acknowledgeMetadata(position);
    const { series } = this.#known;
    if (metadata === undefined || series.at(number).refusal !== undefined) return;
    const labels = this.#push.tuples?.labelsOf(series, number) ?? series.at(number).labels;
    this.#push.metadata(labels.get(METRIC_NAME), metadata);
  }

  /** Of a series that was not known when the body was scanned; undefined when its labels are not acceptable. */
  #numberOf(entry: SeriesEntry, position: number): number | undefined {
    const { owner, series } = this.#known;
    const known = this.#kernel.find(position, owner);
    if (known !== undefined) return known;
    const labels = this.#labelsOf(entry, position);
    if (typeof labels === "string") {
      this.#push.malformed(entry.number, labels, entry.rowCount);
      this.#lostRows.push({ first: entry.firstRow, count: entry.rowCount });
      return undefined;
    }
    const pushed = this.#push.series(labels);
    const number = series.add(pushed);
    // What is refused is not remembered: whoever floods us with names must not fill the memory with them.
    if (pushed.refusal === undefined && this.#kernel.remember(position, owner, number))
      this.#known.share.sizeBytes += entry.labelsSizeBytes + keyOverheadBytes;
    else this.#borrowedNumbers.push(number);
    return number;
  }

  /** Or why they are not acceptable, which only those can be that the kernel does not split. */
  #labelsOf(entry: SeriesEntry, position: number): Labels | string {
    const split = this.#split;
    if (split !== undefined) {
      while (this.#splitAt < split.length && split.positions[this.#splitAt]! < position) this.#splitAt++;
      if (split.positions[this.#splitAt] === position)
        return this.#memory.pairLabels.labels(split, this.#splitAt);
    }
    return decodeLabels(entry.labels, entry.offset, this.#push.limits);
  }

  #describeMetric({ message, offset }: MetadataEntry): void {
    const described = decodeMetricMetadata(message, offset);
    if (described !== undefined) this.#push.metadata(described.name, described.metadata);
  }
}

/** A slot, of which half are free, and the header of a key. */
const keyOverheadBytes = 48;

/** The columns, closed up over the rows that are lost. */
function withoutRows(
  columns: RowColumns,
  lostRows: readonly { readonly first: number; readonly count: number }[],
): RowColumns {
  if (lostRows.length === 0) return columns;
  const { seriesIndexes, times, values } = columns;
  let length = 0;
  let start = 0;
  for (const { first, count } of [...lostRows, { first: columns.length, count: 0 }]) {
    for (const column of [seriesIndexes, times, values]) column.copyWithin(length, start, first);
    length += first - start;
    start = first + count;
  }
  return { seriesIndexes, times, values, length };
}
