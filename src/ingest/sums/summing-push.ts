/**
 * SummingPush: a Push whose samples are increments. Any protocol's reader may write to it; at the commit they are
 * added to the sums, which are what is stored.
 *
 * Counters, buckets, counts and sums of histograms and summaries, and what has no type, are added up. Gauges, where
 * the body says that they are, before their samples or behind them, are stored as they come: the last word counts. Times are passed over: an increment is
 * of its arrival, since those of several senders cannot be ordered by their clocks.
 */

import { LimitExceededError } from "../../model/errors.js";
import { METRIC_NAME } from "../../model/labels.js";
import type { MetricMetadata } from "../../model/metric-metadata.js";
import type { TimestampMs } from "../../model/sample.js";
import { isStaleAt } from "../../model/staleness.js";
import type { IngestLimits } from "../limits.js";
import type {
  Push,
  PushColumns,
  PushIdentity,
  PushOrigin,
  PushResult,
  PushSeries,
  UnstoredKind,
} from "../push/push.js";
import { RequestFingerprint } from "./request-fingerprint.js";
import type { Increment, RequestKey, Sums } from "./sums.js";

interface HeldSample {
  readonly series: PushSeries;
  /** Undefined for a staleness marker. */
  readonly amount: number | undefined;
  /** In the body, from 1. */
  readonly place: number;
}

export class SummingPush implements Push {
  readonly #push: Push;
  readonly #sums: Sums;
  readonly #key: string | undefined;
  readonly #onHeld: () => void;
  /** In their order. Whether they are gauges is known at the end. */
  readonly #held: HeldSample[] = [];
  readonly #increments: Increment[] = [];
  readonly #gauges = new Set<string>();
  readonly #fingerprint = new RequestFingerprint();
  #samples = 0;

  /**
   * With an idempotency key a body that is sent again counts nothing. `onHeld` is told of each sample before it is
   * held, and throws when there is no room for it.
   */
  constructor(push: Push, sums: Sums, key?: string, onHeld: () => void = () => {}) {
    this.#push = push;
    this.#sums = sums;
    this.#key = key;
    this.#onHeld = onHeld;
  }

  get limits(): IngestLimits {
    return this.#push.limits;
  }

  get result(): PushResult {
    return this.#push.result;
  }

  get arrivalTime(): TimestampMs {
    return this.#push.arrivalTime;
  }

  get origin(): PushOrigin {
    return this.#push.origin;
  }

  get identity(): PushIdentity {
    return this.#push.identity;
  }

  /** 0: a body is added as a whole, or not at all. */
  get stagedSamples(): number {
    return 0;
  }

  series(labels: Parameters<Push["series"]>[0]): PushSeries {
    return this.#push.series(labels);
  }

  append(series: PushSeries, _time: TimestampMs | undefined, amount: number): void {
    this.#samples++;
    if (this.#samples > this.limits.transactionSamplesMax)
      throw new LimitExceededError(
        `the body has more than ${this.limits.transactionSamplesMax} increments; send several bodies`,
      );
    this.#onHeld();
    this.#held.push({ series, amount, place: this.#samples });
  }

  appendStale(series: PushSeries, _time: TimestampMs | undefined): void {
    this.#onHeld();
    this.#held.push({ series, amount: undefined, place: this.#samples });
  }

  appendColumns({ series, seriesIndexes, times, values, length }: PushColumns): void {
    for (let i = 0; i < length; i++) {
      const one = series.at(seriesIndexes[i]!);
      if (isStaleAt(values, i)) this.appendStale(one, times[i]);
      else this.append(one, times[i], values[i]!);
    }
  }

  malformed(place: number, reason: string, samples?: number): void {
    this.#push.malformed(place, reason, samples);
  }

  metadata(metricName: string, metadata: Partial<MetricMetadata>): void {
    if (metadata.type === "gauge") this.#gauges.add(metricName);
    this.#push.metadata(metricName, metadata);
  }

  notStored(kind: UnstoredKind, count: number): void {
    this.#push.notStored(kind, count);
  }

  async flush(): Promise<void> {}

  async commit(): Promise<PushResult> {
    for (const sample of this.#held) this.#settle(sample);
    await this.#sums.add(this.#push, this.#increments, this.#request());
    return this.#push.commit();
  }

  rollback(reason: string): void {
    this.#push.rollback(reason);
  }

  #settle({ series, amount, place }: HeldSample): void {
    if (amount === undefined) {
      this.#push.appendStale(series, undefined);
      return;
    }
    const metricName = series.labels.get(METRIC_NAME);
    if (this.#gauges.has(metricName)) {
      this.#push.append(series, undefined, amount);
      return;
    }
    const problem = problemOf(series, metricName, amount);
    if (problem !== undefined) {
      this.#push.malformed(place, `${series.labels}: ${problem}`);
      return;
    }
    this.#increments.push({ series, amount, time: undefined });
    if (this.#key !== undefined) this.#fingerprint.add(series.labels, amount);
  }

  #request(): RequestKey | undefined {
    return this.#key === undefined ? undefined : { key: this.#key, fingerprint: this.#fingerprint.value };
  }
}

function problemOf({ labels }: PushSeries, metricName: string, amount: number): string | undefined {
  if (!Number.isFinite(amount)) return `${amount} cannot be added`;
  if (labels.has("quantile")) return "quantiles cannot be added; push a histogram";
  if (amount < 0 && !metricName.endsWith("_sum")) return `a counter cannot be increased by ${amount}`;
  return undefined;
}
