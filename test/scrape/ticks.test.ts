import { beforeEach, describe, expect, it } from "vitest";
import { Ticks } from "../../src/scrape/ticks.js";
import { FakeClock } from "../support/fake-clock.js";

/** Counts the timers that are set, and takes time while it runs a task. */
class CountingClock extends FakeClock {
  timers = 0;

  override schedule(delayMs: number, task: () => void): () => void {
    this.timers++;
    return super.schedule(delayMs, task);
  }
}

let clock: CountingClock;
let ticks: Ticks;
let begun: string[];

beforeEach(() => {
  clock = new CountingClock(1000);
  ticks = new Ticks(clock);
  begun = [];
});

const at = (due: number, name: string) => ticks.at(due, (now) => begun.push(`${name} ${now}`));

describe("Ticks", () => {
  it("begins what is due at the same time by one timer, in the order in which it came", () => {
    at(1100, "a");
    at(1200, "c");
    at(1100, "b");
    expect(clock.timers).toBe(2);
    clock.advance(100);
    expect(begun).toEqual(["a 1100", "b 1100"]);
    clock.advance(100);
    expect(begun).toEqual(["a 1100", "b 1100", "c 1200"]);
  });

  it("tells all that begin together the same time", () => {
    ticks.at(1100, () => clock.set(1150));
    at(1100, "late");
    clock.advance(100);
    expect(begun).toEqual(["late 1100"]);
  });

  it("begins at once what is overdue", () => {
    at(900, "a");
    clock.advance(0);
    expect(begun).toEqual(["a 1000"]);
  });

  it("cancels one without the others, and the timer with the last one", () => {
    const cancelA = at(1100, "a");
    const cancelB = at(1100, "b");
    cancelA();
    cancelA();
    expect(clock.nextDue).toBe(1100);
    cancelB();
    expect(clock.nextDue).toBeUndefined();
    at(1100, "c");
    cancelB();
    clock.advance(100);
    expect(begun).toEqual(["c 1100"]);
  });

  it("lets a task cancel one behind it, and begin another one for the same time", () => {
    ticks.at(1100, () => {
      cancel();
      at(1100, "again");
    });
    const cancel = at(1100, "cancelled");
    clock.advance(100);
    expect(begun).toEqual(["again 1100"]);
  });
});
