import { describe, expect, it } from "vitest";
import { Matcher } from "../../../src/model/matcher.js";
import { SelectList } from "../../../src/query/plan/merge-selects.js";

const name = new Matcher("__name__", "=", "x");
const room = new Matcher("room", "=~", "a|b");

describe("SelectList", () => {
  it("lets equal selectors share a load that covers both", () => {
    const selects = new SelectList();
    expect(selects.add([name, room], { minTime: 10, maxTime: 20 })).toBe(0);
    expect(selects.add([room, name], { minTime: 21, maxTime: 40 })).toBe(0);
    expect(selects.list()).toEqual([{ matchers: [name, room], range: { minTime: 10, maxTime: 40 } }]);
  });

  it("keeps apart what is far apart, and what selects other series", () => {
    const selects = new SelectList();
    expect(selects.add([name], { minTime: 10, maxTime: 20 })).toBe(0);
    expect(selects.add([name], { minTime: 30, maxTime: 40 })).toBe(1);
    expect(selects.add([name, room], { minTime: 10, maxTime: 20 })).toBe(2);
    expect(selects.list().length).toBe(3);
  });
});
