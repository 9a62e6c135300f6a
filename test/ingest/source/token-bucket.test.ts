import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../../src/ingest/source/token-bucket.js";

describe("TokenBucket", () => {
  it("holds ten seconds' worth, and says when there is more", () => {
    const bucket = new TokenBucket(2, 0);
    for (let i = 0; i < 20; i++) {
      expect(bucket.waitMs(0)).toBe(0);
      bucket.take(1, 0);
    }
    expect(bucket.waitMs(0)).toBe(1);
    bucket.take(3, 0);
    expect(bucket.waitMs(0)).toBe(1501);
    expect(bucket.waitMs(1501)).toBe(0);
    expect(bucket.isFull(10_000)).toBe(false);
    expect(bucket.isFull(11_500)).toBe(true);
  });

  it("tells how much of what was taken it had, and forgives debt beyond the limit", () => {
    const bucket = new TokenBucket(2, 0, 1);
    expect(bucket.take(15, 0)).toBe(15);
    expect(bucket.take(15, 0)).toBe(5);
    expect(bucket.take(15, 0)).toBe(0);
    expect(bucket.waitMs(0)).toBe(1001);
  });

  it("is not moved by a clock that is set back", () => {
    const bucket = new TokenBucket(1, 1_000_000);
    bucket.take(11, 1_000_000);
    expect(bucket.waitMs(0)).toBe(1001);
    expect(bucket.waitMs(1001)).toBe(0);
  });

  it("never ends when the rate is infinite", () => {
    const bucket = new TokenBucket(Infinity, 0);
    bucket.take(1e12, 0);
    expect(bucket.waitMs(0)).toBe(0);
  });

  it("lets nobody have more than rate, burst and one last take", () => {
    const steps = fc.array(fc.record({ afterMs: fc.nat(3000), amount: fc.nat(50) }), { maxLength: 50 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (rate, takes) => {
        const bucket = new TokenBucket(rate, 0);
        let now = 0;
        let taken = 0;
        for (const { afterMs, amount } of takes) {
          now += afterMs;
          const waitMs = bucket.waitMs(now);
          if (waitMs > 0) continue;
          expect(taken).toBeLessThan(rate * 10 + (rate * now) / 1000 + 1e-6);
          bucket.take(amount, now);
          taken += amount;
        }
      }),
    );
  });
});
