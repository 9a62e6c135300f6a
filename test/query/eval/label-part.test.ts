import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { LabelPart } from "../../../src/query/eval/label-part.js";

const labels = Labels.from({ __name__: "m", a: "1", b: "2", c: "3" });

describe("LabelPart", () => {
  it("is the named labels, or all but these and the metric name", () => {
    expect(new LabelPart(["c", "a", "x"], { without: false }).of(labels)).toEqual(
      Labels.from({ a: "1", c: "3" }),
    );
    expect(new LabelPart(["a"], { without: true }).of(labels)).toEqual(Labels.from({ b: "2", c: "3" }));
    expect(new LabelPart([], { without: false }).of(labels).size).toBe(0);
  });

  it("has equal keys exactly for equal parts", () => {
    const name = fc.constantFrom("__name__", "a", "b", "c");
    const value = fc.constantFrom("", "1", "2", "ÿ", "1:1", "1,1:b");
    const set = fc.dictionary(name, value).map((record) => Labels.from({ ...record }));
    fc.assert(
      fc.property(set, set, fc.uniqueArray(name), fc.boolean(), (left, right, names, without) => {
        const part = new LabelPart(names, { without });
        expect(part.keyOf(left) === part.keyOf(right)).toBe(part.of(left).equals(part.of(right)));
      }),
      { numRuns: 1000 },
    );
  });
});
