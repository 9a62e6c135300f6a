/**
 * scanParts: the series of blocks and head in label order, one at a time, as one stream.
 *
 * Memory: what scanBlock holds, per block, and what the head has of it, compressed.
 */

import type { Queryable } from "../../model/queryable.js";
import type { Series } from "../../model/series.js";
import type { BlockReader } from "../block/block-reader.js";
import { type ScannedBlock, type ScanRequest, scanBlock } from "../block/scan-block.js";
import { allSettled } from "../tsdb-querier.js";

/** The blocks with the tombstones that they have now: a deletion that comes later replaces these as a whole. */
export function asOfNow(blocks: readonly BlockReader[]): readonly ScannedBlock[] {
  return blocks.map(({ range, meta, index, tombstones, chunks }) => ({
    range,
    meta,
    index,
    tombstones,
    chunks,
  }));
}

/**
 * The head's series for a scan, in label order. Gathers before it first yields, so that blocks taken in the same
 * tick and these make one state.
 */
export async function headSeries(head: Queryable, request: ScanRequest): Promise<readonly Series[]> {
  const querier = head.querier(request.range);
  const selectors = request.selectors.length === 0 ? [[]] : request.selectors;
  const lists = await Promise.all(selectors.map((matchers) => querier.select(matchers)));
  querier.close();
  return lists.length === 1 ? lists[0]! : withoutRepeated(lists);
}

/** `blocks` in order of precedence, before `head`: chunks of one series stand in that order. */
export async function* scanParts(
  blocks: readonly ScannedBlock[],
  head: readonly Series[],
  request: ScanRequest,
): AsyncGenerator<Series, void, void> {
  const sources: AsyncIterator<Series, void>[] = blocks.map((block) => scanBlock(block, request));
  sources.push(inTurn(head));
  const currents = [...(await allSettled(sources.map((source) => nextOf(source))))];
  for (;;) {
    const same = indexesOfLeast(currents);
    if (same.length === 0) return;
    const { labels } = currents[same[0]!]!;
    yield { labels, chunks: same.flatMap((i) => currents[i]!.chunks) };
    for (const i of same) currents[i] = await nextOf(sources[i]!);
  }
}

/** Several selectors may select one series: each is the same, and counts once. */
function withoutRepeated(lists: readonly (readonly Series[])[]): readonly Series[] {
  const first = new Map(lists.flat().map((series) => [series.labels.key(), series]));
  return [...first.values()].sort((a, b) => a.labels.compare(b.labels));
}

async function* inTurn(series: readonly Series[]): AsyncGenerator<Series, void, void> {
  yield* series;
}

async function nextOf(source: AsyncIterator<Series, void>): Promise<Series | undefined> {
  const { value, done } = await source.next();
  return done === true ? undefined : (value as Series);
}

/** The places of the least labels, in order; none when all sources have ended. */
function indexesOfLeast(currents: readonly (Series | undefined)[]): readonly number[] {
  let least: number[] = [];
  for (const [i, series] of currents.entries()) {
    if (series === undefined) continue;
    const order = least.length === 0 ? -1 : series.labels.compare(currents[least[0]!]!.labels);
    if (order < 0) least = [i];
    else if (order === 0) least.push(i);
  }
  return least;
}
