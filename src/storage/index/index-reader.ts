/**
 * IndexReader: answers from the index file of a block: postings, label values, series.
 *
 * The whole file is held in memory; strings, postings and series are decoded when they are asked for, and strings
 * and postings are kept.
 *
 * Invariants
 *  1. Magic, version, table of contents, and the checksums of symbols and postings offset table are verified when
 *     opened, in turns; a postings list and a series each time they are read. `verify` reads everything.
 *  2. What cannot be is a CorruptionError with file and offset, whatever the bytes are.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { CorruptionError } from "../../model/errors.js";
import { Labels } from "../../model/labels.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";
import { ByteReader } from "../codec/byte-reader.js";
import { checksumInTurns } from "../codec/checksum-in-turns.js";
import type { IndexedSeries } from "./index-content.js";
import {
  INDEX_HEADER_SIZE_BYTES,
  INDEX_MAGIC,
  INDEX_VERSION,
  type IndexToc,
  SERIES_ALIGNMENT_BYTES,
  TOC_SIZE_BYTES,
} from "./index-format.js";
import { NO_POSTINGS, type Postings } from "./postings.js";
import { PostingsOffsets } from "./postings-offsets.js";
import type { PostingsSource } from "./select-postings.js";
import { SymbolTable } from "./symbols.js";

export class IndexReader implements PostingsSource {
  readonly #bytes: Uint8Array;
  readonly #file: string;
  /** Of the whole file. Every read seeks first. */
  readonly #reader: ByteReader;
  readonly #toc: IndexToc;
  readonly #symbols: SymbolTable;
  readonly #offsets: PostingsOffsets;
  readonly #names: readonly string[];
  /** By offset, those that were asked for: never more than the file's own bytes. */
  readonly #postings = new Map<number, Postings>();

  private constructor(file: IndexFile, symbols: SymbolTable, offsets: PostingsOffsets) {
    this.#bytes = file.bytes;
    this.#file = file.name;
    this.#reader = new ByteReader(file.bytes, { file: file.name });
    this.#toc = file.toc;
    this.#symbols = symbols;
    this.#offsets = offsets;
    this.#names = offsets.names().filter((name) => name !== "");
  }

  /** Takes the file's content, which must not change. Throws CorruptionError. */
  static async open(bytes: Uint8Array, name: string): Promise<IndexReader> {
    const toc = readToc(bytes, name);
    const file: IndexFile = { bytes, name, toc };
    const symbols = await SymbolTable.open(await openSection(file, toc.symbols));
    const table = toc.postingsOffsets === 0 ? emptyTable() : await openSection(file, toc.postingsOffsets);
    const offsets = await PostingsOffsets.open(table);
    return new IndexReader(file, symbols, offsets);
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  all(): Postings {
    return this.postings("", "");
  }

  postings(name: string, value: string): Postings {
    const offset = this.#offsets.of(name, value);
    if (offset === undefined) return NO_POSTINGS;
    let postings = this.#postings.get(offset);
    if (postings === undefined) {
      postings = this.#readPostings(offset);
      this.#postings.set(offset, postings);
    }
    return postings;
  }

  labelValues(name: string): readonly string[] {
    return this.#offsets.values(name);
  }

  labelValueCount(name: string): number {
    return this.#offsets.valueCount(name);
  }

  labelNames(): readonly string[] {
    return this.#names;
  }

  /** The series that a ref of this index stands for. */
  series(ref: number): IndexedSeries {
    const end = this.#enterSeries(ref);
    const labels = this.#readLabels();
    const chunks = readChunkMetas(this.#reader);
    if (this.#reader.position !== end) throw this.#reader.corruption("a series does not end where it should");
    return { labels, chunks };
  }

  /** Only the labels of a series. */
  labels(ref: number): Labels {
    this.#enterSeries(ref);
    return this.#readLabels();
  }

  /** Reads every postings list and every series; throws CorruptionError for the first that is broken. */
  verify(): void {
    this.verifyPostings();
    for (const ref of this.all()) this.series(ref);
  }

  /** Reads every postings list; throws CorruptionError for the first that is broken. */
  verifyPostings(): void {
    for (const offset of this.#offsets.all()) this.#readPostings(offset);
  }

  #readPostings(offset: number): Postings {
    const reader = this.#reader;
    const end = this.#enterSection(offset);
    const count = reader.u32();
    if (reader.position + count * 4 !== end)
      throw reader.corruption(`${count} refs do not fill their section`);
    const refs = reader.u32s(count);
    for (let i = 1; i < count; i++) {
      if (refs[i]! <= refs[i - 1]!) throw reader.corruption("the refs of postings do not increase");
    }
    return refs;
  }

  #readLabels(): Labels {
    const count = this.#reader.uvarint32();
    const names: string[] = [];
    const values: string[] = [];
    for (let i = 0; i < count; i++) {
      names.push(this.#symbols.get(this.#reader.uvarint32()));
      values.push(this.#symbols.get(this.#reader.uvarint32()));
    }
    return Labels.fromSorted(names, values);
  }

  /** Goes to the body of a series' entry and returns its end. */
  #enterSeries(ref: number): number {
    const start = ref * SERIES_ALIGNMENT_BYTES;
    if (start < this.#toc.series || start >= this.#bytes.length)
      throw new CorruptionError(`there is no series ${ref}`, { file: this.#file, offset: start });
    this.#reader.seek(start);
    return this.#enter(this.#reader.uvarint32());
  }

  /** Goes to the body of the section at `offset` and returns its end. */
  #enterSection(offset: number): number {
    if (offset < INDEX_HEADER_SIZE_BYTES || offset >= this.#bytes.length)
      throw new CorruptionError("a section is outside of the file", { file: this.#file, offset });
    this.#reader.seek(offset);
    return this.#enter(this.#reader.u32());
  }

  /** Verifies the checksum of the next `length` bytes and goes back to where they begin; returns their end. */
  #enter(length: number): number {
    const reader = this.#reader;
    const start = reader.position;
    const body = reader.subarray(length);
    const isIntact = reader.u32() === crc32c(body);
    reader.seek(start);
    if (!isIntact) throw reader.corruption("a checksum of the index is wrong");
    return start + length;
  }
}

/** An index file of which the table of contents is known. */
interface IndexFile {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly toc: IndexToc;
}

/** A postings offset table without entries. */
function emptyTable(): ByteReader {
  return new ByteReader(new Uint8Array(4));
}

/** The body of the section at `offset` by itself, its checksum verified. */
async function openSection({ bytes, name: file }: IndexFile, offset: number): Promise<ByteReader> {
  if (offset < INDEX_HEADER_SIZE_BYTES || offset >= bytes.length)
    throw new CorruptionError("a section is outside of the file", { file, offset });
  const reader = new ByteReader(bytes, { file });
  reader.seek(offset);
  const length = reader.u32();
  const start = reader.position;
  const body = reader.subarray(length);
  if (reader.u32() !== (await checksumInTurns(body)))
    throw new CorruptionError("a checksum of the index is wrong", { file, offset: start });
  return new ByteReader(body, { file, offset: start });
}

function readToc(bytes: Uint8Array, file: string): IndexToc {
  if (bytes.length < INDEX_HEADER_SIZE_BYTES + TOC_SIZE_BYTES)
    throw new CorruptionError("the index is too short to be one", { file });
  const header = new ByteReader(bytes, { file });
  if (header.u32() !== INDEX_MAGIC) throw new CorruptionError("this is no index file", { file, offset: 0 });
  const version = header.u8();
  if (version !== INDEX_VERSION)
    throw new CorruptionError(`the index has version ${version}, not ${INDEX_VERSION}`, { file, offset: 4 });
  const offset = bytes.length - TOC_SIZE_BYTES;
  const reader = new ByteReader(bytes.subarray(offset), { file, offset });
  const toc = {
    symbols: reader.u64(),
    series: reader.u64(),
    labelIndices: reader.u64(),
    labelIndicesTable: reader.u64(),
    postings: reader.u64(),
    postingsOffsets: reader.u64(),
  };
  if (reader.u32() !== crc32c(bytes.subarray(offset, offset + TOC_SIZE_BYTES - 4)))
    throw new CorruptionError("the table of contents has a wrong checksum", { file, offset });
  return toc;
}

function readChunkMetas(body: ByteReader): readonly ChunkMeta[] {
  const chunks: ChunkMeta[] = [];
  const count = body.uvarint32();
  for (let i = 0; i < count; i++) {
    const before = chunks[i - 1];
    const minTime = before === undefined ? body.varint() : before.maxTime + body.uvarint();
    const maxTime = minTime + body.uvarint();
    const ref = before === undefined ? body.uvarint() : before.ref + body.varint();
    chunks.push({ ref, minTime, maxTime });
  }
  return chunks;
}
