/**
 * SeriesIndex: the series of an Appendable by the numbers of their label pairs. The way for whoever meets many new series
 * at once and knows their pairs by number: no labels are made of them.
 */

import type { Labels } from "./labels.js";
import type { SeriesRef } from "./series.js";

export interface SeriesIndex {
  /** Changes when series have ended: numbers of pairs and refs of before may be of none any more. */
  readonly epoch: number;
  /** The number of a label pair, as long as the epoch is the same. Both texts are well-formed and not empty. */
  pair(name: string, value: string): number;
  /**
   * Writes the ref of each series to `refs`, from `at` on; those that do not exist begin, without samples. The pairs of
   * a series are in the order of labels, each name once.
   */
  refsOf(series: PairTuples, refs: Uint32Array, at: number): void;
  /** Undefined when the series has ended. */
  labelsOf(ref: SeriesRef): Labels | undefined;
}

/** The pairs of series i are those from `ends[i - 1]` (or 0) to `ends[i]`, excluded. The arrays may be longer. */
export interface PairTuples {
  readonly length: number;
  readonly pairs: Uint32Array;
  readonly ends: Uint32Array;
}
