/**
 * planBlockRanges: which time ranges to cut into blocks, for samples of given times. Pure: the caller cuts.
 *
 * Ranges come from a ladder: the block duration times 1, 3, 9, 27 ..., each aligned to multiples of its own
 * length from the epoch, so that a range of one rung consists of three whole ranges of the rung below.
 * A range is as long as it can be with at most `samplesMax` samples, so that sparse data (sixty years of
 * monthly values) make one or two blocks and dense data blocks of bounded size. Times from `recentFrom` on
 * keep to the lowest rung: their blocks line up with those that later cuts make.
 *
 *   duration 2h, samplesMax 100        2h: 40 │ 2h: 30 │ 2h: 20 ║ 2h: 90 │ 2h: 50 │
 *   gives                              6h: 90                   ║ 2h: 90 │ 2h: 50 │
 *
 * Invariants
 *  1. Every sample is in exactly one range; ranges come in time order and do not overlap.
 *  2. Only a range of the lowest rung may hold more than `samplesMax` samples.
 *  3. A range is clipped to the samples in it: an old block never claims time that has yet to come.
 *
 * Source: the alignment and the factor of 3 are Prometheus' (`tsdb/compact.go`, ExponentialBlockRanges).
 */

import { assert } from "../../model/assert.js";
import type { TimeRange, TimestampMs } from "../../model/sample.js";

export const DEFAULT_BLOCK_DURATION_MS = 7_200_000;
/** About 10 to 60 MB of XOR chunks. */
export const DEFAULT_BLOCK_SAMPLES_MAX = 8_000_000;

const ladderFactor = 3;
/** 2 hours times 3^12: 121 years. */
export const HIGHEST_RUNG = 12;

/** The samples within one window of the block duration; first and last are the times of its samples. */
export interface SampleWindow {
  readonly range: TimeRange;
  readonly samples: number;
}

export interface BlockRangeOptions {
  readonly blockDurationMs: number;
  readonly samplesMax: number;
  /** Samples from here on keep to windows of the block duration. Infinity when nothing is recent. */
  readonly recentFrom: TimestampMs;
}

/** The start of the aligned range of length `durationMs` that holds `time`. */
export function alignedStart(time: TimestampMs, durationMs: number): TimestampMs {
  return Math.floor(time / durationMs) * durationMs;
}

/** The length of the ranges of a rung; rung 0 is the block duration. */
export function rungDurationMs(blockDurationMs: number, rung: number): number {
  return blockDurationMs * ladderFactor ** rung;
}

/** `windows`: one per aligned window of the block duration that has samples, in time order. */
export function planBlockRanges(
  windows: readonly SampleWindow[],
  { blockDurationMs, samplesMax, recentFrom }: BlockRangeOptions,
): readonly TimeRange[] {
  assert(
    Number.isInteger(blockDurationMs) && blockDurationMs > 0,
    "a block duration is a whole number of ms",
  );
  const old = windows.filter(({ range }) => range.minTime < alignedStart(recentFrom, blockDurationMs));
  const recent = windows.slice(old.length);
  return [...climb(old, { blockDurationMs, samplesMax }), ...recent].map(({ range }) => range);
}

/** Joins windows into the ranges of the next rung, where these do not hold too many samples, rung by rung. */
function climb(
  windows: readonly SampleWindow[],
  { blockDurationMs, samplesMax }: { blockDurationMs: number; samplesMax: number },
): readonly SampleWindow[] {
  let ranges = windows;
  for (let rung = 1; rung <= HIGHEST_RUNG && ranges.length > 1; rung++) {
    ranges = joinWithin(ranges, rungDurationMs(blockDurationMs, rung), samplesMax);
  }
  return ranges;
}

function joinWithin(
  ranges: readonly SampleWindow[],
  durationMs: number,
  samplesMax: number,
): readonly SampleWindow[] {
  const joined: SampleWindow[] = [];
  let first = 0;
  while (first < ranges.length) {
    const end = alignedStart(ranges[first]!.range.minTime, durationMs) + durationMs;
    let samples = 0;
    let next = first;
    for (; next < ranges.length && ranges[next]!.range.minTime < end; next++)
      samples += ranges[next]!.samples;
    if (samples <= samplesMax) {
      const range = { minTime: ranges[first]!.range.minTime, maxTime: ranges[next - 1]!.range.maxTime };
      joined.push({ range, samples });
    } else {
      joined.push(...ranges.slice(first, next));
    }
    first = next;
  }
  return joined;
}

/** Counts samples per window, from columns added in any order. */
export class WindowCounts {
  readonly #blockDurationMs: number;
  readonly #windows = new Map<TimestampMs, { minTime: TimestampMs; maxTime: TimestampMs; samples: number }>();

  constructor(blockDurationMs: number) {
    this.#blockDurationMs = blockDurationMs;
  }

  /** Adds the first `length` times, which are in increasing order. */
  add(times: Float64Array, length: number): void {
    let from = 0;
    while (from < length) {
      const start = alignedStart(times[from]!, this.#blockDurationMs);
      let to = from + 1;
      while (to < length && times[to]! < start + this.#blockDurationMs) to++;
      this.#count(start, { minTime: times[from]!, maxTime: times[to - 1]! }, to - from);
      from = to;
    }
  }

  /** Adds samples of which only first and last are known, when these are in one window; returns whether they are. */
  addWithin(range: TimeRange, samples: number): boolean {
    const start = alignedStart(range.minTime, this.#blockDurationMs);
    if (range.maxTime >= start + this.#blockDurationMs) return false;
    this.#count(start, range, samples);
    return true;
  }

  /** The windows that have samples, in time order. */
  windows(): readonly SampleWindow[] {
    return [...this.#windows.entries()]
      .sort(([a], [b]) => a - b)
      .map(([, { minTime, maxTime, samples }]) => ({ range: { minTime, maxTime }, samples }));
  }

  #count(start: TimestampMs, range: TimeRange, samples: number): void {
    const window = this.#windows.get(start);
    if (window === undefined) {
      this.#windows.set(start, { ...range, samples });
      return;
    }
    window.minTime = Math.min(window.minTime, range.minTime);
    window.maxTime = Math.max(window.maxTime, range.maxTime);
    window.samples += samples;
  }
}
