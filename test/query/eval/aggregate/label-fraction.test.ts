import { describe, expect, it } from "vitest";
import { Labels } from "../../../../src/model/labels.js";
import { labelFraction } from "../../../../src/query/eval/aggregate/label-fraction.js";

describe("labelFraction", () => {
  it("is xxHash64 of no bytes for no labels", () => {
    expect(labelFraction(Labels.empty)).toBe(Number(0xef46db3751d8e999n) / 2 ** 64);
  });

  it("spreads label sets of all lengths over [0, 1)", () => {
    const fractions = Array.from({ length: 2000 }, (_, i) =>
      labelFraction(Labels.from({ id: "x".repeat(i % 300), n: `${i}` })),
    );
    expect(new Set(fractions).size).toBe(2000);
    expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
    const low = fractions.filter((fraction) => fraction < 0.25).length;
    expect(low).toBeGreaterThan(420);
    expect(low).toBeLessThan(580);
  });
});
