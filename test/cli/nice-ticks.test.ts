import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { niceTicks } from "../../src/cli/nice-ticks.js";

describe("ticks", () => {
  it.each([
    [0, 9, [0, 2, 4, 6, 8, 10]],
    [-0.3, 0.3, [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]],
    [998, 1012, [995, 1000, 1005, 1010, 1015]],
    [5, 5, [5, 5.2]],
  ])("of %d to %d", (min, max, ticks) => expect(niceTicks(min, max, 5)).toEqual(ticks));

  it("enclose every range with few of them", () => {
    const value = fc.double({ min: -1e12, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        const ticks = niceTicks(min, max, 5);
        const slack = Math.abs(max - min) * 1e-9 + Math.max(Math.abs(min), Math.abs(max)) * 1e-11;
        expect(ticks[0]).toBeLessThanOrEqual(min + slack);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(max - slack);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(9);
      }),
    );
  });
});
