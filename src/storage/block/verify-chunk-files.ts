/**
 * verifyChunkFiles: that no chunk file of a block is missing or shorter than the index needs, found at open by
 * looking at few chunks.
 *
 * Series stand in the index in the order of their chunks: so of each file, only the chunk that stands last in it is
 * looked up. In a block whose maker kept another order a short file may go unnoticed until it is read; what is
 * reported is always so.
 */

import { CorruptionError } from "../../model/errors.js";
import type { IndexReader } from "../index/index-reader.js";
import { chunkRefSegment } from "./block-format.js";
import type { ChunkFileReader } from "./chunk-file-reader.js";

/** Throws CorruptionError, which names the file. */
export async function verifyChunkFiles(index: IndexReader, chunkFiles: ChunkFileReader): Promise<void> {
  const places = new ChunkPlaces(index);
  const last = places.lastUpTo(Infinity);
  if (last === undefined) return;
  for (let segment = 0; segment <= chunkRefSegment(last); segment++) {
    const ref = places.lastUpTo(segment);
    if (ref !== undefined && chunkRefSegment(ref) === segment) await chunkFiles.verifyPlace(ref);
  }
}

class ChunkPlaces {
  readonly #index: IndexReader;
  readonly #series: ArrayLike<number>;

  constructor(index: IndexReader) {
    this.#index = index;
    this.#series = unlessCorrupt(() => index.all()) ?? [];
  }

  /** The last chunk that stands in this segment or an earlier one. */
  lastUpTo(segment: number): number | undefined {
    let low = 0;
    let high = this.#series.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.#chunksOf(middle).at(-1);
      if (last !== undefined && chunkRefSegment(last) > segment) high = middle;
      else low = middle + 1;
    }
    // The first series that ends behind the segment may begin in it.
    for (let i = low; i >= 0; i--) {
      const found = this.#chunksOf(i).findLast((ref) => chunkRefSegment(ref) <= segment);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #chunksOf(i: number): readonly number[] {
    const series = this.#series[i];
    if (series === undefined) return [];
    return unlessCorrupt(() => this.#index.series(series).chunks.map(({ ref }) => ref)) ?? [];
  }
}

/** What of the index cannot be read is told to whoever selects it, and is no reason to do without the rest. */
function unlessCorrupt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}
