/**
 * RecordingPush: a Push that stores nothing and remembers what a protocol's reader gave it. For tests of readers.
 */

import { defaultIngestLimits, type IngestLimits } from "../../src/ingest/limits.js";
import type {
  Push,
  PushColumns,
  PushIdentity,
  PushOrigin,
  PushResult,
  PushSeries,
  UnstoredKind,
} from "../../src/ingest/push/push.js";
import { Labels } from "../../src/model/labels.js";
import type { MetricMetadata } from "../../src/model/metric-metadata.js";
import type { TimestampMs } from "../../src/model/sample.js";
import { isStaleAt } from "../../src/model/staleness.js";

export class RecordingPush implements Push {
  readonly arrivalTime = 1_700_000_000_000;
  readonly origin: PushOrigin;
  readonly limits: IngestLimits;
  readonly identity: PushIdentity = {
    isConfigured: false,
    labels: Labels.empty,
    staleness: undefined,
    intervalMs: undefined,
  };
  stagedSamples = 0;
  flushes = 0;
  /** As `name{label="value"} value @time`; of the arrival without a time; stale ones have the value `stale`. */
  readonly lines: string[] = [];
  /** As `place: reason (samples)`. */
  readonly lost: string[] = [];
  lostSamples = 0;
  readonly described = new Map<string, Partial<MetricMetadata>>();
  readonly unstored = new Map<UnstoredKind, number>();

  constructor(options: { readonly origin?: PushOrigin; readonly limits?: Partial<IngestLimits> } = {}) {
    this.origin = options.origin ?? { name: "test" };
    this.limits = { ...defaultIngestLimits, ...options.limits };
  }

  series(labels: Labels): PushSeries {
    return { labels, refusal: undefined };
  }

  append({ labels }: PushSeries, time: TimestampMs | undefined, value: number): void {
    this.#record(labels, Object.is(value, -0) ? "-0" : String(value), time);
  }

  appendStale({ labels }: PushSeries, time: TimestampMs | undefined): void {
    this.#record(labels, "stale", time);
  }

  appendColumns({ series, seriesIndexes, times, values, length }: PushColumns): void {
    for (let i = 0; i < length; i++) {
      const row = series.at(seriesIndexes[i]!);
      if (isStaleAt(values, i)) this.appendStale(row, times[i]!);
      else this.append(row, times[i]!, values[i]!);
    }
  }

  malformed(place: number, reason: string, samples = 1): void {
    this.lost.push(`${place}: ${reason} (${samples})`);
    this.lostSamples += samples;
  }

  metadata(metricName: string, metadata: Partial<MetricMetadata>): void {
    this.described.set(metricName, { ...this.described.get(metricName), ...metadata });
  }

  notStored(kind: UnstoredKind, count: number): void {
    this.unstored.set(kind, (this.unstored.get(kind) ?? 0) + count);
  }

  async flush(): Promise<void> {
    this.flushes++;
    this.stagedSamples = 0;
  }

  get result(): PushResult {
    const first = { count: this.lostSamples, first: [] };
    return { appended: this.lines.length, rejected: new Map(), malformed: first, notStored: this.unstored };
  }

  async commit(): Promise<PushResult> {
    return this.result;
  }

  rollback(): void {
    this.lines.length = 0;
  }

  #record(labels: Labels, value: string, time: TimestampMs | undefined): void {
    this.stagedSamples++;
    this.lines.push(`${labels} ${value}${time === undefined ? "" : ` @${time}`}`);
  }
}
