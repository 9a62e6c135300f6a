/**
 * BlockReader: one opened block, its index in memory and its chunk files open for reading.
 *
 * Invariants
 *  1. What was opened is verified as far as IndexReader and ChunkFileReader say; the rest when it is read.
 *  2. A block never changes but for its tombstones, which are replaced as a whole: any number of queriers may
 *     read it at once.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { CorruptionError } from "../../model/errors.js";
import type { Matcher } from "../../model/matcher.js";
import type { Querier, Queryable } from "../../model/queryable.js";
import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";
import { isDeleted } from "../chunk/delete-samples.js";
import { writeFileAtomically } from "../fs/atomic-write.js";
import { indexPath, metaPath, tombstonesPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { isNotFound } from "../fs/storage-failure.js";
import { IndexReader } from "../index/index-reader.js";
import type { Postings } from "../index/postings.js";
import { selectPostings } from "../index/select-postings.js";
import { type BlockMeta, blockTimeRange, decodeBlockMeta } from "./block-meta.js";
import { BlockQuerier } from "./block-querier.js";
import { ChunkFileReader } from "./chunk-file-reader.js";
import { type BlockSeriesCache, SeriesCache } from "./series-cache.js";
import {
  addInterval,
  decodeTombstones,
  encodeTombstones,
  NO_TOMBSTONES,
  type Tombstones,
} from "./tombstones.js";
import { verifyChunkFiles } from "./verify-chunk-files.js";

/** Series that a deletion visits between two turns of the event loop: about 2 ms. */
const seriesPerTurn = 1024;
/** Series whose chunks are verified at once. */
const seriesPerRead = 1024;

export class BlockReader implements Queryable {
  readonly directory: string;
  readonly meta: BlockMeta;
  /** The block's times, both inclusive. */
  readonly range: TimeRange;
  readonly index: IndexReader;
  readonly chunks: ChunkFileReader;
  readonly cache: BlockSeriesCache;
  readonly #fileSystem: FileSystem;
  #tombstones: Tombstones;
  #deletedShare: number | undefined;

  private constructor(
    directory: string,
    parts: {
      readonly meta: BlockMeta;
      readonly index: IndexReader;
      readonly tombstones: Tombstones;
      readonly chunks: ChunkFileReader;
      readonly cache: BlockSeriesCache;
    },
    fileSystem: FileSystem,
  ) {
    this.#fileSystem = fileSystem;
    this.directory = directory;
    this.meta = parts.meta;
    this.range = blockTimeRange(parts.meta);
    this.index = parts.index;
    this.#tombstones = parts.tombstones;
    this.chunks = parts.chunks;
    this.cache = parts.cache;
  }

  /**
   * `cache` is shared by the blocks of a database. Throws CorruptionError with file and offset when the block is not
   * whole, as far as a short look tells.
   */
  static async open(
    fileSystem: FileSystem,
    directory: string,
    cache = new SeriesCache(),
  ): Promise<BlockReader> {
    const read = (path: string) => readPart(fileSystem, path);
    const meta = decodeBlockMeta(await read(metaPath(directory)), metaPath(directory));
    const index = await IndexReader.open(await read(indexPath(directory)), indexPath(directory));
    const tombstones = await readTombstones(fileSystem, tombstonesPath(directory));
    const chunks = await ChunkFileReader.open(fileSystem, directory);
    try {
      await verifyChunkFiles(index, chunks);
    } catch (error) {
      await chunks.close();
      throw error;
    }
    return new BlockReader(
      directory,
      { meta, index, tombstones, chunks, cache: cache.forBlock() },
      fileSystem,
    );
  }

  /** Bytes of index and chunks. */
  get sizeBytes(): number {
    return this.index.sizeBytes + this.chunks.sizeBytes;
  }

  get tombstones(): Tombstones {
    return this.#tombstones;
  }

  /** About how much of what the block holds its tombstones cover, from 0 to 1: series by series, in time. */
  async deletedShare(): Promise<number> {
    const tombstones = this.#tombstones;
    const share = this.#deletedShare ?? (await measureDeleted(this, tombstones));
    if (tombstones === this.#tombstones) this.#deletedShare = share;
    return share;
  }

  querier(range: TimeRange): Querier {
    return new BlockQuerier(this, range);
  }

  /**
   * Deletes the samples in `range` of the series that all matchers accept: durable, and gone for selects from then
   * on, when it resolves. When it rejects, they may be gone once the block is opened again. One call at a time.
   */
  async deleteSamples(matchers: readonly Matcher[], range: TimeRange): Promise<void> {
    if (rangesOverlap(this.range, range))
      await this.deleteSamplesOf(selectPostings(this.index, matchers), range);
  }

  /** As `deleteSamples`, for series by their refs in the index. */
  async deleteSamplesOf(refs: Postings, range: TimeRange): Promise<void> {
    const tombstones = new Map(this.#tombstones);
    let isChanged = false;
    for (const [i, ref] of refs.entries()) {
      if (i % seriesPerTurn === seriesPerTurn - 1) await nextTurn();
      const deleted = this.#clipped(ref, range);
      const known = tombstones.get(ref) ?? [];
      if (deleted === undefined || isDeleted(deleted, known)) continue;
      tombstones.set(ref, addInterval(known, deleted));
      isChanged = true;
    }
    if (!isChanged) return;
    const path = tombstonesPath(this.directory);
    await writeFileAtomically(this.#fileSystem, path, encodeTombstones(tombstones));
    this.#tombstones = tombstones;
    this.#deletedShare = undefined;
  }

  /**
   * The range as far as the series has chunks in it, or the block, where the index does not say as it is broken;
   * undefined when it has none.
   */
  #clipped(ref: number, range: TimeRange): TimeRange | undefined {
    const within = {
      minTime: Math.max(range.minTime, this.range.minTime),
      maxTime: Math.min(range.maxTime, this.range.maxTime),
    };
    if (isDeleted(this.range, [within])) return within;
    const chunks = this.#chunksOf(ref);
    if (chunks === undefined) return within;
    if (!chunks.some((chunk) => rangesOverlap(chunk, range))) return undefined;
    const minTime = Math.max(range.minTime, chunks[0]!.minTime);
    const maxTime = Math.min(range.maxTime, chunks.at(-1)!.maxTime);
    return { minTime, maxTime };
  }

  /** Undefined when the entry of the series is broken. */
  #chunksOf(ref: number): readonly ChunkMeta[] | undefined {
    try {
      return this.index.series(ref).chunks;
    } catch (error) {
      if (error instanceof CorruptionError) return undefined;
      throw error;
    }
  }

  /** Reads every list, series and chunk; throws CorruptionError for the first that is broken. */
  async verify(): Promise<void> {
    this.index.verify();
    const all = this.index.all();
    for (let from = 0; from < all.length; from += seriesPerRead) {
      const refs: number[] = [];
      for (const ref of all.subarray(from, from + seriesPerRead)) {
        for (const chunk of this.index.series(ref).chunks) refs.push(chunk.ref);
      }
      await this.chunks.read(Float64Array.from(refs).sort());
    }
  }

  /** Queriers of the block must not be used afterwards. */
  close(): Promise<void> {
    this.cache.close();
    return this.chunks.close();
  }
}

async function readPart(fileSystem: FileSystem, path: string): Promise<Uint8Array> {
  try {
    return await fileSystem.readFile(path);
  } catch (cause) {
    if (isNotFound(cause))
      throw new CorruptionError("a file of the block is missing", { file: path }, { cause });
    throw cause;
  }
}

async function readTombstones(fileSystem: FileSystem, path: string): Promise<Tombstones> {
  try {
    return decodeTombstones(await fileSystem.readFile(path), path);
  } catch (error) {
    if (isNotFound(error)) return NO_TOMBSTONES;
    throw error;
  }
}

/** The mean of the covered shares of the series. */
async function measureDeleted({ index, range }: BlockReader, tombstones: Tombstones): Promise<number> {
  let sum = 0;
  let visited = 0;
  for (const [ref, intervals] of tombstones) {
    if (++visited % seriesPerTurn === 0) await nextTurn();
    if (isDeleted(range, intervals)) {
      sum++;
      continue;
    }
    const { chunks } = index.series(ref);
    if (chunks.length === 0) continue;
    const [first, last] = [chunks[0]!.minTime, chunks.at(-1)!.maxTime];
    for (const { minTime, maxTime } of intervals) {
      const covered = Math.min(maxTime, last) - Math.max(minTime, first) + 1;
      sum += Math.max(0, covered) / (last - first + 1);
    }
  }
  return sum / Math.max(1, index.all().length);
}
