/**
 * writeIndex: the index file of a block, in one pass from front to back.
 *
 * Memory: the content, the order of its texts and label pairs, and the section that is being written.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32c } from "../../kernels/crc32c.js";
import { assert } from "../../model/assert.js";
import { compareText } from "../../model/text-order.js";
import { ByteWriter } from "../codec/byte-writer.js";
import { checksumInTurns } from "../codec/checksum-in-turns.js";
import type { IndexContent } from "./index-content.js";
import {
  INDEX_MAGIC,
  INDEX_VERSION,
  type IndexToc,
  POSTINGS_KEY_PARTS,
  SECTION_ALIGNMENT_BYTES,
  SERIES_ALIGNMENT_BYTES,
} from "./index-format.js";
import { type LabelPairs, sortLabelPairs } from "./label-pairs.js";
import { sortInTurns } from "./sort-in-turns.js";

/** Series, texts or offsets written between two turns of the event loop. */
const entriesPerTurn = 4096;
/** Refs of postings lists written between two turns; a list by itself counts as some. */
const refsPerTurn = 1 << 16;
const refsPerList = 16;

/** `write` appends to the file, and the bytes are reused after it resolves. */
export async function writeIndex(
  content: IndexContent,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const out = new SectionWriter(write);
  out.writer.u32(INDEX_MAGIC);
  out.writer.u8(INDEX_VERSION);
  const idsInOrder = await sortTexts(content.texts);
  const symbols = await out.section((body) => encodeSymbols(content.texts, idsInOrder, body));
  const ranks = inverted(idsInOrder);
  const series = out.position;
  const refs = await writeSeries(content, ranks, out);
  await out.align(SECTION_ALIGNMENT_BYTES);
  const postings = out.position;
  const pairs = await sortLabelPairs(content, ranks);
  const offsets = await writePostings(pairs, refs, out);
  const postingsOffsets = await out.section((body) => encodeOffsets(content.texts, pairs, offsets, body));
  // Where the label indices of older writers would stand: see index-format.ts.
  const absent = { labelIndices: postings, labelIndicesTable: postingsOffsets };
  out.writeToc({ symbols, series, postings, postingsOffsets, ...absent });
  await out.flush();
}

/** The symbol ids in the byte order of their texts. */
function sortTexts(texts: readonly string[]): Promise<Uint32Array> {
  const ids = new Uint32Array(texts.length);
  for (let id = 0; id < ids.length; id++) ids[id] = id;
  return sortInTurns(ids, (a, b) => compareText(texts[a]!, texts[b]!));
}

/** For each number of a permutation, its place. */
function inverted(order: Uint32Array): Uint32Array {
  const places = new Uint32Array(order.length);
  for (let place = 0; place < order.length; place++) places[order[place]!] = place;
  return places;
}

async function encodeSymbols(
  texts: readonly string[],
  idsInOrder: Uint32Array,
  body: ByteWriter,
): Promise<void> {
  body.u32(texts.length);
  for (let rank = 0; rank < idsInOrder.length; rank++) {
    if (rank % entriesPerTurn === entriesPerTurn - 1) await nextTurn();
    body.string(texts[idsInOrder[rank]!]!);
  }
}

/** Returns the refs of the series. */
async function writeSeries(
  content: IndexContent,
  ranks: Uint32Array,
  out: SectionWriter,
): Promise<Uint32Array> {
  const refs = new Uint32Array(content.seriesCount);
  const body = new ByteWriter(1024);
  for (let series = 0; series < refs.length; series++) {
    if (series % entriesPerTurn === entriesPerTurn - 1) await nextTurn();
    await out.align(SERIES_ALIGNMENT_BYTES);
    const ref = out.position / SERIES_ALIGNMENT_BYTES;
    assert(ref <= 0xffffffff, "an index file is below 64 GiB");
    refs[series] = ref;
    body.clear();
    encodeLabels(content, series, ranks, body);
    encodeChunks(content, series, body);
    out.writer.uvarint32(body.length);
    out.writer.bytes(body.view());
    out.writer.u32(crc32c(body.view()));
  }
  return refs;
}

function encodeLabels(content: IndexContent, series: number, ranks: Uint32Array, body: ByteWriter): void {
  const { labelIds } = content;
  const end = content.labelsEnd(series);
  const start = content.labelsEnd(series - 1);
  body.uvarint32((end - start) / 2);
  for (let at = start; at < end; at++) body.uvarint32(ranks[labelIds[at]!]!);
}

function encodeChunks(content: IndexContent, series: number, body: ByteWriter): void {
  const { chunks } = content;
  const end = content.chunksEnd(series);
  const start = content.chunksEnd(series - 1);
  body.uvarint32((end - start) / 3);
  let maxTimeBefore = -Infinity;
  let refBefore = 0;
  for (let at = start; at < end; at += 3) {
    const minTime = chunks[at]!;
    const maxTime = chunks[at + 1]!;
    const ref = chunks[at + 2]!;
    assert(minTime > maxTimeBefore, "chunks come in time order, not overlapping");
    if (at === start) body.varint(minTime);
    else body.uvarint(minTime - maxTimeBefore);
    body.uvarint(maxTime - minTime);
    if (at === start) body.uvarint(ref);
    else body.varint(ref - refBefore);
    maxTimeBefore = maxTime;
    refBefore = ref;
  }
}

/** Returns where the list of all series begins, and the list of each pair. */
async function writePostings(
  pairs: LabelPairs,
  refs: Uint32Array,
  out: SectionWriter,
): Promise<readonly number[]> {
  const write = (count: number, refAt: (place: number) => number) =>
    out.section((body) => encodePostings(count, refAt, body));
  const offsets = [await write(refs.length, (place) => refs[place]!)];
  let work = 0;
  for (const { from, to } of pairs) {
    work += refsPerList + to - from;
    if (work >= refsPerTurn) {
      work = 0;
      await nextTurn();
    }
    offsets.push(await write(to - from, (place) => refs[pairs.seriesAt(from + place)]!));
  }
  return offsets;
}

async function encodePostings(
  count: number,
  refAt: (place: number) => number,
  body: ByteWriter,
): Promise<void> {
  body.u32(count);
  for (let place = 0; place < count; place++) {
    if (place % refsPerTurn === refsPerTurn - 1) await nextTurn();
    body.u32(refAt(place));
  }
}

async function encodeOffsets(
  texts: readonly string[],
  pairs: LabelPairs,
  offsets: readonly number[],
  body: ByteWriter,
): Promise<void> {
  body.u32(offsets.length);
  let written = 0;
  const write = (name: string, value: string) => {
    body.u8(POSTINGS_KEY_PARTS);
    body.string(name);
    body.string(value);
    body.uvarint(offsets[written++]!);
  };
  write("", "");
  for (const { nameId, valueId } of pairs) {
    if (written % entriesPerTurn === entriesPerTurn - 1) await nextTurn();
    write(texts[nameId]!, texts[valueId]!);
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
  async section(encode: (body: ByteWriter) => Promise<void>): Promise<number> {
    await this.align(SECTION_ALIGNMENT_BYTES);
    const start = this.position;
    const lengthAt = this.writer.length;
    this.writer.u32(0);
    await encode(this.writer);
    const body = this.writer.view().subarray(lengthAt + 4);
    this.writer.patchU32(lengthAt, body.length);
    this.writer.u32(await checksumInTurns(body));
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
