import { describe, expect, it } from "vitest";
import { QueryBudget, SLICE_MS } from "../../../src/query/eval/budget.js";
import { runAtOnce, runInSlices, type Slices, sortInSlices } from "../../../src/query/eval/slices.js";
import { FakeClock } from "../../support/fake-clock.js";
import { seededRandom } from "../../support/seeded-random.js";

describe("runInSlices", () => {
  it("gives way after every slice but the last", async () => {
    const seen: string[] = [];
    const work = function* (): Slices<number> {
      seen.push("a");
      yield;
      seen.push("b");
      yield;
      seen.push("c");
      return 7;
    };
    expect(await runInSlices(work(), async () => void seen.push("|"))).toBe(7);
    expect(seen.join("")).toBe("a|b|c");
  });

  it("ends where what is between fails", async () => {
    const seen: string[] = [];
    const work = function* (): Slices<void> {
      yield;
      seen.push("went on");
    };
    const refused = runInSlices(work(), () => Promise.reject(new RangeError("no more")));
    await expect(refused).rejects.toThrow("no more");
    expect(seen).toEqual([]);
  });
});

describe("sortInSlices", () => {
  it.each([0, 1, 511, 512, 513, 5000])("sorts %d items as Array.sort does, stably", (length) => {
    const random = seededRandom(length);
    const items = Array.from({ length }, (_, place) => ({ key: Math.floor(random() * 50), place }));
    const compare = (a: { key: number }, b: { key: number }) => a.key - b.key;
    const clock = new FakeClock();
    const budget = new QueryBudget({ samplesMax: 1, bytesMax: 1, timeoutMs: 1e9 }, clock);
    const work = sortInSlices(items, compare, budget);
    budget.beginSlice();
    clock.advance(2 * SLICE_MS);
    const before = [...items];
    expect(runAtOnce(work)).toEqual([...items].sort(compare));
    expect(items).toEqual(before);
  });
});
