/**
 * SeriesCache: what queries have decoded and read of blocks, kept for the next ones: labels, where the chunks of a
 * series are, and the chunks. One for all blocks of a database.
 *
 * Invariants
 *  1. Blocks never change, so nothing in the cache is ever wrong; it is only forgotten.
 *  2. What is used goes to the young generation. When that holds half of `bytesMax`, it becomes the old one, and
 *     what was the old one and has not been used since is forgotten. So at most `bytesMax` are held, by estimate.
 *  3. Equal labels in two blocks are one object as long as both are remembered.
 *
 * Lifetime: what was handed out stays valid when it is forgotten; the garbage collector sees to it.
 */

import type { Labels } from "../../model/labels.js";
import type { EncodedChunk } from "../../model/series.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";

export const DEFAULT_SERIES_CACHE_BYTES_MAX = 128 * 2 ** 20;

/** A series of a block. */
export interface CachedSeries {
  readonly labels: Labels;
  /** In time order. */
  readonly metas: readonly ChunkMeta[];
  /** By position in `metas`, those that have been read. */
  readonly chunks: (EncodedChunk | undefined)[];
  /** What it counts for. */
  bytes: number;
}

/** The part of the cache that belongs to one block, by series ref. */
export interface BlockSeriesCache {
  get(ref: number): CachedSeries | undefined;
  /** Takes a series that is not there yet. */
  add(ref: number, labels: Labels, metas: readonly ChunkMeta[]): CachedSeries;
  /** Keeps a chunk that was read. Its bytes must not be part of a much larger buffer. */
  addChunk(series: CachedSeries, position: number, chunk: EncodedChunk): void;
  /** The block is closed. */
  close(): void;
}

/** Objects and their places in lists and tables, as V8 has them. */
const seriesBytes = 250;
const metaBytes = 60;
const chunkBytes = 230;

export class SeriesCache {
  readonly #bytesMax: number;
  readonly #blocks = new Set<Generations<CachedSeries>>();
  /** By hash. Of two label sets with one hash, only the first is known. */
  readonly #labels = new Generations<Labels>();
  #youngBytes = 0;

  constructor(bytesMax: number = DEFAULT_SERIES_CACHE_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** For a block that was just opened. */
  forBlock(): BlockSeriesCache {
    const known = new Generations<CachedSeries>((series) => this.#charge(series.bytes));
    this.#blocks.add(known);
    return {
      get: (ref) => known.get(ref),
      add: (ref, labels, metas) => {
        const chunks = new Array<EncodedChunk | undefined>(metas.length).fill(undefined);
        const bytes = seriesBytes + metas.length * metaBytes;
        const series = { labels: this.#known(labels), metas, chunks, bytes };
        known.set(ref, series);
        this.#charge(bytes);
        return series;
      },
      addChunk: (series, position, chunk) => {
        const bytes = chunkBytes + chunk.bytes.length;
        series.chunks[position] = chunk;
        series.bytes += bytes;
        this.#charge(bytes);
      },
      close: () => this.#blocks.delete(known),
    };
  }

  #known(labels: Labels): Labels {
    const known = this.#labels.get(labels.hash());
    if (known === undefined) this.#labels.set(labels.hash(), labels);
    return known?.equals(labels) ? known : labels;
  }

  #charge(bytes: number): void {
    this.#youngBytes += bytes;
    if (this.#youngBytes * 2 < this.#bytesMax) return;
    this.#youngBytes = 0;
    this.#labels.age();
    for (const series of this.#blocks) series.age();
  }
}

/** A map that forgets what was not used between two calls of `age`. */
class Generations<Value> {
  readonly #onReturn: (value: Value) => void;
  #young = new Map<number, Value>();
  #old = new Map<number, Value>();

  /** `onReturn` is called when a value goes from the old generation back to the young one. */
  constructor(onReturn: (value: Value) => void = () => {}) {
    this.#onReturn = onReturn;
  }

  get(key: number): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.#young.set(key, old);
    this.#onReturn(old);
    return old;
  }

  set(key: number, value: Value): void {
    this.#young.set(key, value);
  }

  age(): void {
    this.#old = this.#young;
    this.#young = new Map();
  }
}
