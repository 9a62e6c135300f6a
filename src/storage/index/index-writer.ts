/**
 * writeIndex: the index file of a block, in one pass from front to back.
 *
 * Memory: symbols, postings and the offset table of the block; entries are handed on as they are made.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32c } from "../../kernels/crc32c.js";
import { assert } from "../../model/assert.js";
import type { Labels } from "../../model/labels.js";
import type { SeriesRef } from "../../model/series.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";
import { ByteWriter } from "../codec/byte-writer.js";
import {
  INDEX_MAGIC,
  INDEX_VERSION,
  type IndexToc,
  POSTINGS_KEY_PARTS,
  SECTION_ALIGNMENT_BYTES,
  SERIES_ALIGNMENT_BYTES,
} from "./index-format.js";
import { MemoryPostings } from "./memory-postings.js";
import type { Postings } from "./postings.js";
import { collectSymbols, encodeSymbols } from "./symbols.js";

/** Series or postings written between two turns of the event loop. */
const entriesPerTurn = 4096;

/** One series with its chunks in time order, not overlapping. */
export interface IndexedSeries {
  readonly labels: Labels;
  readonly chunks: readonly ChunkMeta[];
}

/** `series` in label order; `write` appends to the file, and the bytes are reused after it resolves. */
export async function writeIndex(
  series: readonly IndexedSeries[],
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const out = new SectionWriter(write);
  out.writer.u32(INDEX_MAGIC);
  out.writer.u8(INDEX_VERSION);
  const symbols = await collectSymbols(labelSetsOf(series));
  const symbolsStart = await out.section((body) => encodeSymbols(symbols, body));
  const seriesStart = out.position;
  const postings = await writeSeries(series, symbols, out);
  await out.align(SECTION_ALIGNMENT_BYTES);
  const postingsStart = out.position;
  const offsets = await writePostings(postings, out);
  const offsetsStart = await out.section((body) => encodeOffsets(offsets, body));
  out.writeToc({
    symbols: symbolsStart,
    series: seriesStart,
    labelIndices: postingsStart,
    labelIndicesTable: offsetsStart,
    postings: postingsStart,
    postingsOffsets: offsetsStart,
  });
  await out.flush();
}

function* labelSetsOf(series: readonly IndexedSeries[]): Generator<Labels> {
  for (const { labels } of series) yield labels;
}

async function writeSeries(
  series: readonly IndexedSeries[],
  symbols: ReadonlyMap<string, number>,
  out: SectionWriter,
): Promise<MemoryPostings> {
  const postings = new MemoryPostings();
  const body = new ByteWriter(1024);
  for (const [i, each] of series.entries()) {
    assert(
      i === 0 || series[i - 1]!.labels.compare(each.labels) < 0,
      "series come in label order, each once",
    );
    if (i % entriesPerTurn === entriesPerTurn - 1) await nextTurn();
    await out.align(SERIES_ALIGNMENT_BYTES);
    const ref = out.position / SERIES_ALIGNMENT_BYTES;
    assert(ref <= 0xffffffff, "an index file is below 64 GiB");
    body.clear();
    encodeSeries(each, symbols, body);
    out.writer.uvarint32(body.length);
    out.writer.bytes(body.view());
    out.writer.u32(crc32c(body.view()));
    postings.add(ref as SeriesRef, each.labels);
  }
  return postings;
}

function encodeSeries(
  { labels, chunks }: IndexedSeries,
  symbols: ReadonlyMap<string, number>,
  body: ByteWriter,
): void {
  body.uvarint32(labels.size);
  for (let i = 0; i < labels.size; i++) {
    body.uvarint32(symbols.get(labels.nameAt(i))!);
    body.uvarint32(symbols.get(labels.valueAt(i))!);
  }
  body.uvarint32(chunks.length);
  for (const [i, chunk] of chunks.entries()) {
    const before = chunks[i - 1];
    assert(
      before === undefined || chunk.minTime > before.maxTime,
      "chunks come in time order, not overlapping",
    );
    if (before === undefined) body.varint(chunk.minTime);
    else body.uvarint(chunk.minTime - before.maxTime);
    body.uvarint(chunk.maxTime - chunk.minTime);
    if (before === undefined) body.uvarint(chunk.ref);
    else body.varint(chunk.ref - before.ref);
  }
}

/** Where the postings of a label pair begin. */
interface PostingsOffset {
  readonly name: string;
  readonly value: string;
  readonly offset: number;
}

async function writePostings(
  postings: MemoryPostings,
  out: SectionWriter,
): Promise<readonly PostingsOffset[]> {
  const offsets: PostingsOffset[] = [];
  const write = async (name: string, value: string, refs: Postings) => {
    if (offsets.length % entriesPerTurn === entriesPerTurn - 1) await nextTurn();
    offsets.push({ name, value, offset: await out.section((body) => encodePostings(refs, body)) });
  };
  await write("", "", postings.all());
  for (const name of postings.labelNames()) {
    for (const value of postings.labelValues(name)) await write(name, value, postings.postings(name, value));
  }
  return offsets;
}

function encodePostings(refs: Postings, body: ByteWriter): void {
  body.u32(refs.length);
  for (const ref of refs) body.u32(ref);
}

function encodeOffsets(offsets: readonly PostingsOffset[], body: ByteWriter): void {
  body.u32(offsets.length);
  for (const { name, value, offset } of offsets) {
    body.u8(POSTINGS_KEY_PARTS);
    body.string(name);
    body.string(value);
    body.uvarint(offset);
  }
}

const flushSizeBytes = 256 * 1024;

/** Frames sections, knows the position in the file, and hands full buffers on. */
class SectionWriter {
  /** For what stands outside of sections. */
  readonly writer = new ByteWriter(flushSizeBytes);
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  #flushed = 0;

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  get position(): number {
    return this.#flushed + this.writer.length;
  }

  /** Writes length, body and checksum at the next aligned position, which it returns. */
  async section(encode: (body: ByteWriter) => void): Promise<number> {
    await this.align(SECTION_ALIGNMENT_BYTES);
    const start = this.position;
    const lengthAt = this.writer.length;
    this.writer.u32(0);
    encode(this.writer);
    const body = this.writer.view().subarray(lengthAt + 4);
    this.writer.patchU32(lengthAt, body.length);
    this.writer.u32(crc32c(body));
    return start;
  }

  /** Pads with zeros; hands the buffer on when it is full. */
  async align(alignmentBytes: number): Promise<void> {
    this.writer.zeros((alignmentBytes - (this.position % alignmentBytes)) % alignmentBytes);
    if (this.writer.length >= flushSizeBytes) await this.flush();
  }

  writeToc(toc: IndexToc): void {
    const start = this.writer.length;
    for (const position of [
      toc.symbols,
      toc.series,
      toc.labelIndices,
      toc.labelIndicesTable,
      toc.postings,
      toc.postingsOffsets,
    ])
      this.writer.u64(position);
    this.writer.u32(crc32c(this.writer.view().subarray(start)));
  }

  async flush(): Promise<void> {
    await this.#write(this.writer.view());
    this.#flushed += this.writer.length;
    this.writer.clear();
  }
}
