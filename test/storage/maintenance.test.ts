import { describe, expect, it } from "vitest";
import { LATE_SAMPLES_MAX, planCut } from "../../src/storage/maintenance.js";

const situation = {
  blockDurationMs: 100,
  lastCutEnd: -Infinity,
  lateSamples: 0,
  hasOutlived: false,
  now: 1_000_000,
};
const planFor = (minTime: number, maxTime: number, more: Partial<typeof situation> = {}) =>
  planCut({ ...situation, headRange: { minTime, maxTime }, ...more });

describe("planCut", () => {
  it("cuts nothing from an empty head", () => {
    expect(planCut({ ...situation, headRange: undefined })).toBeUndefined();
  });

  it("waits until the newest time has passed a window by half a window", () => {
    expect(planFor(10, 149)).toBeUndefined();
    expect(planFor(10, 150)).toBe(100);
    expect(planFor(10, 249)).toBe(100);
    expect(planFor(10, 1050)).toBe(1000);
  });

  it("cuts windows before 1970", () => {
    expect(planFor(-990, -851)).toBeUndefined();
    expect(planFor(-990, -850)).toBe(-900);
  });

  it("has nothing to cut when everything is newer than the complete windows", () => {
    expect(planFor(200, 260)).toBeUndefined();
  });

  it("leaves late samples for the next window's cut, unless they are many", () => {
    expect(planFor(10, 250, { lastCutEnd: 200, lateSamples: 10 })).toBeUndefined();
    expect(planFor(10, 250, { lastCutEnd: 200, lateSamples: LATE_SAMPLES_MAX })).toBe(200);
    expect(planFor(10, 350, { lastCutEnd: 200, lateSamples: 10 })).toBe(300);
  });

  it("takes all that is left when it is kept no longer", () => {
    expect(planFor(10, 149, { hasOutlived: true })).toBe(200);
    expect(planFor(10, 250, { hasOutlived: true, lastCutEnd: 400, lateSamples: 1 })).toBe(300);
  });

  it("is not misled by a sample from the future", () => {
    expect(planFor(10, 10 ** 12, { now: 260 })).toBe(200);
    expect(planFor(10, 10 ** 12, { now: 20 })).toBeUndefined();
  });
});
