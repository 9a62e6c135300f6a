/**
 * BlockSet: the blocks of an open database, read while others are added, merged and dropped.
 *
 * Invariants
 *  1. A read uses the blocks that were there when it began; one that leaves the set is closed and removed when all
 *     reads that had begun before are done. A read may take as long as somebody takes to export everything, so
 *     nothing waits for it but merges and drops (`isRetiring`).
 *  2. `compact`, `drop`, `deleteSamples` and `removeLeaving` come one at a time, as the caller sees to; `publish`
 *     and reads at any time.
 *  3. What never came into the set because writing failed half-way is removed before the next change, and what left
 *     it before the next merge or drop: otherwise a block whose successor has gone in its turn could come back when
 *     the database is opened again.
 */

import { assert } from "../../model/assert.js";
import type { Matcher } from "../../model/matcher.js";
import type { TimeRange } from "../../model/sample.js";
import type { BlockMeta } from "../block/block-meta.js";
import { BlockReader } from "../block/block-reader.js";
import { publishBlocks } from "../block/block-writer.js";
import { inPrecedence } from "../block/open-blocks.js";
import { removeBlock } from "../block/remove-block.js";
import type { SeriesCache } from "../block/series-cache.js";
import { type CompactedBlock, compactBlocks } from "../compaction/compact-blocks.js";
import { assertRoom } from "../fs/assert-room.js";
import { blockPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";

export class BlockSet {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #cache: SeriesCache;
  #blocks: readonly BlockReader[];
  readonly #reads = new Set<Promise<unknown>>();
  /** ULIDs of directories that are to go, if they are there; nobody reads them. */
  readonly #leaving = new Set<string>();
  /** Blocks that left the set while somebody read them. */
  readonly #retiring = new Set<Promise<void>>();

  /** `cache` is that of the blocks, and of those that come. */
  constructor(
    fileSystem: FileSystem,
    directory: string,
    { blocks, cache }: { readonly blocks: readonly BlockReader[]; readonly cache: SeriesCache },
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#blocks = inPrecedence(blocks);
    this.#cache = cache;
  }

  /** In order of precedence. */
  get all(): readonly BlockReader[] {
    return this.#blocks;
  }

  /** Whether blocks that left the set are still being read. Then nothing may be merged or dropped. */
  get isRetiring(): boolean {
    return this.#retiring.size > 0;
  }

  /** Resolves when the blocks that have left the set by now are read no longer. */
  async retired(): Promise<void> {
    await Promise.allSettled([...this.#retiring]);
  }

  /** Calls `use` at once; the blocks stay open until its promise settles. */
  read<T>(use: (blocks: readonly BlockReader[]) => Promise<T>): Promise<T> {
    const reading = use(this.#blocks);
    const settled: Promise<unknown> = reading
      .catch(() => undefined)
      .finally(() => this.#reads.delete(settled));
    this.#reads.add(settled);
    return reading;
  }

  /** Renames staged blocks and opens them; they appear together. When it rejects, none of them does. */
  async publish(metas: readonly BlockMeta[]): Promise<void> {
    const opened: BlockReader[] = [];
    try {
      await publishBlocks(this.#fileSystem, this.#directory, metas);
      for (const { ulid } of metas) opened.push(await this.#open(ulid));
    } catch (error) {
      await Promise.allSettled(opened.map((block) => block.close()));
      for (const { ulid } of metas) this.#leaving.add(ulid);
      throw error;
    }
    this.#blocks = inPrecedence([...this.#blocks, ...opened]);
  }

  /**
   * Replaces blocks by the one described, which holds the same without what was deleted, or by none when nothing is
   * left. When it rejects before that, the blocks are as they were. Rejects with DiskFullError before it begins when
   * the sources would not fit a second time.
   */
  async compact(sources: readonly BlockReader[], block: CompactedBlock): Promise<BlockMeta | undefined> {
    const { ulid } = block;
    const neededBytes = sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await assertRoom(this.#fileSystem, this.#directory, { what: "a compaction", neededBytes });
    this.#leaving.add(ulid);
    const meta = await compactBlocks(this.#fileSystem, this.#directory, sources, block);
    const result = meta && (await this.#open(ulid));
    this.#leaving.delete(ulid);
    await this.#replace(sources, result);
    return meta;
  }

  async drop(blocks: readonly BlockReader[]): Promise<void> {
    await this.#replace(blocks, undefined);
  }

  /** When it rejects, a part may be deleted. */
  async deleteSamples(matchers: readonly Matcher[], range: TimeRange): Promise<void> {
    for (const block of this.#blocks) await block.deleteSamples(matchers, range);
  }

  /** The third invariant, for the caller to keep. Rejects when the system does not let it; to be tried again. */
  async removeLeaving(): Promise<void> {
    for (const ulid of this.#leaving) {
      await removeBlock(this.#fileSystem, this.#directory, ulid);
      this.#leaving.delete(ulid);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#reads, ...this.#retiring]);
    await Promise.allSettled(this.#blocks.map((block) => block.close()));
  }

  async #replace(sources: readonly BlockReader[], result: BlockReader | undefined): Promise<void> {
    assert(!this.isRetiring, "what left the set before is gone");
    const staying = this.#blocks.filter((block) => !sources.includes(block));
    this.#blocks = inPrecedence(result === undefined ? staying : [...staying, result]);
    const reads = [...this.#reads];
    if (reads.length === 0) return this.#remove(sources);
    const retiring: Promise<void> = Promise.allSettled(reads)
      .then(() => this.#remove(sources))
      // The next change removes what could not be removed now.
      .catch(() => undefined)
      .finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  async #remove(blocks: readonly BlockReader[]): Promise<void> {
    for (const { meta } of blocks) this.#leaving.add(meta.ulid);
    for (const block of blocks) await block.close();
    await this.removeLeaving();
  }

  #open(ulid: string): Promise<BlockReader> {
    return BlockReader.open(this.#fileSystem, blockPath(this.#directory, ulid), this.#cache);
  }
}
