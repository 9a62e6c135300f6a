/**
 * Classic histograms: series of cumulative counts that differ in `le`, put together and read.
 *
 * Source: Prometheus 3.14 `promql/quantile.go` and `engine.go` (resetHistograms).
 */

import { parseFloatText } from "../../../model/float-text.js";
import { type Labels, METRIC_NAME } from "../../../model/labels.js";
import type { Span } from "../../parser/ast.js";
import { LABEL_WORK } from "../budget.js";
import type { EvalContext } from "../context.js";
import type { Slices } from "../slices.js";
import { type Column, FLOAT, type VectorSeries } from "../value.js";

/** The buckets of one histogram, by upper bound. */
export interface ClassicHistogram {
  /** Without `le`. */
  readonly labels: Labels;
  readonly bounds: Float64Array;
  readonly columns: readonly Column[];
}

/** Buckets of one step, merged and ready to be read; one object is reused for all steps. */
export interface Buckets {
  readonly bounds: Float64Array;
  readonly counts: Float64Array;
  length: number;
}

const bucketLabel: ReadonlySet<string> = new Set(["le"]);

/** Series put together to histograms, in order of appearance; those without a usable `le` are warned of. */
export function* groupBuckets(
  series: readonly VectorSeries[],
  span: Span,
  context: EvalContext,
): Slices<readonly ClassicHistogram[]> {
  const groups = new Map<string, { labels: Labels; buckets: { bound: number; column: Column }[] }>();
  for (const { labels, column } of series) {
    if (context.budget.tick(LABEL_WORK * 4)) yield;
    const bound = parseFloatText(labels.get("le"));
    if (bound === undefined) {
      const name = context.features.delayedNameRemoval ? labels.get(METRIC_NAME) : "";
      context.annotations.badBucketLabel(labels.get("le"), name, span);
      continue;
    }
    const without = labels.drop(bucketLabel);
    const key = without.key();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels: without, buckets: [{ bound, column }] });
    else group.buckets.push({ bound, column });
  }
  return [...groups.values()].map(({ labels, buckets }) => {
    buckets.sort((a, b) => (a.bound < b.bound ? -1 : a.bound > b.bound ? 1 : 0));
    return {
      labels,
      bounds: Float64Array.from(buckets, ({ bound }) => bound),
      columns: buckets.map(({ column }) => column),
    };
  });
}

export function bucketRoom(histogram: ClassicHistogram): Buckets {
  const room = histogram.bounds.length;
  return { bounds: new Float64Array(room), counts: new Float64Array(room), length: 0 };
}

/** Takes the buckets of one step; counts of equal bounds are added. Returns how many series took part. */
export function takeBuckets(histogram: ClassicHistogram, step: number, into: Buckets): number {
  let taken = 0;
  into.length = 0;
  for (let i = 0; i < histogram.columns.length; i++) {
    const column = histogram.columns[i]!;
    if (column.present[step] !== FLOAT) continue;
    taken++;
    const bound = histogram.bounds[i]!;
    const last = into.length - 1;
    if (last >= 0 && into.bounds[last] === bound) {
      into.counts[last]! += column.values[step]!;
    } else {
      into.bounds[into.length] = bound;
      into.counts[into.length++] = column.values[step]!;
    }
  }
  return taken;
}

/** Decreases that had to be removed. */
export interface Monotonicity {
  forced: boolean;
  minBucket: number;
  maxBucket: number;
  maxDifference: number;
}

/** The quantile by linear interpolation within the bucket that holds its rank. Makes the counts monotonic. */
export function bucketQuantile(quantile: number, buckets: Buckets, seen: Monotonicity): number {
  seen.forced = false;
  if (Number.isNaN(quantile)) return Number.NaN;
  if (quantile < 0) return Number.NEGATIVE_INFINITY;
  if (quantile > 1) return Number.POSITIVE_INFINITY;
  const { bounds, counts, length } = buckets;
  const last = length - 1;
  if (bounds[last] !== Number.POSITIVE_INFINITY) return Number.NaN;
  makeMonotonic(buckets, seen);
  const observations = counts[last]!;
  if (length < 2 || observations === 0) return Number.NaN;
  const rank = quantile * observations;
  let index = 0;
  while (index < last && !(counts[index]! >= rank)) index++;
  if (index === last) return bounds[last - 1]!;
  if (index === 0 && bounds[0]! <= 0) return bounds[0]!;
  const lower = index === 0 ? 0 : bounds[index - 1]!;
  const before = index === 0 ? 0 : counts[index - 1]!;
  return lower + (bounds[index]! - lower) * ((rank - before) / (counts[index]! - before));
}

/** The fraction of observations in (lower, upper], by linear interpolation. */
export function bucketFraction(range: { lower: number; upper: number }, buckets: Buckets): number {
  const { bounds, counts, length } = buckets;
  const last = length - 1;
  if (bounds[last] !== Number.POSITIVE_INFINITY) return Number.NaN;
  const observations = counts[last]!;
  if (observations === 0 || Number.isNaN(range.lower) || Number.isNaN(range.upper)) return Number.NaN;
  if (range.lower >= range.upper) return 0;
  return (rankOf(range.upper, buckets) - rankOf(range.lower, buckets)) / observations;
}

/** How many observations lie at or below `bound`, as far as the buckets tell; at most all. */
function rankOf(bound: number, { bounds, counts, length }: Buckets): number {
  let rank = 0;
  for (let i = 0; i < length; i++) {
    const lower = i > 0 ? bounds[i - 1]! : bounds[0]! <= 0 ? Number.NEGATIVE_INFINITY : 0;
    if (lower >= bound) return Math.min(rank, counts[length - 1]!);
    const upper = bounds[i]!;
    if (upper > bound) {
      // Nothing can be interpolated from -Inf: the whole bucket counts.
      const inside =
        lower === Number.NEGATIVE_INFINITY
          ? counts[i]!
          : rank + ((counts[i]! - rank) * (bound - lower)) / (upper - lower);
      return Math.min(inside, counts[length - 1]!);
    }
    rank = counts[i]!;
  }
  return counts[length - 1]!;
}

/** Differences that are noise of floating point are removed in silence, real decreases are noted. */
function makeMonotonic({ bounds, counts, length }: Buckets, seen: Monotonicity): void {
  seen.minBucket = Number.POSITIVE_INFINITY;
  seen.maxBucket = Number.NEGATIVE_INFINITY;
  seen.maxDifference = 0;
  let previous = counts[0]!;
  for (let i = 1; i < length; i++) {
    const count = counts[i]!;
    if (count === previous) continue;
    if (isNoise(previous, count)) {
      counts[i] = previous;
    } else if (count < previous) {
      counts[i] = previous;
      seen.forced = true;
      seen.minBucket = Math.min(seen.minBucket, bounds[i]!);
      seen.maxBucket = Math.max(seen.maxBucket, bounds[i]!);
      seen.maxDifference = Math.max(seen.maxDifference, previous - count);
    } else {
      previous = count;
    }
  }
}

const tolerance = 1e-12;
const smallestNormal = 2 ** -1022;

/** Source: Prometheus `util/almost`: relative to the sum of both, absolute near zero. */
function isNoise(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || sum < smallestNormal) return difference < tolerance * smallestNormal;
  return difference / Math.min(sum, Number.MAX_VALUE) < tolerance;
}
