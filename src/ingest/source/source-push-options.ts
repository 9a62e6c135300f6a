/**
 * What a SourcePush is made of, and the memory that all of them share.
 */

import type { Appendable } from "../../model/appendable.js";
import type { Labels } from "../../model/labels.js";
import type { MetadataSink } from "../../model/metric-metadata.js";
import type { TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import type { PushRequest } from "../push/push.js";
import type { Ticket } from "./admission.js";
import type { LifeCycle } from "./life-cycle.js";
import type { SeriesCatalog } from "./series-catalog.js";
import type { SourceRegistry } from "./source-registry.js";
import type { SourceSeries } from "./source-series.js";

export interface SourcePushOptions {
  readonly appendable: Appendable;
  readonly metadata: MetadataSink | undefined;
  readonly registry: SourceRegistry;
  readonly lifeCycle: LifeCycle;
  readonly catalog: SeriesCatalog;
  readonly request: PushRequest;
  readonly ticket: Ticket;
  /** Its rate. */
  readonly samplesPerSecond: number;
  readonly scratch: PushScratch;
  /** Greater than of all pushes before. */
  readonly number: number;
  readonly arrivalTime: TimestampMs;
  /** Samples after this are refused. */
  readonly latestTime: TimestampMs;
  /** Told of a push that was refused and of which nobody can tell whose it was. */
  readonly onUnknown: (reason: string, time: TimestampMs) => void;
}

/** A push shows up to a hundred. */
const shownMax = 2048;

/** Memory that all pushes use, each for the time of one call, and labels that they have shown. */
export class PushScratch {
  #refs = new Uint32Array(0);
  readonly #shown = new Map<SeriesRef, Labels>();

  refs(length: number): Uint32Array {
    if (this.#refs.length < length) this.#refs = new Uint32Array(Math.max(length, 2 * this.#refs.length));
    return this.#refs;
  }

  /** For excerpts: of a series without labels of its own they would be made anew for each push that begins with it. */
  shownLabels(series: SourceSeries): Labels {
    if (!series.isShared) return series.labels;
    const known = this.#shown.get(series.ref);
    if (known !== undefined) return known;
    const { labels } = series;
    if (this.#shown.size >= shownMax) this.#shown.clear();
    this.#shown.set(series.ref, labels);
    return labels;
  }
}
