import { describe, expect, it } from "vitest";
import { ToldWarnings } from "../../src/config/told-warnings.js";

describe("warnings of a configuration", () => {
  it("are told when they are new, wherever they stand", () => {
    const told: string[] = [];
    const warnings = new ToldWarnings((warning) => told.push(warning));
    const review = (...now: string[]) => {
      told.length = 0;
      warnings.review(now);
      return [...told];
    };
    const ofJob = (line: number, i: number, key: string) =>
      `p.yml:${line}: scrape_configs[${i}].${key} is odd`;
    expect(review("p.yml:1: a", ofJob(3, 0, "x"))).toEqual(["p.yml:1: a", ofJob(3, 0, "x")]);
    expect(review("p.yml:2: a", ofJob(9, 1, "x"))).toEqual([]);
    expect(review("p.yml:2: a", ofJob(4, 0, "x"), ofJob(9, 1, "x"))).toEqual([ofJob(9, 1, "x")]);
    expect(review(ofJob(4, 0, "y"))).toEqual([ofJob(4, 0, "y")]);
    expect(review("p.yml:2: a", "q.yml:2: a")).toEqual(["p.yml:2: a", "q.yml:2: a"]);
  });
});
