/**
 * decodeWithin: the samples of a series within a range, in strictly increasing time, a chunk at a time.
 */

import type { SampleColumns, TimeRange, TimestampMs } from "../../model/sample.js";
import type { EncodedChunk } from "../../model/series.js";
import { decodeChunk, sliceColumns } from "./encode-chunks.js";
import { joinChunks } from "./join-chunks.js";

/** `chunks` may overlap: of samples with one time, the one in the earlier chunk counts. */
export function* decodeWithin(
  chunks: readonly EncodedChunk[],
  { minTime, maxTime }: TimeRange,
): Generator<SampleColumns, void, void> {
  for (const chunk of joinChunks(chunks)) {
    if (chunk.maxTime < minTime || chunk.minTime > maxTime) continue;
    const columns = decodeChunk(chunk);
    const from = countBelow(columns, minTime);
    const to = countBelow(columns, maxTime + 1);
    if (from < to) yield sliceColumns(columns, from, to);
  }
}

/** How many samples are before `time`. */
function countBelow({ times, length }: SampleColumns, time: TimestampMs): number {
  let count = 0;
  while (count < length && times[count]! < time) count++;
  return count;
}
