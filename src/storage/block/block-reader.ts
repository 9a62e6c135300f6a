/**
 * BlockReader: one opened block, its index in memory and its chunk files open for reading.
 *
 * Invariants
 *  1. What was opened is verified as far as IndexReader and ChunkFileReader say; the rest when it is read.
 *  2. A block never changes, so any number of queriers may read it at once.
 */

import { CorruptionError } from "../../model/errors.js";
import type { Querier, Queryable } from "../../model/queryable.js";
import type { TimeRange } from "../../model/sample.js";
import { indexPath, metaPath, tombstonesPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { isNotFound } from "../fs/storage-failure.js";
import { IndexReader } from "../index/index-reader.js";
import { type BlockMeta, blockTimeRange, decodeBlockMeta } from "./block-meta.js";
import { BlockQuerier } from "./block-querier.js";
import { ChunkFileReader } from "./chunk-file-reader.js";
import { decodeTombstones, NO_TOMBSTONES, type Tombstones } from "./tombstones.js";

/** Series whose chunks are verified at once. */
const seriesPerRead = 1024;

export class BlockReader implements Queryable {
  readonly directory: string;
  readonly meta: BlockMeta;
  /** The block's times, both inclusive. */
  readonly range: TimeRange;
  readonly index: IndexReader;
  readonly tombstones: Tombstones;
  readonly chunks: ChunkFileReader;

  private constructor(
    directory: string,
    parts: { meta: BlockMeta; index: IndexReader; tombstones: Tombstones; chunks: ChunkFileReader },
  ) {
    this.directory = directory;
    this.meta = parts.meta;
    this.range = blockTimeRange(parts.meta);
    this.index = parts.index;
    this.tombstones = parts.tombstones;
    this.chunks = parts.chunks;
  }

  /** Throws CorruptionError with file and offset when the block is not whole. */
  static async open(fileSystem: FileSystem, directory: string): Promise<BlockReader> {
    const read = (path: string) => readPart(fileSystem, path);
    const meta = decodeBlockMeta(await read(metaPath(directory)), metaPath(directory));
    const index = new IndexReader(await read(indexPath(directory)), indexPath(directory));
    const tombstones = await readTombstones(fileSystem, tombstonesPath(directory));
    const chunks = await ChunkFileReader.open(fileSystem, directory);
    return new BlockReader(directory, { meta, index, tombstones, chunks });
  }

  /** Bytes of index and chunks. */
  get sizeBytes(): number {
    return this.index.sizeBytes + this.chunks.sizeBytes;
  }

  querier(range: TimeRange): Querier {
    return new BlockQuerier(this, range);
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
