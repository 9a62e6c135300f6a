/**
 * ChunkFileReader: reads chunks from the segment files of a block, many at once, each checksum verified.
 *
 * The layout stands in block-format.ts. The chunks of one stretch share their bytes, which are not much more than
 * theirs. Chunks that borrow their times (shared-times.ts) are returned with them.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { CorruptionError, QueryCanceledError } from "../../model/errors.js";
import { ByteReader } from "../codec/byte-reader.js";
import { CHUNKS_NAME, chunkFileOfName, chunkFilePath, joinPath } from "../fs/data-directory.js";
import type { FileSystem, ReadableFile } from "../fs/file-system.js";
import { isNotFound } from "../fs/storage-failure.js";
import {
  CHUNK_FRAME_SIZE_BYTES,
  CHUNK_LENGTH_SIZE_BYTES_MAX,
  CHUNKS_HEADER_SIZE_BYTES,
  CHUNKS_MAGIC,
  CHUNKS_VERSION,
  chunkRefOffset,
  chunkRefSegment,
} from "./block-format.js";
import { type ChunkRead, planChunkReads } from "./plan-chunk-reads.js";
import { TimesBorrowing } from "./times-borrowing.js";

/** A chunk as stored; its times stand in the index. */
export interface StoredChunk {
  readonly encoding: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

export interface ReadOptions {
  readonly reserveBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Segment {
  readonly path: string;
  readonly file: ReadableFile;
}

export class ChunkFileReader {
  readonly #blockDirectory: string;
  readonly #segments: readonly Segment[];
  readonly #borrowing = new TimesBorrowing((refs) => this.#readFrames(refs));

  private constructor(blockDirectory: string, segments: readonly Segment[]) {
    this.#blockDirectory = blockDirectory;
    this.#segments = segments;
  }

  /** Opens all segments and verifies their headers. */
  static async open(fileSystem: FileSystem, blockDirectory: string): Promise<ChunkFileReader> {
    const segments: Segment[] = [];
    try {
      const names = await listChunkFiles(fileSystem, joinPath(blockDirectory, CHUNKS_NAME));
      const numbers = names.map(chunkFileOfName).filter((number) => number !== undefined);
      for (const [i, number] of numbers.entries()) {
        const path = chunkFilePath(blockDirectory, i + 1);
        if (number !== i + 1) throw new CorruptionError("a chunk file is missing", { file: path });
        segments.push({ path, file: await fileSystem.openForRead(path) });
        await verifyHeader(segments[i]!);
      }
      return new ChunkFileReader(blockDirectory, segments);
    } catch (error) {
      for (const { file } of segments) await file.close();
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, { file }) => sum + file.size, 0);
  }

  /** The chunks at `refs`, which are in increasing order, in that order. */
  async read(
    refs: Float64Array,
    { reserveBytes, signal }: ReadOptions = {},
  ): Promise<readonly StoredChunk[]> {
    const reads = this.#plan(refs);
    reserveBytes?.(reads.reduce((sum, { start, end }) => sum + end - start, 0));
    const chunks: StoredChunk[] = [];
    for (const read of reads) {
      if (signal?.aborted) throw new QueryCanceledError("the query was canceled");
      const { refs } = read;
      const { path: file } = this.#segmentOf(refs[0]!);
      const frames = await this.#readStretch(read);
      const whole = await this.#borrowing.wholeChunks(frames, { file, refs, reserveBytes });
      for (const chunk of whole ?? withoutGaps(frames, read.end - read.start)) chunks.push(chunk);
    }
    return chunks;
  }

  /** Throws CorruptionError when the chunk at `ref` does not lie within its file. Reads its length only. */
  async verifyPlace(ref: number): Promise<void> {
    await frameSize(this.#segmentOf(ref), chunkRefOffset(ref));
  }

  async close(): Promise<void> {
    for (const { file } of this.#segments) await file.close();
  }

  #segmentOf(ref: number): Segment {
    const segment = this.#segments[chunkRefSegment(ref)];
    if (segment !== undefined) return segment;
    const file = chunkFilePath(this.#blockDirectory, chunkRefSegment(ref) + 1);
    throw new CorruptionError("the index names a chunk file that does not exist", { file });
  }

  #plan(refs: Float64Array): readonly ChunkRead[] {
    const sizes = this.#segments.map(({ file }) => file.size);
    return planChunkReads(refs, sizes);
  }

  /** As they stand in the files; `refs` in increasing order. */
  async #readFrames(refs: Float64Array): Promise<readonly StoredChunk[]> {
    const frames: StoredChunk[] = [];
    for (const read of this.#plan(refs)) frames.push(...(await this.#readStretch(read)));
    return frames;
  }

  async #readStretch({ start, end, refs }: ChunkRead): Promise<readonly StoredChunk[]> {
    const { path, file } = this.#segmentOf(refs[0]!);
    const reader = new ByteReader(await readFully(file, start, end - start), { file: path, offset: start });
    const chunks: StoredChunk[] = [];
    for (const ref of refs) {
      const offset = chunkRefOffset(ref);
      chunks.push(readFrame(reader, offset - start) ?? (await readLongFrame({ path, file }, offset)));
    }
    return chunks;
  }
}

/** A directory that is missing is as bad as the files in it. */
async function listChunkFiles(fileSystem: FileSystem, path: string): Promise<readonly string[]> {
  try {
    return await fileSystem.list(path);
  } catch (cause) {
    if (isNotFound(cause))
      throw new CorruptionError("a part of the block is missing", { file: path }, { cause });
    throw cause;
  }
}

/** The chunks in a buffer of their own, if they are less than half of the stretch that they would keep in memory. */
function withoutGaps(chunks: readonly StoredChunk[], stretchSizeBytes: number): readonly StoredChunk[] {
  const sizeBytes = chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (sizeBytes * 2 > stretchSizeBytes) return chunks;
  const room = new Uint8Array(sizeBytes);
  let end = 0;
  return chunks.map(({ encoding, count, bytes }) => {
    room.set(bytes, end);
    end += bytes.length;
    return { encoding, count, bytes: room.subarray(end - bytes.length, end) };
  });
}

async function verifyHeader({ path, file }: Segment): Promise<void> {
  const header = new ByteReader(await readFully(file, 0, CHUNKS_HEADER_SIZE_BYTES), { file: path });
  if (header.u32() !== CHUNKS_MAGIC)
    throw new CorruptionError("this is no chunk file", { file: path, offset: 0 });
  const version = header.u8();
  if (version !== CHUNKS_VERSION)
    throw new CorruptionError(`the chunk file has version ${version}, not ${CHUNKS_VERSION}`, {
      file: path,
      offset: 4,
    });
}

/** Up to `length` bytes: fewer only at the end of the file. */
async function readFully(file: ReadableFile, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await file.read(bytes, position));
}

/** The chunk that begins at `position`; undefined when the bytes end before it does. */
function readFrame(reader: ByteReader, position: number): StoredChunk | undefined {
  reader.seek(Math.min(position, reader.length));
  // A whole chunk is longer than the longest length field.
  if (reader.remaining < CHUNK_LENGTH_SIZE_BYTES_MAX) return undefined;
  const length = reader.uvarint32();
  if (reader.remaining < length + CHUNK_FRAME_SIZE_BYTES) return undefined;
  const checked = reader.subarray(1 + length);
  const isIntact = reader.u32() === crc32c(checked);
  // Every encoding begins with the number of samples.
  const count = (checked[1]! << 8) | checked[2]!;
  if (isIntact && length >= 2 && count > 0)
    return { encoding: checked[0]!, count, bytes: checked.subarray(1) };
  reader.seek(position);
  throw reader.corruption(isIntact ? "a chunk has no samples" : "the checksum of a chunk is wrong");
}

/** Reads a chunk that is longer than was planned for, first its length, then all of it. */
async function readLongFrame(segment: Segment, offset: number): Promise<StoredChunk> {
  const place = { file: segment.path, offset };
  const bytes = await readFully(segment.file, offset, await frameSize(segment, offset));
  const chunk = readFrame(new ByteReader(bytes, place), 0);
  if (chunk === undefined) throw new CorruptionError("a chunk file has become shorter", place);
  return chunk;
}

/** The size of the chunk at `offset`, which lies wholly within its file. */
async function frameSize({ path, file }: Segment, offset: number): Promise<number> {
  const place = { file: path, offset };
  const head = new ByteReader(await readFully(file, offset, CHUNK_LENGTH_SIZE_BYTES_MAX), place);
  const length = head.uvarint32();
  const sizeBytes = head.position + length + CHUNK_FRAME_SIZE_BYTES;
  if (offset + sizeBytes > file.size)
    throw new CorruptionError("a chunk ends behind the end of its file", place);
  return sizeBytes;
}
