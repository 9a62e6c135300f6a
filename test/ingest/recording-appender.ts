/**
 * RecordingAppendable: an Appendable that writes down what is committed, for tests. Samples at a time of NaN or
 * with a fraction are rejected as storage does.
 */

import type { Appendable, Appender, CommitResult } from "../../src/model/appendable.js";
import type { Labels } from "../../src/model/labels.js";
import { isTimestampMs } from "../../src/model/sample.js";
import type { SeriesRef } from "../../src/model/series.js";
import { isStaleAt } from "../../src/model/staleness.js";

export interface RecordedSample {
  readonly series: string;
  readonly time: number;
  readonly value: number | "stale";
}

export class RecordingAppendable implements Appendable {
  readonly samples: RecordedSample[] = [];
  /** Samples of each commit. */
  readonly commitSizes: number[] = [];
  rollbacks = 0;
  failCommit: Error | undefined;
  readonly #refs = new Map<string, SeriesRef>();
  readonly #labels = new Map<SeriesRef, Labels>();

  /** As `series value@time`. */
  get lines(): string[] {
    return this.samples.map(({ series, time, value }) => `${series} ${value}@${time}`);
  }

  get seriesNames(): string[] {
    return [...new Set(this.samples.map(({ series }) => series))].sort();
  }

  appender(): Appender {
    const staged: RecordedSample[] = [];
    let ended = false;
    let invalid: { count: number; first: { labels: Labels; time: number; value: number } } | undefined;
    const stage = (labels: Labels, time: number, value: number | "stale"): SeriesRef => {
      if (isTimestampMs(time)) staged.push({ series: labels.toString(), time, value });
      else {
        invalid ??= { count: 0, first: { labels, time, value: Number(value) } };
        invalid.count++;
      }
      const ref = this.#refs.get(labels.key()) ?? ((this.#refs.size + 1) as SeriesRef);
      this.#refs.set(labels.key(), ref);
      this.#labels.set(ref, labels);
      return ref;
    };
    return {
      append: (_ref, labels, time, value) => stage(labels, time, value),
      appendStale: (_ref, labels, time) => stage(labels, time, "stale"),
      appendColumns: ({ refs, times, values, length }) => {
        const ended: number[] = [];
        for (let row = 0; row < length; row++) {
          const labels = this.#labels.get(refs[row] as SeriesRef);
          if (labels === undefined) ended.push(row);
          else stage(labels, times[row]!, isStaleAt(values, row) ? "stale" : values[row]!);
        }
        return ended;
      },
      commit: async (): Promise<CommitResult> => {
        ended = true;
        if (this.failCommit !== undefined) throw this.failCommit;
        this.samples.push(...staged);
        this.commitSizes.push(staged.length);
        return {
          appended: staged.length,
          rejected: new Map(invalid === undefined ? [] : [["invalid-time", invalid]]),
        };
      },
      rollback: () => {
        if (!ended) this.rollbacks++;
        ended = true;
      },
    };
  }
}

/** A source of one chunk, or of chunks of `chunkSize` bytes. */
export async function* sourceOf(
  text: string | Uint8Array,
  chunkSize = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  for (let start = 0; start < bytes.length; start += chunkSize)
    yield bytes.subarray(start, start + chunkSize);
}
