/**
 * salvageBlock: what can be read of a block of which a part cannot, into an appender: all but the broken entries of the
 * index and the broken chunks. What was deleted is left out.
 *
 * Memory: some thousand chunks.
 */

import { TsdbError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import type { SampleColumns, TimeRange } from "../../model/sample.js";
import { NO_SERIES } from "../../model/series.js";
import type { BlockReader } from "../block/block-reader.js";
import { labelsInPostings } from "../block/check-block.js";
import type { StoredChunk } from "../block/chunk-file-reader.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";
import { isDeleted, withoutDeleted } from "../chunk/delete-samples.js";
import { decodeChunk } from "../chunk/encode-chunks.js";
import type { BulkAppender } from "../compaction/bulk-appender.js";
import { appendSamples } from "./append-samples.js";

/** Chunks that are read at once. */
const batchChunksMax = 2048;
/** The rest is counted. */
const lossesNamedMax = 20;

export interface SalvageOptions {
  readonly appender: BulkAppender;
  /** Throws when nothing is to be read any more. */
  readonly assertOpen: () => void;
}

/** Returns what could not be read, as sentences. Rejects only with what the appender or `assertOpen` throws. */
export function salvageBlock(block: BlockReader, options: SalvageOptions): Promise<readonly string[]> {
  return new Salvage(block, options).run();
}

interface IndexedChunk extends ChunkMeta {
  readonly labels: Labels;
  readonly deleted: readonly TimeRange[];
}

class Salvage {
  readonly #block: BlockReader;
  readonly #options: SalvageOptions;
  readonly #losses: string[] = [];
  #unnamedLosses = 0;

  constructor(block: BlockReader, options: SalvageOptions) {
    this.#block = block;
    this.#options = options;
  }

  async run(): Promise<readonly string[]> {
    const { index, tombstones, range, directory } = this.#block;
    const refs = await this.#attempt(
      async () => index.all(),
      () => "all series",
    );
    let batch: IndexedChunk[] = [];
    for (const ref of refs ?? []) {
      const deleted = tombstones.get(ref) ?? [];
      if (isDeleted(range, deleted)) continue;
      const lost = () => `the series ${labelsInPostings(index, ref)}`;
      const series = await this.#attempt(async () => index.series(ref), lost);
      for (const chunk of series?.chunks ?? [])
        if (!isDeleted(chunk, deleted)) batch.push({ ...chunk, labels: series!.labels, deleted });
      if (batch.length < batchChunksMax) continue;
      await this.#append(batch);
      batch = [];
    }
    await this.#append(batch);
    const more = this.#unnamedLosses;
    return more === 0
      ? this.#losses
      : [...this.#losses, `${directory}: ${more} more of the kind were left out`];
  }

  async #append(batch: readonly IndexedChunk[]): Promise<void> {
    const { appender, assertOpen } = this.#options;
    assertOpen();
    const sorted = batch.toSorted((a, b) => a.ref - b.ref);
    const stored = await this.#readAll(sorted);
    for (const [i, chunk] of sorted.entries()) {
      const columns = await this.#attempt(
        async () => decodeKept(stored?.[i] ?? (await this.#read([chunk]))[0]!, chunk),
        () => `${chunk.labels} from ${formatRfc3339(chunk.minTime)} to ${formatRfc3339(chunk.maxTime)}`,
      );
      if (columns !== undefined) appendSamples(appender, { labels: chunk.labels, ref: NO_SERIES }, columns);
    }
    await appender.drain();
  }

  /** Undefined when one of them cannot be read. */
  async #readAll(chunks: readonly IndexedChunk[]): Promise<readonly StoredChunk[] | undefined> {
    try {
      return await this.#read(chunks);
    } catch (error) {
      if (error instanceof TsdbError) return undefined;
      throw error;
    }
  }

  /** Chunks in the order of their refs. */
  #read(chunks: readonly IndexedChunk[]): Promise<readonly StoredChunk[]> {
    return this.#block.chunks.read(Float64Array.from(chunks, ({ ref }) => ref));
  }

  /** What `read` gives; undefined, and a loss, when it cannot be read. */
  async #attempt<T>(read: () => Promise<T>, lost: () => string): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      if (this.#losses.length < lossesNamedMax)
        this.#losses.push(`${this.#block.directory}: ${lost()} was left out: ${error.message}`);
      else this.#unnamedLosses++;
      return undefined;
    }
  }
}

/** The samples that are not deleted. */
function decodeKept(
  { encoding, count, bytes }: StoredChunk,
  { minTime, maxTime, deleted }: IndexedChunk,
): SampleColumns | undefined {
  const kept = withoutDeleted({ encoding, count, bytes, minTime, maxTime }, deleted);
  return kept && decodeChunk(kept);
}
