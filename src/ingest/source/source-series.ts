/**
 * SourceSeries: a series as a source pushes it, with what was learnt about it on the way. Small: there may be a
 * million of them.
 */

import { assert } from "../../model/assert.js";
import { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../../model/series.js";
import type { SeriesIndex } from "../../model/series-index.js";
import { isStaleAt } from "../../model/staleness.js";
import type { PushRefusal, PushSeries } from "../push/push.js";
import type { Cohort } from "./event-watch.js";
import type { PushScope } from "./push-scope.js";
import type { Source } from "./source.js";

/** A time that the server gives to a sample is this much ahead of its clock at the most. */
export const aheadMaxMs = 1000;

export class SourceSeries implements PushSeries {
  // What every sample looks at stands first, in one line of the processor's cache.
  /** The number of the last push that had it. */
  lastPush = 0;
  /** In the database; a hint. */
  ref: SeriesRef = NO_SERIES;
  /** Whose it is; undefined for a refused one of which nobody can tell. */
  source: Source | undefined;
  readonly refusal: PushRefusal | undefined;
  /** The minute of that push: a small integer, which costs no object. */
  lastSeenMinute = 0;
  /** Whether it is in its source's table: its end is to be marked. */
  isLive = false;
  readonly #labels: Labels | undefined;
  readonly #index: SeriesIndex | undefined;
  /** The latest sample; of a series without a life cycle, the latest that the server gave its time. */
  lastTime: TimestampMs = -Infinity;
  lastValue = Number.NaN;
  /** Whether that is a staleness marker of the sender. */
  isEnded = false;
  /** The grouping of the full pushes that end it when they do not have it: see push-scope.ts. */
  scope: PushScope = "own-times";
  /** The cohort that waits for its second sample. */
  cohort: Cohort | undefined = undefined;

  /** Without labels it stands for one series of the index after the other: for the one of its `ref`. */
  constructor(labels: Labels | SeriesIndex, source: Source | undefined, refusal?: PushRefusal) {
    const isShared = !(labels instanceof Labels);
    this.#labels = isShared ? undefined : labels;
    this.#index = isShared ? labels : undefined;
    this.source = source;
    this.refusal = refusal;
  }

  /** Whether it stands for all series of a source that nothing is known of but their refs. */
  get isShared(): boolean {
    return this.#index !== undefined;
  }

  get labels(): Labels {
    const labels = this.#labels ?? this.#index!.labelsOf(this.ref);
    assert(labels !== undefined, "what stands for series by their refs is forgotten when series end");
    return labels;
  }

  /**
   * The time of a sample that brings none: of the arrival, and just behind the last sample where a push before this one
   * has had that time. In one push there is one such time: two values for it contradict each other.
   */
  timeAt(arrival: TimestampMs, push: number): TimestampMs {
    const { lastTime } = this;
    if (lastTime < arrival || lastTime >= arrival + aheadMaxMs) return arrival;
    return this.lastPush === push ? lastTime : lastTime + 1;
  }

  /** Takes note of a sample of a series with a life cycle. */
  note(time: TimestampMs, values: Float64Array, row: number): void {
    if (this.cohort !== undefined && this.lastTime !== -Infinity) {
      this.cohort.returned++;
      this.cohort = undefined;
    }
    if (!(time >= this.lastTime)) return;
    this.lastTime = time;
    this.lastValue = values[row]!;
    this.isEnded = isStaleAt(values, row);
  }
}

export function minuteOf(time: TimestampMs): number {
  return Math.floor(time / 60_000);
}
