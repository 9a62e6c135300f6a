import { beforeEach, describe, expect, it } from "vitest";
import { GatheredCommits } from "../../src/scrape/gathered-commits.js";
import { FakeClock } from "../support/fake-clock.js";

let clock: FakeClock;
let commits: GatheredCommits;
let begun: string[];

beforeEach(() => {
  clock = new FakeClock();
  commits = new GatheredCommits(clock);
  begun = [];
});

function arriveWith(name: string): void {
  commits.add(() => begun.push(name));
  commits.arrive();
}

describe("GatheredCommits", () => {
  it("begins a commit at once when no other scrape is on its way", () => {
    commits.depart();
    arriveWith("a");
    expect(begun).toEqual(["a"]);
    expect(clock.nextDue).toBeUndefined();
  });

  it("begins the commits of scrapes that are on their way together when the last has arrived", () => {
    commits.depart();
    commits.depart();
    commits.depart();
    arriveWith("a");
    arriveWith("b");
    expect(begun).toEqual([]);
    // One that was stopped has nothing to commit.
    commits.arrive();
    expect(begun).toEqual(["a", "b"]);
  });

  it("waits for a slow target only for a moment", () => {
    commits.depart();
    commits.depart();
    commits.depart();
    arriveWith("a");
    clock.advance(20);
    arriveWith("b");
    clock.advance(5);
    expect(begun).toEqual(["a", "b"]);
    clock.advance(1000);
    arriveWith("slow");
    expect(begun).toEqual(["a", "b", "slow"]);
    expect(clock.nextDue).toBeUndefined();
  });
});
