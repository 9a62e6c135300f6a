/**
 * Chunks of one series into the kernel's column: straight when they stand in order, merged by time when not.
 */

import type { ColumnKernel } from "../../../kernels/column-kernel.js";
import { decodeChunk } from "../../../kernels/decode-chunk.js";
import { rangesOverlap, type SampleColumns, type TimeRange } from "../../../model/sample.js";
import type { EncodedChunk } from "../../../model/series.js";
import { isStaleAt } from "../../../model/staleness.js";

export interface SampleFilter {
  readonly range: TimeRange;
  /** Windows have no staleness markers; instant selectors must see them. */
  readonly dropStale: boolean;
}

/** Samples at the most that `loadSamples` would decode. */
export function countSamples(chunks: readonly EncodedChunk[], range: TimeRange): number {
  let count = 0;
  for (const chunk of chunks) if (rangesOverlap(chunk, range)) count += chunk.count;
  return count;
}

/** Fills the kernel's column, which is cleared first. Of samples with equal times the earlier chunk's counts. */
export function loadSamples(
  kernel: ColumnKernel,
  chunks: readonly EncodedChunk[],
  filter: SampleFilter,
): void {
  kernel.clear();
  const inRange = chunks.filter((chunk) => rangesOverlap(chunk, filter.range));
  if (areDisjoint(inRange)) {
    for (const chunk of inRange) decodeChunk(kernel, chunk, filter.range, filter.dropStale);
    return;
  }
  const columns = inRange.map((chunk) => {
    kernel.clear();
    decodeChunk(kernel, chunk, filter.range, false);
    return { times: kernel.times().slice(), values: kernel.values().slice(), length: kernel.length };
  });
  kernel.clear();
  kernel.append(mergeColumns(columns, filter.dropStale));
}

function areDisjoint(chunks: readonly EncodedChunk[]): boolean {
  for (let i = 1; i < chunks.length; i++) {
    if (chunks[i]!.minTime <= chunks[i - 1]!.maxTime) return false;
  }
  return true;
}

/** A k-way merge; k is small. A marker that hides a later chunk's sample is dropped only after it has hidden it. */
function mergeColumns(columns: readonly SampleColumns[], dropStale: boolean): SampleColumns {
  const room = columns.reduce((sum, column) => sum + column.length, 0);
  const merged = { times: new Float64Array(room), values: new Float64Array(room), length: 0 };
  const next = columns.map(() => 0);
  let lastTime = Number.NEGATIVE_INFINITY;
  for (let taken = 0; taken < room; taken++) {
    const from = earliest(columns, next);
    const column = columns[from]!;
    const index = next[from]!++;
    const time = column.times[index]!;
    if (time === lastTime) continue;
    lastTime = time;
    if (dropStale && isStaleAt(column.values, index)) continue;
    merged.times[merged.length] = time;
    merged.values.set(column.values.subarray(index, index + 1), merged.length++);
  }
  return merged;
}

function earliest(columns: readonly SampleColumns[], next: readonly number[]): number {
  let best = -1;
  for (let i = 0; i < columns.length; i++) {
    if (next[i]! >= columns[i]!.length) continue;
    if (best < 0 || columns[i]!.times[next[i]!]! < columns[best]!.times[next[best]!]!) best = i;
  }
  return best;
}
