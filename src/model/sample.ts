/**
 * Samples, times and columns of them.
 *
 * Invariants
 *  1. A time is an integer number of milliseconds since the epoch, UTC; negative before 1970.
 *  2. Values travel in Float64Array, never in number[]: a plain array may change the bits of a NaN and so
 *     destroy staleness markers (see staleness.ts).
 */

/** Integer milliseconds since the epoch, UTC. May be negative. */
export type TimestampMs = number;

/** A time: milliseconds since the epoch, a Date, or text (RFC 3339, or a bare date, taken as UTC). */
export type TimeLike = TimestampMs | Date | string;

/** From `minTime` to `maxTime`, both inclusive. */
export interface TimeRange {
  readonly minTime: TimestampMs;
  readonly maxTime: TimestampMs;
}

/** One (time, value) pair of one series. */
export interface Sample {
  readonly time: TimestampMs;
  readonly value: number;
}

/** Samples as columns: the first `length` entries of both arrays count; the arrays may be longer. */
export interface SampleColumns {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly length: number;
}

/** The widest range: every time a block can hold. Safe to add a lookback or a range to. */
export const ALL_TIME: TimeRange = { minTime: -(2 ** 52), maxTime: 2 ** 52 };

export function isTimestampMs(time: number): boolean {
  return Number.isInteger(time) && time >= ALL_TIME.minTime && time <= ALL_TIME.maxTime;
}

export function rangesOverlap(a: TimeRange, b: TimeRange): boolean {
  return a.minTime <= b.maxTime && b.minTime <= a.maxTime;
}
