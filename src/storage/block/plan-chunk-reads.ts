/**
 * planChunkReads: which stretches of the chunk files to read for a set of chunks. Pure: the caller reads.
 *
 * The index tells where a chunk begins, not how long it is. Each is taken to reach to the next chunk asked for,
 * or as far as a chunk usually does; the reader reads again where a chunk turns out to be longer. Stretches
 * with little between them are read as one.
 */

import { chunkRefOffset, chunkRefSegment } from "./block-format.js";

/** A stretch of one segment file, and the chunks that begin in it, by ref. */
export interface ChunkRead {
  readonly segment: number;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly refs: readonly number[];
}

/** Room for 120 XOR samples of the worst kind is 2.3 KB; ordinary chunks have a tenth of that. */
const usualChunkSizeBytes = 2560;
/** Reading this much in vain costs less than another read. */
const gapSizeBytesMax = 16 * 1024;
const readSizeBytesMax = 4 * 1024 * 1024;

/** `refs` in increasing order; `segmentSizes` by segment index. A ref beyond its segment's end gives an empty stretch. */
export function planChunkReads(refs: Float64Array, segmentSizes: readonly number[]): readonly ChunkRead[] {
  const reads: { segment: number; start: number; end: number; refs: number[] }[] = [];
  for (const [i, ref] of refs.entries()) {
    const segment = chunkRefSegment(ref);
    const start = chunkRefOffset(ref);
    const next = refs[i + 1];
    const limit =
      next !== undefined && chunkRefSegment(next) === segment
        ? chunkRefOffset(next)
        : (segmentSizes[segment] ?? 0);
    const end = Math.max(start, Math.min(start + usualChunkSizeBytes, limit));
    const last = reads.at(-1);
    const joins =
      last !== undefined &&
      last.segment === segment &&
      start - last.end <= gapSizeBytesMax &&
      end - last.start <= readSizeBytesMax;
    if (joins) {
      last.end = end;
      last.refs.push(ref);
    } else {
      reads.push({ segment, start, end, refs: [ref] });
    }
  }
  return reads;
}
