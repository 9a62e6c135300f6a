/**
 * planCompaction: which blocks to make one of next. Pure: the caller merges, and asks again until nothing is left.
 *
 * In this order:
 *
 *   overlaps     blocks that overlap within one range of the ladder (plan-block-ranges.ts): each sample is then
 *                held once, and queries have nothing to merge
 *   levels       all blocks within a complete range of the ladder, the shortest ranges first: 2 h to 6 h to 18 h
 *   retention    a single block with series that are kept no longer (see planRetention)
 *   tombstones   a single block, when deletions cover much of it
 *
 *   2h │ 2h │ 2h ║ 2h │ 2h │ 2h ║ 2h │            the last one is the newest: never merged by level
 *   6h           ║ 2h │ 2h │ 2h ║ 2h │            one step
 *   6h           ║ 6h           ║ 2h │            and another; these two wait for the end of their 18 hours
 *
 * Invariants
 *  1. No range grows beyond what `durationMaxMs` says of its end, so that retention can drop blocks; longer ones, as
 *     imports of sparse data make them, are only merged with their like, where they overlap.
 *  2. Which of two samples counts stays as it was (`inPrecedence`): a block takes the place of its oldest source,
 *     so a set is not merged while another block stands between its members in age and overlaps a younger one.
 *
 * Source: Prometheus `tsdb/compact.go`, LeveledCompactor.
 */

import { rangesOverlap, type TimeRange, type TimestampMs } from "../../model/sample.js";
import { alignedStart, HIGHEST_RUNG, rungDurationMs } from "./plan-block-ranges.js";

export interface PlannedBlock {
  readonly ulid: string;
  /** Both ends inclusive. */
  readonly range: TimeRange;
  /** The lesser one counts where two blocks have a sample at one time. */
  readonly oldestSource: string;
  /** How much of the block its tombstones cover, from 0 to 1. */
  readonly deletedShare: number;
  /** It has series whose retention it has outlived. */
  readonly hasExpired: boolean;
  /** It could not be merged: it is left alone, and only counts for the second invariant. */
  readonly hasFailed: boolean;
}

export interface CompactionOptions {
  readonly blockDurationMs: number;
  /** No block that is merged by level or overlap, and ends before `end`, is longer. */
  readonly durationMaxMs: (end: TimestampMs) => number;
}

export interface CompactionPlan {
  readonly reason: "overlap" | "level" | "retention" | "tombstones";
  /** ULIDs. */
  readonly sources: readonly string[];
}

/** From this deleted share on, a block is rewritten. */
const rewrittenFromShare = 0.05;

export function planCompaction(
  blocks: readonly PlannedBlock[],
  options: CompactionOptions,
): CompactionPlan | undefined {
  const byTime = blocks
    .filter(({ hasFailed }) => !hasFailed)
    .sort((a, b) => a.range.minTime - b.range.minTime);
  return (
    planned("overlap", firstMergeable(overlappingSets(byTime, options), blocks)) ??
    planned("level", firstMergeable(completeSets(byTime, options), blocks)) ??
    planned(
      "retention",
      oldest(byTime, ({ hasExpired }) => hasExpired),
    ) ??
    planned(
      "tombstones",
      oldest(byTime, ({ deletedShare }) => deletedShare >= rewrittenFromShare),
    )
  );
}

function planned(
  reason: CompactionPlan["reason"],
  set: readonly PlannedBlock[] | undefined,
): CompactionPlan | undefined {
  return set && { reason, sources: set.map(({ ulid }) => ulid) };
}

function firstMergeable(
  sets: Iterable<readonly PlannedBlock[]>,
  all: readonly PlannedBlock[],
): readonly PlannedBlock[] | undefined {
  for (const set of sets) if (set.length > 1 && keepsPrecedence(set, all)) return set;
  return undefined;
}

/** The second invariant. */
function keepsPrecedence(set: readonly PlannedBlock[], all: readonly PlannedBlock[]): boolean {
  const members = new Set(set);
  const oldest = set.map(({ oldestSource }) => oldestSource).sort()[0]!;
  return all.every(
    (other) =>
      members.has(other) ||
      other.oldestSource < oldest ||
      set.every(
        (member) => member.oldestSource < other.oldestSource || !rangesOverlap(member.range, other.range),
      ),
  );
}

/** Groups of blocks that overlap, the shortest ranges first. */
function* overlappingSets(
  byTime: readonly PlannedBlock[],
  { blockDurationMs, durationMaxMs }: CompactionOptions,
): Generator<readonly PlannedBlock[]> {
  for (let rung = 0; rung <= HIGHEST_RUNG + 1; rung++) {
    const durationMs = rungDurationMs(blockDurationMs, rung);
    const candidates = byTime.filter(({ range }) => {
      const own = rungOf(range, blockDurationMs);
      return durationMs <= durationMaxMs(endOf(range, durationMs)) ? own <= rung : own === rung;
    });
    for (const window of windowsOf(candidates, durationMs)) yield* overlapping(window);
  }
}

/** The blocks within each complete range, the shortest ranges first. */
function* completeSets(
  byTime: readonly PlannedBlock[],
  { blockDurationMs, durationMaxMs }: CompactionOptions,
): Generator<readonly PlannedBlock[]> {
  const newest = byTime.at(-1);
  for (let rung = 1; rung <= HIGHEST_RUNG; rung++) {
    const durationMs = rungDurationMs(blockDurationMs, rung);
    const candidates = byTime.filter(({ range }) => rungOf(range, blockDurationMs) <= rung);
    for (const window of windowsOf(candidates, durationMs)) {
      const end = endOf(window[0]!.range, durationMs);
      if (end <= newest!.range.minTime && durationMs <= durationMaxMs(end)) yield window;
    }
  }
}

/** From old to new: the newest samples are the likeliest to be rewritten by level soon. */
function oldest(
  byTime: readonly PlannedBlock[],
  isDue: (block: PlannedBlock) => boolean,
): readonly PlannedBlock[] | undefined {
  const block = byTime.find(isDue);
  return block && [block];
}

/** The end, exclusive, of the aligned range in which the block begins. */
function endOf({ minTime }: TimeRange, durationMs: number): TimestampMs {
  return alignedStart(minTime, durationMs) + durationMs;
}

/** The lowest rung of which one range holds the block; one above the highest when there is none. */
function rungOf({ minTime, maxTime }: TimeRange, blockDurationMs: number): number {
  for (let rung = 0; rung <= HIGHEST_RUNG; rung++) {
    const durationMs = rungDurationMs(blockDurationMs, rung);
    if (alignedStart(minTime, durationMs) === alignedStart(maxTime, durationMs)) return rung;
  }
  return HIGHEST_RUNG + 1;
}

/** Blocks that begin in the same aligned range. */
function windowsOf(byTime: readonly PlannedBlock[], durationMs: number): readonly PlannedBlock[][] {
  const windows = new Map<number, PlannedBlock[]>();
  for (const block of byTime) {
    const start = alignedStart(block.range.minTime, durationMs);
    const window = windows.get(start);
    if (window === undefined) windows.set(start, [block]);
    else window.push(block);
  }
  return [...windows.values()];
}

function* overlapping(byTime: readonly PlannedBlock[]): Generator<readonly PlannedBlock[]> {
  let group: PlannedBlock[] = [];
  let maxTime = -Infinity;
  for (const block of byTime) {
    if (block.range.minTime > maxTime && group.length > 0) {
      yield group;
      group = [];
    }
    group.push(block);
    maxTime = Math.max(maxTime, block.range.maxTime);
  }
  if (group.length > 0) yield group;
}
