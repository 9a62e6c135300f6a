/**
 * ChunkMeta: where a stored chunk lies and which times it spans.
 */

import type { TimeRange } from "../../model/sample.js";

/** `minTime` and `maxTime` are the times of its first and last sample. */
export interface ChunkMeta extends TimeRange {
  /** Segment and offset in one number, see block-format.ts; up to 2^53. */
  readonly ref: number;
}
