/**
 * AgeLimit: which samples are too old to be taken, because retention would drop them.
 */

import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";

export interface AgeLimit {
  /** From this time on no sample is too old, whatever its series. */
  readonly recentFrom: TimestampMs;
  /** The oldest time that a sample of the series may have. */
  oldestTimeOf(labels: Labels): TimestampMs;
}

/** Samples of any age. */
export const ANY_AGE: AgeLimit = { recentFrom: -Infinity, oldestTimeOf: () => -Infinity };
