/**
 * Classic histograms of the naive evaluator.
 */

import { parseFloatText } from "../../src/model/float-text.js";
import { type Labels, METRIC_NAME } from "../../src/model/labels.js";
import type { Element } from "./naive-evaluator.js";

interface Bucket {
  /** Upper, inclusive. */
  readonly bound: number;
  /** Of this bucket and those below it. */
  count: number;
}

interface Histogram {
  readonly labels: Labels;
  readonly buckets: readonly Bucket[];
}

export function histogramQuantile(elements: readonly Element[], phi: number): readonly Element[] {
  return histogramsOf(elements).map(({ labels, buckets }) => ({ labels, value: quantileOf(buckets, phi) }));
}

export function histogramFraction(
  elements: readonly Element[],
  lower: number,
  upper: number,
): readonly Element[] {
  return histogramsOf(elements).map(({ labels, buckets }) => ({
    labels,
    value: fractionOf(buckets, lower, upper),
  }));
}

function histogramsOf(elements: readonly Element[]): readonly Histogram[] {
  const groups = new Map<string, { labels: Labels; buckets: Bucket[] }>();
  for (const { labels, value } of elements) {
    const bound = parseFloatText(labels.get("le"));
    if (bound === undefined) continue;
    const rest = labels.drop(new Set(["le", METRIC_NAME]));
    const key = rest.toString();
    if (!groups.has(key)) groups.set(key, { labels: rest, buckets: [] });
    groups.get(key)!.buckets.push({ bound, count: value });
  }
  return [...groups.values()].map(({ labels, buckets }) => ({ labels, buckets: united(buckets) }));
}

/** In the order of bounds, those with one bound added up. */
function united(buckets: readonly Bucket[]): readonly Bucket[] {
  const byBound = new Map<number, number>();
  for (const { bound, count } of [...buckets].sort((a, b) => a.bound - b.bound)) {
    byBound.set(bound, (byBound.get(bound) ?? 0) + count);
  }
  return [...byBound].map(([bound, count]) => ({ bound, count }));
}

/** Counts made never to fall, as a bucket holds what those below it hold. */
function monotonic(buckets: readonly Bucket[]): readonly Bucket[] {
  let most = buckets[0]!.count;
  return buckets.map(({ bound, count }) => {
    const isNoise = Math.abs(count - most) <= 1e-12 * Math.abs(count + most);
    if (isNoise || count < most) return { bound, count: most };
    if (count > most) most = count;
    return { bound, count };
  });
}

function quantileOf(given: readonly Bucket[], phi: number): number {
  if (Number.isNaN(phi)) return Number.NaN;
  if (phi < 0 || phi > 1) return phi < 0 ? -Infinity : Infinity;
  if (given.at(-1)!.bound !== Infinity || given.length < 2) return Number.NaN;
  const buckets = monotonic(given);
  const total = buckets.at(-1)!.count;
  if (total === 0) return Number.NaN;
  const rank = phi * total;
  const found = buckets.slice(0, -1).findIndex(({ count }) => count >= rank);
  if (found < 0) return buckets.at(-2)!.bound;
  const { bound, count } = buckets[found]!;
  if (found === 0 && bound <= 0) return bound;
  const below = found === 0 ? { bound: 0, count: 0 } : buckets[found - 1]!;
  return below.bound + (bound - below.bound) * ((rank - below.count) / (count - below.count));
}

/** What share of the observations lies in (lower, upper]. */
function fractionOf(buckets: readonly Bucket[], lower: number, upper: number): number {
  const total = buckets.at(-1)!.count;
  if (buckets.at(-1)!.bound !== Infinity || total === 0 || [total, lower, upper].some(Number.isNaN))
    return Number.NaN;
  if (lower >= upper) return 0;
  return (rankOf(buckets, upper) - rankOf(buckets, lower)) / total;
}

/** How many observations are at most `value`; never more than there are. */
function rankOf(buckets: readonly Bucket[], value: number): number {
  const total = buckets.at(-1)!.count;
  const at = buckets.findIndex(({ bound }) => bound >= value);
  const { bound, count } = buckets[at]!;
  const below = at === 0 ? { bound: bound > 0 ? 0 : -Infinity, count: 0 } : buckets[at - 1]!;
  if (value <= below.bound) return Math.min(below.count, total);
  if (bound === value) return Math.min(count, total);
  if (bound === Infinity) return Math.min(below.count, total);
  if (below.bound === -Infinity) return Math.min(count, total);
  return Math.min(
    below.count + (count - below.count) * ((value - below.bound) / (bound - below.bound)),
    total,
  );
}
