import { describe, expect, it } from "vitest";
import { formatNamePairs, parseLabelPairs, parseRenames } from "../../src/model/name-pairs.js";

describe("name pairs", () => {
  it("as labels", () => {
    expect(parseLabelPairs("a=b, c = d=e,,")).toEqual({ a: "b", c: "d=e" });
    expect(() => parseLabelPairs("a=b,c")).toThrow('"c" has no value: write c=VALUE');
  });

  it("as renames, where a name alone stands for itself", () => {
    expect(parseRenames("a,b c=d")).toEqual({ a: "a", "b c": "d" });
    expect(parseRenames("")).toEqual({});
  });

  it("read back what was written", () => {
    const pairs = { a: "b", "c d": "e=f" };
    expect(parseLabelPairs(formatNamePairs(pairs))).toEqual(pairs);
  });
});
