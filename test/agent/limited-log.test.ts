import { describe, expect, it } from "vitest";
import { LimitedLog } from "../../src/agent/limited-log.js";
import { FakeClock } from "../support/fake-clock.js";

describe("a log about somebody else", () => {
  it("has no more than some lines an hour, and says how many it has not", () => {
    const clock = new FakeClock(0);
    const told: string[] = [];
    const log = new LimitedLog("the server", { clock, onEvent: ({ message }) => told.push(message) });
    for (let i = 0; i < 3600; i++) {
      for (let j = 0; j < 100; j++) log.tell("info", "a");
      clock.advance(1000);
    }
    log.close();
    const summaries = told.filter((message) => message !== "a");
    expect(told.length - summaries.length).toBeGreaterThan(390);
    expect(told.length - summaries.length).toBeLessThan(410);
    expect(summaries.length).toBeLessThan(8);
    const counted = summaries.map((message) => Number(/^(\d+) lines about the server /.exec(message)![1]));
    const leftOut = counted.reduce((sum, count) => sum + count, 0);
    expect(leftOut + told.length - summaries.length).toBe(360_000);
    const { length } = told;
    log.close();
    clock.advance(3_600_000);
    expect(told).toHaveLength(length);
  });
});
