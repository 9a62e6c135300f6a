/**
 * isDeleted and withoutDeleted: chunks as they are without the samples of deleted intervals.
 */

import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import type { EncodedChunk } from "../../model/series.js";
import { decodeChunk, encodeChunk } from "./encode-chunks.js";

/** Whether one interval covers the whole range. */
export function isDeleted(range: TimeRange, intervals: readonly TimeRange[]): boolean {
  return intervals.some(({ minTime, maxTime }) => minTime <= range.minTime && range.maxTime <= maxTime);
}

/** The chunk without its deleted samples, encoded anew when some are deleted; undefined when all are. */
export function withoutDeleted(
  chunk: EncodedChunk,
  intervals: readonly TimeRange[],
): EncodedChunk | undefined {
  if (isDeleted(chunk, intervals)) return undefined;
  const touching = intervals.filter((each) => rangesOverlap(each, chunk));
  if (touching.length === 0) return chunk;
  const { times, values, length } = decodeChunk(chunk);
  let kept = 0;
  for (let i = 0; i < length; i++) {
    const time = times[i]!;
    if (touching.some(({ minTime, maxTime }) => minTime <= time && time <= maxTime)) continue;
    times[kept] = time;
    // copyWithin moves bytes: a staleness marker keeps its bits.
    values.copyWithin(kept, i, i + 1);
    kept++;
  }
  if (kept === length) return chunk;
  return kept === 0 ? undefined : encodeChunk({ times, values, length: kept });
}
