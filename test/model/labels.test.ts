import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import { compareText } from "../../src/model/text-order.js";

const text = fc.string({ unit: "binary", maxLength: 6 });
const record = fc.dictionary(fc.string({ unit: "binary", minLength: 1, maxLength: 4 }), text, { maxKeys: 6 });

describe("Labels", () => {
  it("sorts by bytes, leaves empty values out, and gives pairs back", () => {
    const labels = Labels.from({ b: "2", a: "1", c: "" });
    expect([...labels]).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    expect(labels.get("c")).toBe("");
    expect(labels.has("c")).toBe(false);
  });

  it("refuses a label that is given twice", () => {
    expect(() =>
      Labels.from([
        ["a", "1"],
        ["a", "2"],
      ]),
    ).toThrow('the label "a" is given twice');
  });

  it("prints as Prometheus does", () => {
    expect(Labels.from({ __name__: "up", job: 'a"b\\c\n' }).toString()).toBe('up{job="a\\"b\\\\c\\n"}');
    expect(Labels.from({ __name__: "up" }).toString()).toBe("up");
    expect(Labels.empty.toString()).toBe("{}");
    expect(Labels.from({ __name__: "my.metric", "a b": "c" }).toString()).toBe(
      '{__name__="my.metric", "a b"="c"}',
    );
  });

  it("is equal exactly when its pairs are, in whatever order they came", () => {
    fc.assert(
      fc.property(record, record, (a, b) => {
        const left = Labels.from(a);
        const right = Labels.from(b);
        const same = JSON.stringify([...left]) === JSON.stringify([...right]);
        expect(left.equals(right)).toBe(same);
        expect(left.key() === right.key()).toBe(same);
        expect(left.compare(right) === 0).toBe(same);
        expect(left.equals(Labels.from(Object.entries(a).reverse()))).toBe(true);
      }),
    );
  });

  it("have keys that no character in them can forge", () => {
    const forged = ["xÿbÿz", "x\0b\0z", "x1,1:bz", "x,b,z"];
    const keys = new Set(
      forged.map((a) => Labels.from({ a }).key()).concat(Labels.from({ a: "x", b: "z" }).key()),
    );
    expect(keys.size).toBe(forged.length + 1);
    expect(Labels.from({ a: "1", b: "2", c: "3" }).keyWithout(new Set(["b"]))).toBe(
      Labels.from({ a: "1", c: "3" }).key(),
    );
  });

  it("changes, keeps and drops without touching the original", () => {
    const labels = Labels.from({ a: "1", b: "2" });
    expect(labels.with({ a: "", c: "3" }).toObject()).toEqual({ b: "2", c: "3" });
    expect(labels.keep(new Set(["a"])).toObject()).toEqual({ a: "1" });
    expect(labels.drop(new Set(["a"])).toObject()).toEqual({ b: "2" });
    expect(labels.toObject()).toEqual({ a: "1", b: "2" });
  });
});

describe("compareText", () => {
  it("orders as UTF-8 bytes do", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareText(a, b))).toBe(expected);
      }),
    );
    expect(compareText("\u{1f600}", "\uffff")).toBeGreaterThan(0);
  });
});
