import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RoomShares } from "../../../src/ingest/source/room-shares.js";

const names = ["a", "b", "c", "other"];

describe("RoomShares", () => {
  it("gives all to a job that is alone", () => {
    const shares = new RoomShares(10);
    shares.divide(10, ["a"]);
    shares.use("a", 9);
    expect(shares.lack("a")).toBeUndefined();
    shares.use("a", 1);
    expect(shares.lack("a")).toBe("full");
  });

  it("keeps some from a job that has most of it, where none is configured", () => {
    const shares = new RoomShares(20, 0.1);
    shares.use("a", 10);
    expect([shares.lack("a", 8), shares.lack("a", 9)]).toEqual([undefined, "kept"]);
    shares.use("a", 8);
    expect([shares.lack("a"), shares.lack("b", 2), shares.lack("b", 3)]).toEqual(["kept", undefined, "full"]);
    shares.divide(20, ["a"]);
    expect(shares.lack("a", 2)).toBeUndefined();
    const small = new RoomShares(9, 0.1);
    expect(small.lack("a", 9)).toBeUndefined();
  });

  it("keeps for each of several jobs its part of a half", () => {
    const shares = new RoomShares(0);
    shares.divide(12, ["a", "b", "c"]);
    expect([shares.lack("a", 8), shares.lack("a", 9)]).toEqual([undefined, "kept"]);
    shares.use("b", 1);
    expect([shares.lack("a", 8), shares.lack("a", 9)]).toEqual([undefined, "kept"]);
    expect(shares.lack("unknown", 7)).toBe("kept");
  });

  it("never takes from a job what it is promised, and never gives more than there is", () => {
    const steps = fc.array(
      fc.record({
        job: fc.constantFrom(...names),
        wanted: fc.integer({ min: 1, max: 6 }),
        isBack: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        (some, at, max) => {
          const shares = new RoomShares(max);
          const jobs = names.slice(0, 3);
          const used = new Map(names.map((name) => [name, 0]));
          for (const [i, { job, wanted, isBack }] of some.entries()) {
            if (i === at) shares.divide(max, jobs);
            const mine = used.get(job)!;
            const change = isBack
              ? -Math.min(mine, wanted)
              : shares.lack(job, wanted) === undefined
                ? wanted
                : 0;
            shares.use(job, change);
            used.set(job, mine + change);
            expect(shares.usedBy(job)).toBe(mine + change);
            const all = [...used.values()].reduce((sum, count) => sum + count, 0);
            expect(all).toBeLessThanOrEqual(max);
            if (at !== 0) continue;
            const promised = Math.floor(max / 2 / jobs.length);
            for (const other of jobs)
              if (used.get(other)! < promised) expect(shares.lack(other)).toBeUndefined();
          }
        },
      ),
    );
  });
});
