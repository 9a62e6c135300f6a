/**
 * pushWriteRequest: the body of one remote write 1.0 request into an Appender, as one transaction.
 *
 * Series with labels that are not acceptable are counted with reasons, and the rest is kept: the specification
 * lets a receiver ingest the valid part of a request if it answers 400.
 */

import { decodeSnappy } from "../../kernels/snappy.js";
import type { Appender } from "../../model/appendable.js";
import type { Labels } from "../../model/labels.js";
import type { SampleColumns } from "../../model/sample.js";
import { isStaleAt } from "../../model/staleness.js";
import { defaultIngestLimits, type IngestLimits } from "../limits.js";
import type { PushResult } from "../push.js";
import { MalformedRows, RowAppender, type RowSeries } from "../row-appender.js";
import { decodeWriteRequest, type WriteRequestVisitor } from "./write-request.js";

/** The `line` of a malformed row is the number of the series in the request, from 1; it counts each sample lost. */
export interface WriteRequestResult extends PushResult {
  /** What the request also holds and is not stored. */
  readonly metadata: number;
  readonly exemplars: number;
  readonly histograms: number;
}

export interface PushWriteRequestOptions {
  /** Committed, or rolled back, when the promise settles. */
  readonly appender: Appender;
  readonly limits?: IngestLimits;
}

/**
 * Takes the body as it was sent, compressed. Rejects with LimitExceededError (too large when decoded),
 * MalformedInputError (no Snappy, no such message: nothing of it is kept) or what the commit rejects with.
 */
export async function pushWriteRequest(
  body: Uint8Array,
  options: PushWriteRequestOptions,
): Promise<WriteRequestResult> {
  const { appender } = options;
  const limits = options.limits ?? defaultIngestLimits;
  try {
    const rows = new WriteRequestRows(appender);
    decodeWriteRequest(decodeSnappy(body, limits.bodySizeBytes), limits, rows);
    const { malformed, metadataCount, exemplarCount, histogramCount } = rows;
    const commit = await appender.commit();
    return {
      ...commit,
      malformed,
      metadata: metadataCount,
      exemplars: exemplarCount,
      histograms: histogramCount,
    };
  } catch (error) {
    appender.rollback();
    throw error;
  }
}

class WriteRequestRows implements WriteRequestVisitor {
  readonly malformed = new MalformedRows();
  metadataCount = 0;
  exemplarCount = 0;
  histogramCount = 0;
  readonly #rows: RowAppender;
  #series: RowSeries | undefined;

  constructor(appender: Appender) {
    this.#rows = new RowAppender(appender, {});
  }

  series(labels: Labels): void {
    this.#series = this.#rows.series(labels);
  }

  samples({ times, values, length }: SampleColumns): void {
    const series = this.#series!;
    for (let i = 0; i < length; i++) {
      if (isStaleAt(values, i)) this.#rows.appendStale(series, times[i]!);
      else this.#rows.append(series, times[i]!, values[i]!);
    }
  }

  invalidSeries(index: number, reason: string, sampleCount: number): void {
    this.malformed.add(index, reason, Math.max(1, sampleCount));
  }

  metadata(): void {
    this.metadataCount++;
  }

  exemplar(): void {
    this.exemplarCount++;
  }

  histogram(): void {
    this.histogramCount++;
  }
}
