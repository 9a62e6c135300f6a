/**
 * planRetention: which blocks are kept no longer, and which lose a part of their series. Pure: the caller acts.
 *
 * By time: a block outlives a retention when all of it is older. Series are dropped from a block when it has outlived
 * theirs, so at most once for each retention, however many passes there are; and the block as a whole when it has
 * outlived the longest of its series. By size: the oldest blocks, for as long as all blocks and the log together take
 * more than they may.
 *
 *   kept for      7 d and 2 y         7 d          2 y
 *   8 d old       loses some          dropped
 *   3 y old       dropped             dropped      dropped
 */

import type { TimeRange, TimestampMs } from "../../model/sample.js";

export interface RetainedBlock {
  readonly ulid: string;
  /** Both ends inclusive. */
  readonly range: TimeRange;
  readonly sizeBytes: number;
  /** How long the series in it are kept: each retention that one of them has; Infinity for ever. */
  readonly retentionsMs: readonly number[];
}

export interface RetentionOptions {
  /** 0 keeps all. */
  readonly retentionSizeBytes: number;
  /** Bytes of the log, which count but cannot be dropped. */
  readonly walBytes: number;
  readonly now: TimestampMs;
}

export interface RetentionPlan {
  /** ULIDs, the oldest block first. */
  readonly dropped: readonly string[];
  /** ULIDs of blocks that stay, and have series whose retention they have outlived. */
  readonly thinned: readonly string[];
}

export function planRetention(
  blocks: readonly RetainedBlock[],
  { retentionSizeBytes, walBytes, now }: RetentionOptions,
): RetentionPlan {
  const oldestFirst = blocks.toSorted((a, b) => a.range.maxTime - b.range.maxTime);
  const isTooOld = ({ range, retentionsMs }: RetainedBlock) =>
    retentionsMs.every((retentionMs) => isOutlived(retentionMs, range, now));
  const dropped = new Set(oldestFirst.filter(isTooOld));
  const staying = oldestFirst.filter((block) => !dropped.has(block));
  let sizeBytes = staying.reduce((sum, block) => sum + block.sizeBytes, walBytes);
  for (const block of staying) {
    if (retentionSizeBytes === 0 || sizeBytes <= retentionSizeBytes) break;
    dropped.add(block);
    sizeBytes -= block.sizeBytes;
  }
  const isThinned = (block: RetainedBlock) =>
    !dropped.has(block) && block.retentionsMs.some((each) => isOutlived(each, block.range, now));
  const ulids = (chosen: readonly RetainedBlock[]) => chosen.map(({ ulid }) => ulid);
  return {
    dropped: ulids(oldestFirst.filter((block) => dropped.has(block))),
    thinned: ulids(oldestFirst.filter(isThinned)),
  };
}

/** Whether everything in the range is older. */
export function isOutlived(retentionMs: number, { maxTime }: TimeRange, now: TimestampMs): boolean {
  return maxTime < now - retentionMs;
}
