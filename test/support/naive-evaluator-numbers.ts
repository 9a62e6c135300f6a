/**
 * Numbers of the naive evaluator: sums without rounding on the way, means, variances, quantiles.
 */

/** The sum, rounded once: partial sums are kept apart that do not overlap (Shewchuk). */
export function exactSum(values: readonly number[]): number {
  if (!values.every(Number.isFinite)) return values.reduce((sum, value) => sum + value, 0);
  const partials: number[] = [];
  for (const value of values) {
    let rest = value;
    let kept = 0;
    for (const partial of partials) {
      const [large, small] = Math.abs(rest) >= Math.abs(partial) ? [rest, partial] : [partial, rest];
      rest = large + small;
      const lost = small - (rest - large);
      if (lost !== 0) partials[kept++] = lost;
    }
    partials.length = kept;
    partials.push(rest);
  }
  return partials.reverse().reduce((sum, partial) => sum + partial, 0);
}

export function mean(values: readonly number[]): number {
  return exactSum(values) / values.length;
}

/** Of the population. */
export function variance(values: readonly number[]): number {
  const center = mean(values);
  return mean(values.map((value) => (value - center) ** 2));
}

/** Interpolated between the nearest ranks; NaN is the smallest of values. */
export function quantile(phi: number, values: readonly number[]): number {
  if (Number.isNaN(phi) || values.length === 0) return Number.NaN;
  if (phi < 0 || phi > 1) return phi < 0 ? -Infinity : Infinity;
  const sorted = [...values].sort((a, b) => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
    return a < b ? -1 : Number(a > b);
  });
  const rank = phi * (sorted.length - 1);
  const below = sorted[Math.floor(rank)]!;
  const above = sorted[Math.min(Math.floor(rank) + 1, sorted.length - 1)]!;
  const weight = rank - Math.floor(rank);
  return below * (1 - weight) + above * weight;
}

/** The largest by `isBeyond`; NaN only when there is nothing else. */
export function extreme(values: readonly number[], isBeyond: (a: number, b: number) => boolean): number {
  return values.reduce((best, value) => (isBeyond(value, best) || Number.isNaN(best) ? value : best));
}

/** The straight line with the least squares, around `origin`: its slope per second and its value there. */
export function line(
  samples: readonly { readonly time: number; readonly value: number }[],
  origin: number,
): { readonly slope: number; readonly intercept: number } {
  const first = samples[0]!.value;
  if (samples.every(({ value }) => value === first)) {
    return Number.isFinite(first)
      ? { slope: 0, intercept: first }
      : { slope: Number.NaN, intercept: Number.NaN };
  }
  const x = samples.map(({ time }) => (time - origin) / 1000);
  const y = samples.map(({ value }) => value);
  const [meanX, meanY] = [mean(x), mean(y)];
  const covariance = exactSum(x.map((each, i) => (each - meanX) * (y[i]! - meanY)));
  const slope = covariance / exactSum(x.map((each) => (each - meanX) ** 2));
  return { slope, intercept: meanY - slope * meanX };
}
