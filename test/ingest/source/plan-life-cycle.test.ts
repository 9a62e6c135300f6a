import { describe, expect, it } from "vitest";
import { type LifeCycleView, nextDueOf, planLifeCycle } from "../../../src/ingest/source/plan-life-cycle.js";

const minute = 60_000;
const hour = 60 * minute;
const now = 1000 * hour;
/** Pushed a minute ago, every minute, reported then. */
const living: LifeCycleView = {
  state: "up",
  isExpected: false,
  isReported: true,
  staleness: { kind: "lease" },
  intervalMs: minute,
  lastPush: now - minute,
  leaseStart: now - minute,
  downSince: Infinity,
  lastReport: now - 50_000,
  lastRepeat: -Infinity,
  hasLiveSeries: true,
};
const down: Partial<LifeCycleView> = { state: "down", downSince: now - hour, hasLiveSeries: false };
const hold = { kind: "hold", durationMs: hour } as const;

describe("planLifeCycle", () => {
  it.each<[string, Partial<LifeCycleView>, readonly string[]]>([
    ["nothing while the lease holds", {}, []],
    ["a report that is due", { lastReport: now - minute }, ["repeatsReports"]],
    ["a missed lease", { leaseStart: now - 126_000 }, ["isMissed", "endsSeries", "repeatsReports"]],
    ["no missed lease a moment before", { leaseStart: now - 125_999 }, []],
    [
      "a lease of unknown length",
      { intervalMs: undefined, leaseStart: now - 11 * minute },
      ["isMissed", "endsSeries", "repeatsReports"],
    ],
    ["values that are held", { staleness: hold }, ["repeatsValues"]],
    [
      "held values in spite of a missed lease",
      { staleness: hold, leaseStart: now - 5 * minute },
      ["isMissed", "repeatsValues", "repeatsReports"],
    ],
    [
      "a hold that is over",
      { staleness: hold, ...down, hasLiveSeries: true, lastPush: now - hour },
      ["endsSeries"],
    ],
    [
      "no end of what lives for ever",
      { staleness: { kind: "forever" }, intervalMs: undefined, leaseStart: 0, lastPush: 0 },
      ["repeatsValues"],
    ],
    ["one that is down", down, []],
    ["series left over from a failed write", { ...down, hasLiveSeries: true }, ["endsSeries"]],
    ["a day of being down", { ...down, downSince: now - 24 * hour }, ["isForgotten"]],
    ["a day of being down, expected", { ...down, downSince: now - 24 * hour, isExpected: true }, []],
    [
      "a policy alone",
      {
        isReported: false,
        staleness: hold,
        intervalMs: undefined,
        lastPush: now - hour,
        leaseStart: now - hour,
      },
      ["isMissed", "endsSeries", "isForgotten"],
    ],
  ])("sees %s", (_, changes, expected) => {
    const plan = planLifeCycle({ ...living, ...changes }, now, minute);
    const done = Object.entries(plan).filter(([, isDone]) => isDone);
    expect(done.map(([name]) => name).sort()).toEqual([...expected].sort());
  });
});

describe("nextDueOf", () => {
  it.each<[string, Partial<LifeCycleView>, number]>([
    ["the next report", {}, now + 10_000],
    ["the end of the lease", { lastReport: now, leaseStart: now - 100_000 }, now + 26_000],
    ["now, when series are left over", { ...down, hasLiveSeries: true }, -Infinity],
    ["the end of the day", { ...down, lastReport: now + 30 * hour }, now + 23 * hour],
    [
      "the next repetition",
      { staleness: hold, lastReport: now, lastRepeat: now - 30_000, leaseStart: now },
      now + 30_000,
    ],
  ])("is %s", (_, changes, expected) => {
    expect(nextDueOf({ ...living, ...changes }, minute)).toBe(expected);
  });
});
