import { describe, expect, it } from "vitest";
import { TroubleLog } from "../../src/discovery/trouble-log.js";
import { FakeClock } from "../support/fake-clock.js";

function open() {
  const clock = new FakeClock(0);
  const told: string[] = [];
  const onEvent = ({ message }: { message: string }) => told.push(message.replace(/^s (?:.*: )?/, ""));
  return { clock, told, log: new TroubleLog("s", { clock, onEvent }) };
}

describe("the log of a discovery's troubles", () => {
  it("tells what is new, once", () => {
    const { told, log } = open();
    for (const trouble of ["", "a", "a", "b", "", ""]) log.note(trouble);
    expect(told).toEqual(["a", "b", "works again"]);
  });

  it("tells one a minute of what goes on changing, and then how things stand", () => {
    const { clock, told, log } = open();
    for (let second = 0; second < 3600; second++) {
      log.note(`trouble ${second}`);
      clock.advance(1000);
    }
    expect(told.length).toBeGreaterThan(50);
    expect(told.length).toBeLessThan(70);
    expect(told.slice(0, 5)).toEqual([0, 1, 2, 3, 4].map((second) => `trouble ${second}`));
    log.note("");
    expect(told.at(-1)).not.toBe("works again");
    clock.advance(60_000);
    expect(told.at(-1)).toBe("works again");
    const { length } = told;
    clock.advance(600_000);
    expect(told).toHaveLength(length);
  });

  it("says nothing of what came and went meanwhile, nor after it was closed", () => {
    const { clock, told, log } = open();
    for (const trouble of ["a", "b", "c", "d", "e", "f"]) log.note(trouble);
    log.note("e");
    clock.advance(60_000);
    expect(told).toEqual(["a", "b", "c", "d", "e"]);
    log.note("g");
    log.note("h");
    log.close();
    clock.advance(600_000);
    log.note("i");
    expect(told).toEqual(["a", "b", "c", "d", "e", "g"]);
  });
});
