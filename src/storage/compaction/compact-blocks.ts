/**
 * stageCompaction: some blocks to one that holds what they held, without what was deleted.
 *
 * The series of all sources are walked together in label order. Chunks are copied as they are, except where they
 * overlap, are small, hold deleted samples, or are to be encoded in another way (see recodeChunks).
 *
 * The result names what it replaces (`compaction.parents`). A crash before its rename, which is the caller's, leaves
 * the sources; after it, opening removes those of the sources that are still there. So at any time there is all, and
 * all of it once.
 *
 * Memory: the indexes of the sources, a batch of each, and the index of the result (see stageBlock).
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { assert } from "../../model/assert.js";
import type { TimeRange } from "../../model/sample.js";
import type { BlockEncoding, EncodedChunk } from "../../model/series.js";
import type { BlockMeta, BlockParent } from "../block/block-meta.js";
import type { BlockReader } from "../block/block-reader.js";
import { type BlockSeries, stageBlock } from "../block/block-writer.js";
import { inPrecedence } from "../block/open-blocks.js";
import { recodeChunks } from "../chunk/recode-chunks.js";
import type { FileSystem } from "../fs/file-system.js";
import { BlockCursor } from "./block-cursor.js";

/** Samples between two turns of the event loop: about 5 ms when all are encoded anew, densely. */
const samplesPerTurn = 1 << 14;
/** A chunk by itself takes as long as this many samples. */
const samplesPerChunk = 64;

export interface CompactedBlock {
  readonly ulid: string;
  readonly encoding: BlockEncoding;
}

/**
 * Writes the block, durably, under its temporary name; the sources stay, for the caller to remove. Undefined, and
 * nothing written, when all they held is deleted. Their tombstones must not change meanwhile. Rejects with the reason
 * of `signal`, and leaves nothing, when that is aborted.
 */
export async function stageCompaction(
  fileSystem: FileSystem,
  directory: string,
  sources: readonly BlockReader[],
  { ulid, encoding, signal }: CompactedBlock & { readonly signal?: AbortSignal },
): Promise<BlockMeta | undefined> {
  assert(sources.length > 0, "a compaction has a source");
  const series = mergedSeries(inPrecedence(sources), encoding, signal);
  const first = await series.next();
  if (first.done === true) return undefined;
  const metas = sources.map(({ meta }) => meta);
  return stageBlock(fileSystem, directory, {
    ulid,
    range: hullOf(sources),
    series: startingWith(first.value, series),
    level: levelOf(metas),
    sources: [...new Set(metas.flatMap(({ compaction }) => compaction.sources))].sort(),
    parents: metas.map(parentOf),
    ...originOf(metas),
  });
}

/** The series that have samples left, in label order. */
async function* mergedSeries(
  sources: readonly BlockReader[],
  encoding: BlockEncoding,
  signal: AbortSignal | undefined,
): AsyncGenerator<BlockSeries, void, void> {
  const cursors: BlockCursor[] = [];
  for (const source of sources) cursors.push(await BlockCursor.open(source));
  signal?.throwIfAborted();
  for (let samples = 0; ; ) {
    const same = cursorsAtLeast(cursors);
    if (same.length === 0) return;
    const { labels } = same[0]!.current!;
    const chunks: EncodedChunk[] = [];
    const given = same.flatMap((cursor) => cursor.current!.chunks);
    for (const chunk of recodeChunks(given, encoding)) {
      chunks.push(chunk);
      samples += samplesPerChunk + chunk.count;
      if (samples < samplesPerTurn) continue;
      await nextTurn();
      signal?.throwIfAborted();
      samples = 0;
    }
    if (chunks.length > 0) yield { labels, chunks };
    for (const cursor of same) await cursor.next();
  }
}

/** The cursors that stand at the least labels, in their order; none when all are at their end. */
function cursorsAtLeast(cursors: readonly BlockCursor[]): readonly BlockCursor[] {
  let least: BlockCursor[] = [];
  for (const cursor of cursors) {
    if (cursor.current === undefined) continue;
    const order = least.length === 0 ? -1 : cursor.current.labels.compare(least[0]!.current!.labels);
    if (order < 0) least = [cursor];
    else if (order === 0) least.push(cursor);
  }
  return least;
}

async function* startingWith<T>(first: T, rest: AsyncGenerator<T, void, void>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}

function hullOf(sources: readonly BlockReader[]): TimeRange {
  return {
    minTime: Math.min(...sources.map(({ range }) => range.minTime)),
    maxTime: Math.max(...sources.map(({ range }) => range.maxTime)),
  };
}

/** A block that is only rewritten keeps its level. */
function levelOf(metas: readonly BlockMeta[]): number {
  const highest = Math.max(...metas.map(({ compaction }) => compaction.level));
  return metas.length === 1 ? highest : highest + 1;
}

function parentOf({ ulid, minTime, maxTime }: BlockMeta): BlockParent {
  return { ulid, minTime, maxTime };
}

/** What replay may skip still holds for a block that has the range of its only source. */
function originOf(metas: readonly BlockMeta[]): { readonly extra?: Pick<BlockMeta, "narthex"> } {
  const origin = metas.length === 1 ? metas[0]!.narthex : undefined;
  return origin === undefined ? {} : { extra: { narthex: origin } };
}
