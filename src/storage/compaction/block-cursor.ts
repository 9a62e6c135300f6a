/**
 * BlockCursor: the series of a block in label order, one at a time, with their chunks; deleted samples, and
 * series that are deleted as a whole, left out.
 *
 * Memory: the chunks of some hundred series.
 */

import { CorruptionError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import type { EncodedChunk, Series } from "../../model/series.js";
import type { BlockReader } from "../block/block-reader.js";
import { isDeleted, withoutDeleted } from "../chunk/delete-samples.js";
import { indexPath } from "../fs/data-directory.js";
import type { IndexedSeries } from "../index/index-content.js";

/** A batch ends behind the series that reaches one of these. */
const batchSeriesMax = 512;
const batchChunksMax = 2048;

export class BlockCursor {
  readonly #block: BlockReader;
  readonly #refs: Uint32Array;
  #nextRef = 0;
  #batch: readonly Series[] = [];
  #at = 0;
  #lastLabels: Labels | undefined;

  private constructor(block: BlockReader) {
    this.#block = block;
    this.#refs = block.index.all();
  }

  /** A cursor that stands at the first series. Throws CorruptionError, as `next` does. */
  static async open(block: BlockReader): Promise<BlockCursor> {
    const cursor = new BlockCursor(block);
    await cursor.#load();
    return cursor;
  }

  /** Undefined behind the last series. Its chunks are in time order; there may be none. */
  get current(): Series | undefined {
    return this.#batch[this.#at];
  }

  async next(): Promise<void> {
    this.#at++;
    if (this.#at === this.#batch.length) await this.#load();
  }

  async #load(): Promise<void> {
    const found: (IndexedSeries & { readonly ref: number })[] = [];
    let chunkCount = 0;
    while (
      this.#nextRef < this.#refs.length &&
      found.length < batchSeriesMax &&
      chunkCount < batchChunksMax
    ) {
      const ref = this.#refs[this.#nextRef++]!;
      const deleted = this.#block.tombstones.get(ref) ?? [];
      // What the index says of such a series may be broken.
      if (isDeleted(this.#block.range, deleted)) continue;
      const { labels, chunks } = this.#seriesAt(ref);
      const kept = chunks.filter((chunk) => !isDeleted(chunk, deleted));
      found.push({ ref, labels, chunks: kept });
      chunkCount += kept.length;
    }
    const metas = found.flatMap(({ chunks }) => chunks).sort((a, b) => a.ref - b.ref);
    const stored = await this.#block.chunks.read(Float64Array.from(metas, ({ ref }) => ref));
    const byRef = new Map(metas.map(({ ref }, i) => [ref, stored[i]!]));
    this.#at = 0;
    this.#batch = found.map(({ ref, labels, chunks }) => {
      const deleted = this.#block.tombstones.get(ref) ?? [];
      const loaded = chunks.map((meta) => {
        const { encoding, count, bytes } = byRef.get(meta.ref)!;
        return { encoding, count, bytes, minTime: meta.minTime, maxTime: meta.maxTime };
      });
      return { labels, chunks: withoutAllDeleted(loaded, deleted) };
    });
  }

  #seriesAt(ref: number): IndexedSeries {
    const series = this.#block.index.series(ref);
    if (this.#lastLabels !== undefined && this.#lastLabels.compare(series.labels) >= 0)
      throw new CorruptionError(`the series ${series.labels} is not in label order`, {
        file: indexPath(this.#block.directory),
      });
    this.#lastLabels = series.labels;
    return series;
  }
}

function withoutAllDeleted(
  chunks: readonly EncodedChunk[],
  deleted: Parameters<typeof withoutDeleted>[1],
): readonly EncodedChunk[] {
  if (deleted.length === 0) return chunks;
  return chunks.map((chunk) => withoutDeleted(chunk, deleted)).filter((chunk) => chunk !== undefined);
}
