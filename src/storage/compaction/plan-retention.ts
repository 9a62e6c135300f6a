/**
 * planRetention: which blocks are kept no longer. Pure: the caller removes them.
 *
 * By time: a block of which all is older than the retention. By size: the oldest ones, for as long as all blocks and
 * the log together take more than they may.
 */

import type { TimeRange, TimestampMs } from "../../model/sample.js";

export interface RetainedBlock {
  readonly ulid: string;
  /** Both ends inclusive. */
  readonly range: TimeRange;
  readonly sizeBytes: number;
}

export interface RetentionOptions {
  /** 0 keeps all. */
  readonly retentionMs: number;
  /** 0 keeps all. */
  readonly retentionSizeBytes: number;
  /** Bytes of the log, which count but cannot be dropped. */
  readonly walBytes: number;
  readonly now: TimestampMs;
}

/** ULIDs, the oldest block first. */
export function planRetention(
  blocks: readonly RetainedBlock[],
  { retentionMs, retentionSizeBytes, walBytes, now }: RetentionOptions,
): readonly string[] {
  const oldestFirst = blocks.toSorted((a, b) => a.range.maxTime - b.range.maxTime);
  let sizeBytes = blocks.reduce((sum, block) => sum + block.sizeBytes, walBytes);
  const dropped: string[] = [];
  for (const block of oldestFirst) {
    const isTooOld = retentionMs > 0 && block.range.maxTime < now - retentionMs;
    const isTooMuch = retentionSizeBytes > 0 && sizeBytes > retentionSizeBytes;
    if (!isTooOld && !isTooMuch) break;
    dropped.push(block.ulid);
    sizeBytes -= block.sizeBytes;
  }
  return dropped;
}
