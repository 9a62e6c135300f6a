/**
 * The range-vector functions of PromQL over one window of floats: the plain definitions.
 *
 * They are the oracle of assembly/column.ts, and what runs where it has no faster form. Source: the
 * PromQL documentation and the behaviour of Prometheus 3.5; answers agree to the bit, which is why the order
 * of additions and divisions is not to be changed.
 */

import { isInfinite, KahanSum } from "./kahan-sum.js";
import { predictLinear, slopeOf } from "./linear-regression.js";

/**
 * The samples [from, to) of a column, at least one, all within (rangeStart, rangeEnd], without staleness
 * markers. One object is reused for all steps.
 */
export interface Window {
  times: Float64Array;
  values: Float64Array;
  from: number;
  to: number;
  rangeStart: number;
  rangeEnd: number;
  rangeSeconds: number;
  /** Differs from rangeEnd behind an offset or `@`. */
  evaluationTime: number;
  parameter: number;
  secondParameter: number;
}

/** Returns undefined where the result is absent. */
export type WindowFunction = (window: Window) => number | undefined;

export const windowFunctions = {
  rate: (w) => extrapolate(w, { isCounter: true, isRate: true }),
  increase: (w) => extrapolate(w, { isCounter: true, isRate: false }),
  delta: (w) => extrapolate(w, { isCounter: false, isRate: false }),
  irate: instantRate,
  idelta: instantDelta,
  sum_over_time: sumOf,
  avg_over_time: meanOf,
  min_over_time: (w) => w.values[extremeIndex(w, (value, best) => value < best)],
  max_over_time: (w) => w.values[extremeIndex(w, (value, best) => value > best)],
  count_over_time: (w) => w.to - w.from,
  last_over_time: (w) => w.values[w.to - 1],
  first_over_time: (w) => w.values[w.from],
  present_over_time: () => 1,
  stddev_over_time: (w) => Math.sqrt(varianceOf(w)),
  stdvar_over_time: varianceOf,
  changes: changesOf,
  resets: resetsOf,
  quantile_over_time: (w) => quantileOf(w.values.slice(w.from, w.to), w.parameter),
  mad_over_time: medianAbsoluteDeviation,
  deriv: (w) => (w.to - w.from < 2 ? undefined : slopeOf(w)),
  predict_linear: (w) => (w.to - w.from < 2 ? undefined : predictLinear(w)),
  double_exponential_smoothing: smoothed,
  ts_of_first_over_time: (w) => w.times[w.from]! / 1000,
  // As Prometheus has it: 0 for every time before the epoch.
  ts_of_last_over_time: (w) => Math.max(0, w.times[w.to - 1]! / 1000),
  ts_of_min_over_time: (w) => w.times[extremeIndex(w, (value, best) => value <= best)]! / 1000,
  ts_of_max_over_time: (w) => w.times[extremeIndex(w, (value, best) => value >= best)]! / 1000,
} satisfies Record<string, WindowFunction>;

/**
 * rate, increase and delta: the difference between the window's last and first sample, stretched towards the
 * window's ends. A gap of less than 1.1 average intervals is closed, a wider one is entered by half an
 * interval, and a counter is not stretched to before the time when it was zero.
 */
function extrapolate(
  { times, values, from, to, rangeStart, rangeEnd, rangeSeconds }: Window,
  { isCounter, isRate }: { isCounter: boolean; isRate: boolean },
): number | undefined {
  if (to - from < 2) return undefined;
  const first = values[from]!;
  const firstTime = times[from]!;
  const lastTime = times[to - 1]!;
  let difference = values[to - 1]! - first;
  if (isCounter) {
    for (let i = from + 1; i < to; i++) if (values[i]! < values[i - 1]!) difference += values[i - 1]!;
  }
  const sampledSeconds = (lastTime - firstTime) / 1000;
  const intervalSeconds = sampledSeconds / (to - from - 1);
  const threshold = intervalSeconds * 1.1;

  let toStart = (firstTime - rangeStart) / 1000;
  if (toStart >= threshold) toStart = intervalSeconds / 2;
  if (isCounter && difference > 0 && first >= 0) {
    const toZero = sampledSeconds * (first / difference);
    if (toZero < toStart) toStart = toZero;
  }
  let toEnd = (rangeEnd - lastTime) / 1000;
  if (toEnd >= threshold) toEnd = intervalSeconds / 2;

  let factor = (sampledSeconds + toStart + toEnd) / sampledSeconds;
  if (isRate) factor /= rangeSeconds;
  return difference * factor;
}

function instantRate({ times, values, from, to }: Window): number | undefined {
  if (to - from < 2) return undefined;
  const intervalMs = times[to - 1]! - times[to - 2]!;
  if (intervalMs === 0) return undefined;
  const last = values[to - 1]!;
  const previous = values[to - 2]!;
  return (last < previous ? last : last - previous) / (intervalMs / 1000);
}

function instantDelta({ times, values, from, to }: Window): number | undefined {
  if (to - from < 2 || times[to - 1]! === times[to - 2]!) return undefined;
  return values[to - 1]! - values[to - 2]!;
}

function sumOf({ values, from, to }: Window): number {
  const sum = new KahanSum();
  for (let i = from; i < to; i++) sum.add(values[i]!);
  return isInfinite(sum.sum) ? sum.sum : sum.total;
}

/** The sum divided by the count; from where the sum would overflow on, the mean grown sample by sample. */
function meanOf({ values, from, to }: Window): number {
  const sum = new KahanSum();
  sum.sum = values[from]!;
  let isIncremental = false;
  for (let i = from + 1; i < to; i++) {
    const count = i - from + 1;
    if (!isIncremental) {
      if (!isInfinite(sum.sum + values[i]!)) {
        sum.add(values[i]!);
        continue;
      }
      isIncremental = true;
      sum.sum /= count - 1;
      sum.compensation /= count - 1;
    }
    const weight = (count - 1) / count;
    sum.sum *= weight;
    sum.compensation *= weight;
    sum.add(values[i]! / count);
  }
  const count = to - from;
  return isIncremental ? sum.total : sum.sum / count + sum.compensation / count;
}

/** Welford's algorithm with both sums compensated. */
function varianceOf({ values, from, to }: Window): number {
  const mean = new KahanSum();
  const squares = new KahanSum();
  for (let i = from; i < to; i++) {
    const deviation = values[i]! - mean.total;
    mean.add(deviation / (i - from + 1));
    squares.add(deviation * (values[i]! - mean.total));
  }
  return squares.total / (to - from);
}

/** The index of the value that beats all others; any value beats NaN, so NaN remains only among NaN. */
function extremeIndex({ values, from, to }: Window, beats: (value: number, best: number) => boolean): number {
  let best = from;
  for (let i = from; i < to; i++)
    if (beats(values[i]!, values[best]!) || Number.isNaN(values[best]!)) best = i;
  return best;
}

/** From one NaN to another is no change. */
function changesOf({ values, from, to }: Window): number {
  let changes = 0;
  for (let i = from + 1; i < to; i++) {
    const isChange = values[i]! !== values[i - 1]!;
    if (isChange && !(Number.isNaN(values[i]!) && Number.isNaN(values[i - 1]!))) changes++;
  }
  return changes;
}

function resetsOf({ values, from, to }: Window): number {
  let resets = 0;
  for (let i = from + 1; i < to; i++) if (values[i]! < values[i - 1]!) resets++;
  return resets;
}

/** Interpolates between the two nearest ranks; NaN ranks below everything. Sorts `values`. */
function quantileOf(values: Float64Array, phi: number): number {
  if (Number.isNaN(phi)) return Number.NaN;
  if (phi < 0) return Number.NEGATIVE_INFINITY;
  if (phi > 1) return Number.POSITIVE_INFINITY;
  values.sort();
  let numbers = values.length;
  while (numbers > 0 && Number.isNaN(values[numbers - 1]!)) numbers--;
  // The sort puts NaN last: they are turned round to the front.
  const valueAt = (rank: number) => values[(rank + numbers) % values.length]!;
  const rank = phi * (values.length - 1);
  const lower = Math.floor(rank);
  const weight = rank - lower;
  return valueAt(lower) * (1 - weight) + valueAt(Math.min(values.length - 1, lower + 1)) * weight;
}

/** NaN wherever it stands in the window makes NaN, as in Prometheus 3.14. */
function medianAbsoluteDeviation({ values, from, to }: Window): number {
  const sorted = values.slice(from, to);
  if (sorted.some(Number.isNaN)) return Number.NaN;
  const median = quantileOf(sorted, 0.5);
  return quantileOf(
    sorted.map((value) => Math.abs(value - median)),
    0.5,
  );
}

/** Holt's linear method: `parameter` is the smoothing factor, `secondParameter` the trend factor. */
function smoothed({ values, from, to, parameter, secondParameter }: Window): number | undefined {
  if (to - from < 2) return undefined;
  let before = 0;
  let level = values[from]!;
  let trend = values[from + 1]! - values[from]!;
  for (let i = from + 1; i < to; i++) {
    const scaled = parameter * values[i]!;
    if (i > from + 1) trend = secondParameter * (level - before) + (1 - secondParameter) * trend;
    before = level;
    level = scaled + (1 - parameter) * (level + trend);
  }
  return level;
}
