/**
 * Least squares over the samples of a window, for deriv and predict_linear, with compensated sums.
 *
 * The slope and the value at `interceptTime`; a window of equal values has slope 0 and that value exactly.
 */

import { isInfinite, KahanSum } from "./kahan-sum.js";
import type { Window } from "./window-functions.js";

/** Per second. Times count from the first sample, which keeps them small. */
export function slopeOf(window: Window): number {
  return regress(window, window.times[window.from]!).slope;
}

/** The line's value `parameter` seconds after the evaluation time. */
export function predictLinear(window: Window): number {
  const { slope, intercept } = regress(window, window.evaluationTime);
  return slope * window.parameter + intercept;
}

function regress(
  { times, values, from, to }: Window,
  interceptTime: number,
): { slope: number; intercept: number } {
  const count = to - from;
  const sumX = new KahanSum();
  const sumY = new KahanSum();
  const sumXY = new KahanSum();
  const sumXX = new KahanSum();
  const first = values[from]!;
  let isConstant = true;
  for (let i = from; i < to; i++) {
    const y = values[i]!;
    if (i > from && y !== first) isConstant = false;
    const x = (times[i]! - interceptTime) / 1000;
    sumX.add(x);
    sumY.add(y);
    sumXY.add(x * y);
    sumXX.add(x * x);
  }
  if (isConstant) {
    if (isInfinite(first)) return { slope: Number.NaN, intercept: Number.NaN };
    return { slope: 0, intercept: first };
  }
  const covariance = sumXY.total - (sumX.total * sumY.total) / count;
  const variance = sumXX.total - (sumX.total * sumX.total) / count;
  const slope = covariance / variance;
  return { slope, intercept: sumY.total / count - (slope * sumX.total) / count };
}
