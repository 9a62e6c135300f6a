import { describe, expect, it } from "vitest";
import { IntervalLearner, leaseDurationMs } from "../../../src/ingest/source/lease.js";

describe("leaseDurationMs", () => {
  it.each([
    [1000, 3000],
    [60_000, 126_000],
    [3_600_000, 7_230_000],
  ])("of an interval of %d ms is %d ms", (intervalMs, leaseMs) => {
    expect(leaseDurationMs(intervalMs)).toBe(leaseMs);
  });
});

describe("IntervalLearner", () => {
  it.each<[string, number[], number | undefined]>([
    ["nothing of two pushes", [0, 60], undefined],
    ["the interval of three", [0, 60, 120], 60],
    ["it in spite of a gap", [0, 60, 120, 180, 5000, 5060, 5120], 60],
    ["the longer of two, when in doubt", [0, 60, 300], 240],
    ["it from pushes in parts", [0, 0.1, 0.2, 60, 60.1, 60.5, 120, 120.9], 60],
    ["no less than five seconds", [0, 1, 2, 3, 4], 5],
    ["a change", [0, 60, 120, 180, 240, 250, 260, 270, 280, 290, 300], 10],
  ])("learns %s", (_, seconds, expected) => {
    const learner = new IntervalLearner();
    for (const second of seconds) learner.observe(second * 1000);
    expect(learner.intervalMs).toBe(expected === undefined ? undefined : expected * 1000);
  });
});
