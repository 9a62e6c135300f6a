/**
 * IndexContent: what the index of a block will say, collected series by series while the chunks are written.
 *
 * Columns: the labels of all series one after the other, as pairs of symbol ids, and their chunks. A symbol id is the
 * position of a text in the order in which texts came; writeIndex sorts them.
 *
 * Memory: each text once, 8 bytes per label, 24 per chunk; twice that while a column grows.
 */

import { assert } from "../../model/assert.js";
import type { Labels } from "../../model/labels.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";

/** One series with its chunks in time order, not overlapping. */
export interface IndexedSeries {
  readonly labels: Labels;
  readonly chunks: readonly ChunkMeta[];
}

export class IndexContent {
  /** By symbol id. The first is the empty text, of the key of all postings. */
  readonly texts: string[] = [""];
  readonly #ids = new Map([["", 0]]);
  /** Name and value of each label. */
  #labelIds = new Uint32Array(1024);
  /** minTime, maxTime and ref of each chunk. */
  #chunks = new Float64Array(1024);
  /** By series, behind its last label and behind its last chunk: positions in the two columns above. */
  #ends = new Float64Array(1024);
  #seriesCount = 0;
  #last: Labels | undefined;

  get seriesCount(): number {
    return this.#seriesCount;
  }

  /** Labels of all series together. */
  get labelCount(): number {
    return this.labelsEnd(this.#seriesCount - 1) / 2;
  }

  /** Series come in label order, each once. */
  add({ labels, chunks }: IndexedSeries): void {
    const last = this.#last;
    assert(last === undefined || last.compare(labels) < 0, "series come in label order, each once");
    this.#last = labels;
    const labelsStart = this.labelsEnd(this.#seriesCount - 1);
    const chunksStart = this.chunksEnd(this.#seriesCount - 1);
    const series = this.#seriesCount++;
    this.#labelIds = roomFor(this.#labelIds, labelsStart + 2 * labels.size);
    for (let i = 0; i < labels.size; i++) {
      this.#labelIds[labelsStart + 2 * i] = this.#idOf(labels.nameAt(i));
      this.#labelIds[labelsStart + 2 * i + 1] = this.#idOf(labels.valueAt(i));
    }
    this.#chunks = roomFor(this.#chunks, chunksStart + 3 * chunks.length);
    for (const [i, { minTime, maxTime, ref }] of chunks.entries())
      this.#chunks.set([minTime, maxTime, ref], chunksStart + 3 * i);
    this.#ends = roomFor(this.#ends, 2 * this.#seriesCount);
    this.#ends[2 * series] = labelsStart + 2 * labels.size;
    this.#ends[2 * series + 1] = chunksStart + 3 * chunks.length;
  }

  /** The symbol ids of names and values, in turn; those of series `i` end at `labelsEnd(i)`, where the next begin. */
  get labelIds(): Uint32Array {
    return this.#labelIds;
  }

  /** minTime, maxTime, ref of chunks, in turn; those of series `i` end at `chunksEnd(i)`, where the next begin. */
  get chunks(): Float64Array {
    return this.#chunks;
  }

  labelsEnd(series: number): number {
    return series < 0 ? 0 : this.#ends[2 * series]!;
  }

  chunksEnd(series: number): number {
    return series < 0 ? 0 : this.#ends[2 * series + 1]!;
  }

  #idOf(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.texts.push(text) - 1;
    this.#ids.set(text, id);
    return id;
  }
}

function roomFor<Column extends Uint32Array | Float64Array>(column: Column, length: number): Column {
  if (length <= column.length) return column;
  const grown = new (column.constructor as new (length: number) => Column)(
    Math.max(length, 2 * column.length),
  );
  grown.set(column);
  return grown;
}
