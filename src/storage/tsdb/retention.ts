/**
 * Retention: carries out what planRetention chooses.
 *
 * Series whose retention a block has outlived are deleted from it as anybody else's deletions are: by tombstones, so
 * that they are hidden at once and for good, also where there is no room to write the block anew; a compaction then
 * leaves them out (`thinned`). Blocks of which nothing is kept are dropped.
 *
 * Which series are kept how long is asked of a block's index once, when the block has outlived the first retention
 * and not the last. One whose index is broken is kept for as long as any series is.
 */

import type { Clock } from "../../model/clock.js";
import { CorruptionError } from "../../model/errors.js";
import type { TimeRange, TimestampMs } from "../../model/sample.js";
import type { BlockReader } from "../block/block-reader.js";
import { isOutlived, planRetention, type RetentionPlan } from "../compaction/plan-retention.js";
import type { RetainedSeries, RetentionPolicy } from "../compaction/retention-policy.js";
import type { PostingsSource } from "../index/select-postings.js";
import type { BlockSet } from "./block-set.js";
import type { TsdbSettings } from "./tsdb-options.js";

export interface RetentionParts {
  readonly blocks: BlockSet;
  readonly policy: RetentionPolicy;
  /** 0 keeps all. */
  readonly retentionSizeBytes: number;
  readonly clock: Clock;
  readonly onEvent: TsdbSettings["onEvent"];
  walBytes(): number;
  /** Makes sure that the log has nothing left that only the blocks keep a replay from showing again. */
  releaseLog(blocks: readonly BlockReader[]): Promise<void>;
}

/** What retention needs of the head. */
export interface HeadContent {
  /** Undefined when it is empty. */
  readonly range: TimeRange | undefined;
  readonly postings: PostingsSource;
}

export class Retention {
  readonly #parts: RetentionParts;
  #thinned: ReadonlySet<string> = new Set();
  /** What the index said. */
  readonly #known = new WeakMap<BlockReader, readonly number[]>();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /** ULIDs of the blocks from which the last `thin` deleted, and which are to be written anew. */
  get thinned(): ReadonlySet<string> {
    return this.#thinned;
  }

  /** Deletes from blocks that stay the series whose retention they have outlived. */
  async thin(): Promise<void> {
    const now = this.#parts.clock.now();
    this.#thinned = new Set(this.#plan().thinned);
    for (const block of this.#parts.blocks.all) {
      if (!this.#thinned.has(block.meta.ulid)) continue;
      const outlived = this.#groupsOf(block).filter((group) =>
        isOutlived(group.retentionMs, block.range, now),
      );
      await deleteOlder(block, outlived, now);
    }
  }

  /** Deletes every sample in blocks that is older than its retention, also where the block has not outlived it. */
  async trim(): Promise<void> {
    const { blocks, clock } = this.#parts;
    const now = clock.now();
    for (const block of blocks.all)
      if (block.range.minTime < this.oldestKeptByAll) await deleteOlder(block, this.#groupsOf(block), now);
  }

  /** Whether there are series in the head of which all that it has is kept no longer. */
  hasOutlivedIn({ range, postings }: HeadContent): boolean {
    const { policy, clock } = this.#parts;
    const now = clock.now();
    if (range === undefined || !isOutlived(policy.retentionsMs[0]!, range, now)) return false;
    return policy.groups(postings).some(({ retentionMs }) => isOutlived(retentionMs, range, now));
  }

  /** The oldest time that every series keeps; -Infinity when all keep everything. */
  get oldestKeptByAll(): TimestampMs {
    return this.#parts.clock.now() - this.#parts.policy.retentionsMs[0]!;
  }

  /** Drops blocks of which nothing is kept any longer. */
  async drop(): Promise<void> {
    const { blocks, onEvent, releaseLog } = this.#parts;
    if (blocks.isRetiring) return;
    const ulids = this.#plan().dropped;
    if (ulids.length === 0) return;
    const dropped = blocks.all.filter(({ meta }) => ulids.includes(meta.ulid));
    const bytes = dropped.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await releaseLog(dropped);
    await blocks.drop(dropped);
    onEvent({ level: "info", message: "dropped old blocks", facts: { blocks: dropped.length, bytes } });
  }

  #plan(): RetentionPlan {
    const { blocks, retentionSizeBytes, clock, walBytes } = this.#parts;
    const now = clock.now();
    const candidates = blocks.all.map((block) => {
      const { meta, range, sizeBytes } = block;
      return { ulid: meta.ulid, range, sizeBytes, retentionsMs: this.#retentionsOf(block, now) };
    });
    return planRetention(candidates, { retentionSizeBytes, walBytes: walBytes(), now });
  }

  /** Those that its series have; the index is asked only where that makes a difference now. */
  #retentionsOf(block: BlockReader, now: TimestampMs): readonly number[] {
    const { retentionsMs } = this.#parts.policy;
    const outlived = retentionsMs.filter((retentionMs) => isOutlived(retentionMs, block.range, now)).length;
    if (outlived === 0 || outlived === retentionsMs.length) return retentionsMs;
    let known = this.#known.get(block);
    if (known === undefined) {
      const groups = this.#groupsOf(block);
      known = groups.length > 0 ? groups.map(({ retentionMs }) => retentionMs) : retentionsMs.slice(-1);
      this.#known.set(block, known);
    }
    return known;
  }

  /** None when the index is broken, which is told. */
  #groupsOf(block: BlockReader): readonly RetainedSeries[] {
    const { policy, onEvent } = this.#parts;
    try {
      return policy.groups(block.index);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      const message = `retention leaves a block as it is: ${error.message}`;
      onEvent({ level: "error", message, facts: { block: block.meta.ulid } });
      return [];
    }
  }
}

async function deleteOlder(
  block: BlockReader,
  groups: readonly RetainedSeries[],
  now: TimestampMs,
): Promise<void> {
  for (const { retentionMs, refs } of groups) {
    const range = { minTime: block.range.minTime, maxTime: now - retentionMs - 1 };
    if (range.minTime <= range.maxTime) await block.deleteSamplesOf(refs, range);
  }
}
