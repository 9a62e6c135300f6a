/**
 * checkBlock: reads all of a block and names everything that is wrong with it, and what can still be read.
 *
 *   meta.json     decodes, names its own directory, and counts what is there
 *   index         every checksum; series in label order; postings that name these series, for all their labels
 *   chunks        every checksum; samples in order, from the first to the last time that the index says, and as
 *                 the block's range allows
 *   tombstones    the checksum; of series that exist
 *
 * Memory: the index, and the chunks of some hundred series.
 */

import { CorruptionError, NotImplementedError, TsdbError } from "../../model/errors.js";
import { Labels } from "../../model/labels.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import type { TimeRange } from "../../model/sample.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";
import { decodeChunk } from "../chunk/encode-chunks.js";
import { chunksPath, indexPath, metaPath, tombstonesPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { isNotFound } from "../fs/storage-failure.js";
import { IndexReader } from "../index/index-reader.js";
import { includes, type Postings } from "../index/postings.js";
import { type BlockMeta, blockTimeRange, decodeBlockMeta } from "./block-meta.js";
import { ChunkFileReader, type StoredChunk } from "./chunk-file-reader.js";
import { decodeTombstones } from "./tombstones.js";

export interface BlockProblem {
  readonly file: string;
  readonly offset: number | undefined;
  readonly message: string;
}

export interface CheckedBlock {
  readonly meta: BlockMeta | undefined;
  /** Series and samples that can be read. */
  readonly series: number;
  readonly samples: number;
  readonly problems: readonly BlockProblem[];
}

/** Chunks that are read at once. */
const batchChunksMax = 2048;
/** Broken series that are looked for in the postings: each takes going through all of them. */
const namedSeriesMax = 20;

export async function checkBlock(
  fileSystem: FileSystem,
  directory: string,
  ulid: string,
): Promise<CheckedBlock> {
  return new BlockCheck(fileSystem, directory).run(ulid);
}

interface IndexedChunk extends ChunkMeta {
  readonly labels: Labels;
}

class BlockCheck {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #problems: BlockProblem[] = [];
  #range: TimeRange | undefined;
  #series = 0;
  #samples = 0;
  #chunks = 0;

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
  }

  async run(ulid: string): Promise<CheckedBlock> {
    const metaFile = metaPath(this.#directory);
    const meta = await this.#attempt(metaFile, async () =>
      decodeBlockMeta(await this.#read(metaFile), metaFile),
    );
    if (meta !== undefined && meta.ulid !== ulid) this.#tell(metaFile, `it names the block ${meta.ulid}`);
    this.#range = meta && blockTimeRange(meta);
    const indexFile = indexPath(this.#directory);
    const index = await this.#attempt(indexFile, async () =>
      IndexReader.open(await this.#read(indexFile), indexFile),
    );
    const refs = index && (await this.#attempt(indexFile, async () => index.all()));
    const chunkFiles = await this.#attempt(chunksPath(this.#directory), () =>
      ChunkFileReader.open(this.#fileSystem, this.#directory),
    );
    if (index !== undefined && refs !== undefined) {
      const pairs = await this.#checkSeries(index, refs, chunkFiles);
      await this.#attempt(indexFile, async () => this.#checkPostings(index, refs, pairs));
      await this.#checkTombstones(refs);
    }
    await chunkFiles?.close();
    if (meta !== undefined && this.#problems.length === 0) this.#checkStats(meta);
    return { meta, series: this.#series, samples: this.#samples, problems: this.#problems };
  }

  /** Returns the number of label pairs of all series; undefined when one of them cannot be read. */
  async #checkSeries(
    index: IndexReader,
    refs: Postings,
    chunkFiles: ChunkFileReader | undefined,
  ): Promise<number | undefined> {
    let pairs = 0;
    let broken = 0;
    let previous: Labels | undefined;
    let batch: IndexedChunk[] = [];
    for (const ref of refs) {
      const lost = () => (broken < namedSeriesMax ? labelsInPostings(index, ref) : "a further series");
      const found = await this.#attempt(indexPath(this.#directory), async () => index.series(ref), lost);
      if (found === undefined) {
        broken++;
        continue;
      }
      const { labels, chunks } = found;
      if (previous !== undefined && previous.compare(labels) >= 0)
        this.#tell(indexPath(this.#directory), `the series ${labels} is not in label order`);
      previous = labels;
      pairs += labels.size;
      this.#series++;
      this.#checkBounds(labels, chunks);
      for (const chunk of chunks) batch.push({ labels, ...chunk });
      if (batch.length >= batchChunksMax) {
        await this.#checkChunks(batch, chunkFiles);
        batch = [];
      }
    }
    await this.#checkChunks(batch, chunkFiles);
    return broken === 0 ? pairs : undefined;
  }

  #checkBounds(labels: Labels, chunks: readonly ChunkMeta[]): void {
    const range = this.#range;
    if (range === undefined) return;
    if (chunks.some(({ minTime, maxTime }) => minTime < range.minTime || maxTime > range.maxTime))
      this.#tell(metaPath(this.#directory), `the series ${labels} has samples outside of the block's range`);
  }

  async #checkChunks(
    chunks: readonly IndexedChunk[],
    chunkFiles: ChunkFileReader | undefined,
  ): Promise<void> {
    if (chunkFiles === undefined) return;
    const sorted = chunks.toSorted((a, b) => a.ref - b.ref);
    const stored = await this.#readChunks(sorted, chunkFiles);
    for (const [i, chunk] of sorted.entries()) {
      const found = stored[i];
      if (found === undefined) continue;
      this.#chunks++;
      await this.#attempt(chunksPath(this.#directory), async () => checkSamples(chunk, found));
      this.#samples += found.count;
    }
  }

  /** All at once, or one by one when that fails; undefined for those that cannot be read. */
  async #readChunks(
    chunks: readonly IndexedChunk[],
    chunkFiles: ChunkFileReader,
  ): Promise<readonly (StoredChunk | undefined)[]> {
    try {
      return await chunkFiles.read(Float64Array.from(chunks, ({ ref }) => ref));
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
    }
    const stored: (StoredChunk | undefined)[] = [];
    for (const chunk of chunks) {
      const read = () => chunkFiles.read(Float64Array.of(chunk.ref));
      const found = await this.#attempt(chunksPath(this.#directory), read, () => contentOf(chunk));
      stored.push(found?.[0]);
    }
    return stored;
  }

  #checkPostings(index: IndexReader, refs: Postings, pairs: number | undefined): void {
    index.verifyPostings();
    let listed = 0;
    for (const name of index.labelNames()) {
      for (const value of index.labelValues(name)) {
        const postings = index.postings(name, value);
        listed += postings.length;
        for (const ref of postings)
          if (!includes(refs, ref))
            throw new CorruptionError(
              `the postings of ${name}=${value} name a series ${ref} that is not there`,
              {
                file: indexPath(this.#directory),
              },
            );
      }
    }
    if (pairs !== undefined && listed !== pairs)
      this.#tell(indexPath(this.#directory), `postings list ${listed} labels, but series have ${pairs}`);
  }

  async #checkTombstones(refs: Postings): Promise<void> {
    const file = tombstonesPath(this.#directory);
    const tombstones = await this.#attempt(file, async () => {
      try {
        return decodeTombstones(await this.#fileSystem.readFile(file), file);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    });
    for (const ref of tombstones?.keys() ?? [])
      if (!includes(refs, ref)) this.#tell(file, `there is no series ${ref} to have deleted samples`);
  }

  #checkStats({ stats }: BlockMeta): void {
    const counted = { numSamples: this.#samples, numSeries: this.#series, numChunks: this.#chunks };
    for (const name of ["numSamples", "numSeries", "numChunks"] as const)
      if (stats[name] !== counted[name])
        this.#tell(metaPath(this.#directory), `${name} is ${stats[name]}, but there are ${counted[name]}`);
  }

  async #read(path: string): Promise<Uint8Array> {
    return this.#fileSystem.readFile(path);
  }

  /**
   * What `read` gives; undefined, and a problem of `file` unless the error names another one, when it fails. `lost`
   * says what is lost with it.
   */
  async #attempt<T>(file: string, read: () => Promise<T>, lost?: () => string): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      const place = error instanceof CorruptionError ? error : undefined;
      const message = isNotFound(error) ? "the file is missing" : error.message;
      this.#tell(place?.file ?? file, lost === undefined ? message : `${message}: ${lost()}`, place?.offset);
      return undefined;
    }
  }

  #tell(file: string, message: string, offset?: number): void {
    this.#problems.push({ file, offset, message });
  }
}

/** Who a series is whose own entry cannot be read, for somebody who deletes it. */
export function labelsInPostings(index: IndexReader, ref: number): string {
  const pairs: [string, string][] = [];
  try {
    for (const name of index.labelNames())
      for (const value of index.labelValues(name))
        if (includes(index.postings(name, value), ref)) pairs.push([name, value]);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
  }
  return Labels.from(pairs).toString();
}

/** As somebody needs it who deletes what is lost. */
function contentOf({ labels, minTime, maxTime }: IndexedChunk): string {
  return `${labels} from ${formatRfc3339(minTime)} to ${formatRfc3339(maxTime)}`;
}

/** Chunks of encodings that we do not decode are good as far as their checksum goes. */
function checkSamples({ labels, minTime, maxTime, ref }: IndexedChunk, stored: StoredChunk): void {
  const fault = faultOf(stored, { minTime, maxTime });
  if (fault !== undefined) throw new CorruptionError(`the chunk ${ref} of ${labels} ${fault}`);
}

function faultOf({ encoding, count, bytes }: StoredChunk, range: TimeRange): string | undefined {
  try {
    const { times, length } = decodeChunk({ encoding, count, bytes, ...range });
    for (let i = 1; i < length; i++)
      if (times[i]! <= times[i - 1]!) return "has samples that are not in time order";
    if (times[0] !== range.minTime || times[length - 1] !== range.maxTime)
      return "has other first and last times than the index says";
  } catch (error) {
    if (error instanceof NotImplementedError) return undefined;
    throw error;
  }
  return undefined;
}
