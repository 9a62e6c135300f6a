/**
 * ChunkFileWriter: writes the chunks of a block into segment files. The layout stands in block-format.ts.
 */

import { crc32c } from "../../kernels/crc32c.js";
import type { EncodedChunk } from "../../model/series.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";
import { ByteWriter } from "../codec/byte-writer.js";
import { chunkFilePath } from "../fs/data-directory.js";
import type { FileSystem, WritableFile } from "../fs/file-system.js";
import {
  CHUNK_FRAME_SIZE_BYTES,
  CHUNK_LENGTH_SIZE_BYTES_MAX,
  CHUNK_SEGMENT_SIZE_BYTES_MAX,
  CHUNKS_MAGIC,
  CHUNKS_VERSION,
  chunkRef,
} from "./block-format.js";
import { type FramedChunk, TimesLenders } from "./shared-times.js";

const flushSizeBytes = 1024 * 1024;

export class ChunkFileWriter {
  readonly #fileSystem: FileSystem;
  readonly #blockDirectory: string;
  readonly #segmentSizeBytesMax: number;
  readonly #buffer = new ByteWriter(flushSizeBytes);
  /** Of the open segment. */
  readonly #lenders = new TimesLenders();
  #file: WritableFile | undefined;
  #segment = -1;
  #sizeBytes = 0;

  /** The block's chunks directory must exist. A smaller segment size is for tests. */
  constructor(
    fileSystem: FileSystem,
    blockDirectory: string,
    segmentSizeBytesMax: number = CHUNK_SEGMENT_SIZE_BYTES_MAX,
  ) {
    this.#fileSystem = fileSystem;
    this.#blockDirectory = blockDirectory;
    this.#segmentSizeBytesMax = segmentSizeBytesMax;
  }

  /** Bytes of all segments. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Writes the chunks of one series and returns where they are. */
  async write(chunks: readonly EncodedChunk[]): Promise<readonly ChunkMeta[]> {
    const metas: ChunkMeta[] = [];
    for (const chunk of chunks) {
      const sizeBytesMax = CHUNK_LENGTH_SIZE_BYTES_MAX + CHUNK_FRAME_SIZE_BYTES + chunk.bytes.length;
      if (this.#file === undefined || this.#offset + sizeBytesMax > this.#segmentSizeBytesMax)
        await this.#openSegment();
      metas.push({
        ref: chunkRef(this.#segment, this.#offset),
        minTime: chunk.minTime,
        maxTime: chunk.maxTime,
      });
      this.#frame(this.#lenders.framed(chunk, this.#offset));
      if (this.#buffer.length >= flushSizeBytes) await this.#flush();
    }
    return metas;
  }

  /** Writes what is buffered and makes the last segment durable. */
  async finish(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    await this.#flush();
    await file.sync();
    await this.close();
    this.#sizeBytes += file.size;
  }

  /** Closes the open segment, finished or not. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  get #offset(): number {
    return this.#file!.size + this.#buffer.length;
  }

  async #openSegment(): Promise<void> {
    await this.finish();
    this.#segment++;
    this.#lenders.clear();
    this.#file = await this.#fileSystem.create(chunkFilePath(this.#blockDirectory, this.#segment + 1));
    this.#buffer.u32(CHUNKS_MAGIC);
    this.#buffer.u8(CHUNKS_VERSION);
    this.#buffer.zeros(3);
  }

  #frame({ encoding, bytes }: FramedChunk): void {
    this.#buffer.uvarint32(bytes.length);
    const checkedFrom = this.#buffer.length;
    this.#buffer.u8(encoding);
    this.#buffer.bytes(bytes);
    this.#buffer.u32(crc32c(this.#buffer.view().subarray(checkedFrom)));
  }

  async #flush(): Promise<void> {
    await this.#file!.write(this.#buffer.view());
    this.#buffer.clear();
  }
}
