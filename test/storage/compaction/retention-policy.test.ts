import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import type { SeriesRef } from "../../../src/model/series.js";
import { RetentionPolicy, type SeriesRetention } from "../../../src/storage/compaction/retention-policy.js";
import { MemoryPostings } from "../../../src/storage/index/memory-postings.js";

const day = 24 * 3_600_000;
const hour = 3_600_000;
const now = 1000 * day;

const job = (value: string, retentionMs: number, operator: "=" | "=~" | "!=" = "="): SeriesRetention => ({
  matchers: [new Matcher("job", operator, value)],
  retentionMs,
});

describe("RetentionPolicy.ageLimit", () => {
  const oldest = (policy: RetentionPolicy, labels: Record<string, string>) =>
    now - policy.ageLimit(now).oldestTimeOf(Labels.from(labels));

  it("takes the first rule that accepts a series, and the rest without one", () => {
    const rules = [job("billing", 0), job("debug|billing", 7 * day, "=~")];
    const policy = new RetentionPolicy({ rules, retentionMs: 30 * day });
    expect(oldest(policy, { job: "billing" })).toBe(Infinity);
    expect(oldest(policy, { job: "debug" })).toBe(7 * day);
    expect(oldest(policy, { job: "web" })).toBe(30 * day);
    expect(oldest(policy, { instance: "a" })).toBe(30 * day);
    expect(policy.ageLimit(now).recentFrom).toBe(now - 7 * day);
  });

  it("asks for nothing when all are kept equally long", () => {
    const policy = new RetentionPolicy({ rules: [], retentionMs: 0 });
    expect(policy.ageLimit(now).recentFrom).toBe(-Infinity);
    expect(oldest(policy, { job: "x" })).toBe(Infinity);
  });
});

describe("RetentionPolicy.groups", () => {
  it("has each series once, with the retention that its samples are taken by", () => {
    const name = fc.constantFrom("a", "b", "c");
    const rule = fc
      .tuple(name, fc.constantFrom("=" as const, "!=" as const), fc.constantFrom(0, 1, 2))
      .map(([value, operator, days]) => job(value, days * day, operator));
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), fc.array(name, { maxLength: 8 }), (rules, jobs) => {
        const policy = new RetentionPolicy({ rules, retentionMs: 3 * day });
        const index = new MemoryPostings();
        const labels = jobs.map((value, i) => Labels.from({ job: value, instance: String(i) }));
        for (const [i, each] of labels.entries()) index.add((i + 1) as SeriesRef, each);
        const groups = policy.groups(index);
        expect(new Set(groups.map(({ retentionMs }) => retentionMs)).size).toBe(groups.length);
        const found = groups.flatMap(({ retentionMs, refs }) =>
          Array.from(refs, (ref): [number, number] => [ref, retentionMs]),
        );
        const { oldestTimeOf } = policy.ageLimit(now);
        const expected = labels.map((each, i): [number, number] => [i + 1, now - oldestTimeOf(each)]);
        expect(found.sort(([a], [b]) => a - b)).toEqual(expected);
      }),
    );
  });
});

describe("RetentionPolicy.blockDurationMaxMs", () => {
  const longest = (policy: RetentionPolicy, ageMs: number) =>
    policy.blockDurationMaxMs(now - ageMs, { now, blockDurationMs: 2 * hour }) / hour;

  it("is 31 days, or a tenth of a retention", () => {
    expect(longest(new RetentionPolicy({ rules: [], retentionMs: 0 }), 0)).toBe(31 * 24);
    expect(longest(new RetentionPolicy({ rules: [], retentionMs: 30 * day }), day)).toBe(72);
    expect(longest(new RetentionPolicy({ rules: [], retentionMs: hour }), 0)).toBe(2);
  });

  it("is a tenth of the shortest retention that is not outlived yet", () => {
    const rules = [job("debug", 7 * day), job("trace", day), job("billing", 0)];
    const policy = new RetentionPolicy({ rules, retentionMs: 100 * day });
    expect(longest(policy, 0)).toBeCloseTo(2.4);
    expect(longest(policy, day - 1)).toBeCloseTo(2.4);
    expect(longest(policy, day)).toBeCloseTo(16.8);
    expect(longest(policy, 7 * day)).toBe(240);
    expect(longest(policy, 100 * day)).toBe(31 * 24);
  });
});
