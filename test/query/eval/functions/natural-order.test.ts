import { describe, expect, it } from "vitest";
import { compareNatural } from "../../../../src/query/eval/functions/natural-order.js";

describe("compareNatural", () => {
  it.each([
    ["node9", "node10"],
    ["node", "node1"],
    ["a1b2", "a1b10"],
    ["1.9.2", "1.10.0"],
    ["", "a"],
    ["9", "a"],
    ["12345678901234567890", "12345678901234567891"],
  ])("%s before %s", (a, b) => {
    expect(compareNatural(a, b)).toBeLessThan(0);
    expect(compareNatural(b, a)).toBeGreaterThan(0);
    expect(compareNatural(a, a)).toBe(0);
  });
});
