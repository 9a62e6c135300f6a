import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Buckets,
  bucketFraction,
  bucketQuantile,
  type Monotonicity,
} from "../../../../src/query/eval/functions/classic-histogram.js";

function buckets(pairs: readonly (readonly [bound: number, count: number])[]): Buckets {
  return {
    bounds: Float64Array.from(pairs, ([bound]) => bound),
    counts: Float64Array.from(pairs, ([, count]) => count),
    length: pairs.length,
  };
}

function quantile(phi: number, pairs: readonly (readonly [number, number])[]): number {
  const seen: Monotonicity = { forced: false, minBucket: 0, maxBucket: 0, maxDifference: 0 };
  return bucketQuantile(phi, buckets(pairs), seen);
}

const waits = [
  [1, 10],
  [2, 30],
  [4, 40],
  [Infinity, 40],
] as const;

describe("bucketQuantile", () => {
  it("interpolates from 0 in the first bucket and ends at the last finite bound", () => {
    expect(quantile(0.125, waits)).toBe(0.5);
    expect(quantile(0.5, waits)).toBe(1.5);
    expect(quantile(1, waits)).toBe(4);
    expect(
      quantile(1, [
        [1, 1],
        [Infinity, 2],
      ]),
    ).toBe(1);
  });

  it("knows nothing without a +Inf bucket, of one bucket or of no observation", () => {
    expect(
      quantile(0.5, [
        [1, 1],
        [2, 2],
      ]),
    ).toBeNaN();
    expect(quantile(0.5, [[Infinity, 2]])).toBeNaN();
    expect(
      quantile(0.5, [
        [1, 0],
        [Infinity, 0],
      ]),
    ).toBeNaN();
  });

  it("is infinite outside of [0, 1]", () => {
    expect(quantile(-0.1, waits)).toBe(-Infinity);
    expect(quantile(1.1, waits)).toBe(Infinity);
    expect(quantile(NaN, waits)).toBeNaN();
  });

  it("says what it had to lift, but not noise in the last digits", () => {
    const seen: Monotonicity = { forced: false, minBucket: 0, maxBucket: 0, maxDifference: 0 };
    bucketQuantile(
      0.5,
      buckets([
        [1, 4],
        [2, 2],
        [3, 1],
        [Infinity, 8],
      ]),
      seen,
    );
    expect(seen).toEqual({ forced: true, minBucket: 2, maxBucket: 3, maxDifference: 3 });
    bucketQuantile(
      0.5,
      buckets([
        [1, 4],
        [2, 4 - 1e-13],
        [Infinity, 8],
      ]),
      seen,
    );
    expect(seen.forced).toBe(false);
  });

  it("does not fall as phi rises (at 0, an empty first bucket makes it 0 / 0, as in Prometheus)", () => {
    const counts = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 8 });
    const phi = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(counts, phi, phi, (list, a, b) => {
        let sum = 0;
        const pairs = list.map((count, i) => {
          sum += count;
          return [i === list.length - 1 ? Infinity : i + 1, sum] as const;
        });
        fc.pre(sum > 0);
        expect(quantile(Math.min(a, b), pairs)).toBeLessThanOrEqual(quantile(Math.max(a, b), pairs));
      }),
    );
  });
});

describe("bucketFraction", () => {
  it("is the inverse of the quantile", () => {
    expect(bucketFraction({ lower: 0, upper: 1.5 }, buckets(waits))).toBe(0.5);
    expect(bucketFraction({ lower: 1, upper: 2 }, buckets(waits))).toBe(0.5);
    expect(bucketFraction({ lower: -Infinity, upper: Infinity }, buckets(waits))).toBe(1);
  });

  it("is empty when the bounds meet, unknown when they are NaN", () => {
    expect(bucketFraction({ lower: 2, upper: 1 }, buckets(waits))).toBe(0);
    expect(bucketFraction({ lower: NaN, upper: 1 }, buckets(waits))).toBeNaN();
  });
});
