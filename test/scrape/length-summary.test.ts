import { describe, expect, it } from "vitest";
import { LengthSummary } from "../../src/scrape/length-summary.js";
import { FakeClock } from "../support/fake-clock.js";

describe("a summary of lengths", () => {
  it("counts all, and has quantiles of the last ten minutes", () => {
    const clock = new FakeClock(0);
    const summary = new LengthSummary(clock);
    expect(summary.quantiles([0.5])).toEqual([Number.NaN]);
    for (let i = 100; i >= 1; i--) summary.observe(i * 1000);
    expect(summary.quantiles([0, 0.01, 0.5, 0.99, 1])).toEqual([1, 1, 50, 99, 100]);
    clock.advance(300_000);
    summary.observe(7000);
    expect(summary.quantiles([1])).toEqual([100]);
    clock.advance(300_000);
    expect(summary.quantiles([0.01, 1])).toEqual([7, 7]);
    clock.advance(300_000);
    expect(summary.quantiles([0.5])).toEqual([Number.NaN]);
    expect([summary.count, summary.sumSeconds]).toEqual([101, 5057]);
  });

  it("remembers the last ones only, however many come", () => {
    const summary = new LengthSummary(new FakeClock(0));
    for (let i = 0; i < 5000; i++) summary.observe(i * 1000);
    expect(summary.quantiles([0, 1])).toEqual([5000 - 1024, 4999]);
    expect(summary.count).toBe(5000);
  });
});
