/**
 * BlockSet: the blocks of an open database, read while others are added, merged and dropped.
 *
 * Invariants
 *  1. A read uses the blocks that were there when it began. A block that leaves the set loses its name at once, and
 *     its files are closed when all reads that had begun before are done: only then is their space free
 *     (`leftSizeBytes`). A read may take as long as somebody takes to export everything, so nothing waits for it.
 *     Where the system keeps the names of open files (Windows does), merges and drops wait (`isRetiring`).
 *  2. `compact`, `drop`, `deleteSamples` and `removeLeaving` come one at a time, as the caller sees to; `publish`
 *     and reads at any time.
 *  3. What never came into the set because writing failed half-way is removed before the next change, and what left
 *     it before the next merge or drop: otherwise a block whose successor has gone in its turn could come back when
 *     the database is opened again.
 */

import { assert } from "../../model/assert.js";
import { StorageError } from "../../model/errors.js";
import type { Matcher } from "../../model/matcher.js";
import type { TimeRange } from "../../model/sample.js";
import type { BlockMeta } from "../block/block-meta.js";
import { BlockReader } from "../block/block-reader.js";
import { publishBlocks, publishBlocksAs } from "../block/block-writer.js";
import { inPrecedence } from "../block/open-blocks.js";
import { removeBlock } from "../block/remove-block.js";
import type { SeriesCache } from "../block/series-cache.js";
import type { UlidSource } from "../block/ulid.js";
import { assertRoom } from "../fs/assert-room.js";
import { blockPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";

export interface BlockSetParts {
  readonly blocks: readonly BlockReader[];
  /** That of the blocks, and of those that come. */
  readonly cache: SeriesCache;
  /** Gives greater names than those of the blocks, each greater than the one before. */
  readonly newUlid: UlidSource;
}

/** Blocks that left the set while somebody read them. */
interface Departure {
  readonly blocks: readonly BlockReader[];
  /** Whether they are still under their names in the directory. */
  readonly hasNames: boolean;
  /** Resolves when they are closed. Never rejects. */
  readonly departed: Promise<void>;
}

export class BlockSet {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #cache: SeriesCache;
  readonly #newUlid: UlidSource;
  #blocks: readonly BlockReader[];
  readonly #reads = new Set<Promise<unknown>>();
  /** ULIDs of directories that are to go, if they are there; nobody reads them. */
  readonly #leaving = new Set<string>();
  #lastPublication: Promise<unknown> = Promise.resolve();
  readonly #departures = new Set<Departure>();

  constructor(fileSystem: FileSystem, directory: string, { blocks, cache, newUlid }: BlockSetParts) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#blocks = inPrecedence(blocks);
    this.#cache = cache;
    this.#newUlid = newUlid;
  }

  /** In order of precedence. */
  get all(): readonly BlockReader[] {
    return this.#blocks;
  }

  /** Of the blocks that left the set and are still being read. */
  get leftSizeBytes(): number {
    const blocks = [...this.#departures].flatMap((departure) => departure.blocks);
    return blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Whether blocks that left the set have their names because they are still being read: no merge and no drop then. */
  get isRetiring(): boolean {
    return this.#retiring.length > 0;
  }

  /** Resolves when that is over for the blocks that have left the set by now. */
  async retired(): Promise<void> {
    await Promise.allSettled(this.#retiring.map(({ departed }) => departed));
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

  /**
   * Gives staged blocks names, later ones than all others have, and opens them; they appear together. One call waits
   * for the other, so that the order of names is the order in which blocks appear. When it rejects, none of them does.
   */
  publish(staged: readonly BlockMeta[]): Promise<void> {
    const published = this.#lastPublication.then(() => this.#publish(staged));
    this.#lastPublication = published.catch(() => undefined);
    return published;
  }

  async #publish(staged: readonly BlockMeta[]): Promise<void> {
    const ulids = staged.map(() => this.#newUlid());
    const opened: BlockReader[] = [];
    try {
      await publishBlocksAs(this.#fileSystem, this.#directory, staged, ulids);
      for (const ulid of ulids) opened.push(await this.#open(ulid));
    } catch (error) {
      await Promise.allSettled(opened.map((block) => block.close()));
      for (const ulid of ulids) this.#leaving.add(ulid);
      throw error;
    }
    this.#blocks = inPrecedence([...this.#blocks, ...opened]);
  }

  /**
   * Replaces blocks by one that holds the same without what was deleted, which `stage` writes under its temporary
   * name, or by none when that gives none: nothing is left. When it rejects before that, the blocks are as they were.
   * Rejects with DiskFullError before it begins when the sources would not fit a second time.
   */
  async compact(
    sources: readonly BlockReader[],
    ulid: string,
    stage: () => Promise<BlockMeta | undefined>,
  ): Promise<BlockMeta | undefined> {
    const neededBytes = sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await assertRoom(this.#fileSystem, this.#directory, { what: "a compaction", neededBytes });
    this.#leaving.add(ulid);
    const meta = await stage();
    if (meta !== undefined) await publishBlocks(this.#fileSystem, this.#directory, [meta]);
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
    const departed = [...this.#departures].map((departure) => departure.departed);
    await Promise.allSettled([...this.#reads, ...departed]);
    await Promise.allSettled(this.#blocks.map((block) => block.close()));
  }

  get #retiring(): readonly Departure[] {
    return [...this.#departures].filter(({ hasNames }) => hasNames);
  }

  async #replace(sources: readonly BlockReader[], result: BlockReader | undefined): Promise<void> {
    assert(!this.isRetiring, "what left the set before is gone");
    const staying = this.#blocks.filter((block) => !sources.includes(block));
    this.#blocks = inPrecedence(result === undefined ? staying : [...staying, result]);
    const reads = [...this.#reads];
    if (reads.length === 0) return this.#remove(sources);
    const hasNames = !(await this.#removeNames(sources));
    const departed = Promise.allSettled(reads)
      .then(() => (hasNames ? this.#remove(sources) : this.#closeAll(sources)))
      // The next change removes what could not be removed now.
      .catch(() => undefined)
      .finally(() => this.#departures.delete(departure));
    const departure: Departure = { blocks: sources, hasNames, departed };
    this.#departures.add(departure);
  }

  /** Whether the system lets the names of open files go. Their bytes go when they are closed. */
  async #removeNames(blocks: readonly BlockReader[]): Promise<boolean> {
    try {
      for (const { meta } of blocks) await removeBlock(this.#fileSystem, this.#directory, meta.ulid);
      return true;
    } catch (error) {
      if (error instanceof StorageError) return false;
      throw error;
    }
  }

  async #remove(blocks: readonly BlockReader[]): Promise<void> {
    for (const { meta } of blocks) this.#leaving.add(meta.ulid);
    await this.#closeAll(blocks);
    await this.removeLeaving();
  }

  async #closeAll(blocks: readonly BlockReader[]): Promise<void> {
    for (const block of blocks) await block.close();
  }

  #open(ulid: string): Promise<BlockReader> {
    return BlockReader.open(this.#fileSystem, blockPath(this.#directory, ulid), this.#cache);
  }
}
