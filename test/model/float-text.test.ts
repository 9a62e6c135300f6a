import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatFloat,
  formatFloatJson,
  formatFloatPlain,
  parseFloatText,
} from "../../src/model/float-text.js";

describe("formatting floats as Go does", () => {
  it.each([
    // value, 'g', 'f', JSON
    [0, "0", "0", "0"],
    [-0, "-0", "-0", "-0"],
    [1, "1", "1", "1"],
    [0.1, "0.1", "0.1", "0.1"],
    [100000, "100000", "100000", "100000"],
    [1e6, "1e+06", "1000000", "1000000"],
    [1234567.5, "1.2345675e+06", "1234567.5", "1234567.5"],
    [1e-4, "0.0001", "0.0001", "0.0001"],
    [1e-5, "1e-05", "0.00001", "0.00001"],
    [1e-7, "1e-07", "0.0000001", "1e-07"],
    [1e21, "1e+21", "1000000000000000000000", "1e+21"],
    [-2.5e-10, "-2.5e-10", "-0.00000000025", "-2.5e-10"],
    [5e-324, "5e-324", `0.${"0".repeat(323)}5`, "5e-324"],
    [Infinity, "+Inf", "+Inf", "+Inf"],
    [-Infinity, "-Inf", "-Inf", "-Inf"],
    [Number.NaN, "NaN", "NaN", "NaN"],
  ])("%d", (value, general, plain, json) => {
    expect([formatFloat(value), formatFloatPlain(value), formatFloatJson(value)]).toEqual([
      general,
      plain,
      json,
    ]);
  });

  it("writes nothing that does not read back the same", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        for (const format of [formatFloat, formatFloatPlain, formatFloatJson]) {
          expect(parseFloatText(format(value))).toBe(value);
        }
      }),
    );
  });
});

describe("reading floats as Go does", () => {
  it.each([
    ["1.5e3", 1500],
    [".5", 0.5],
    ["5.", 5],
    ["+Inf", Infinity],
    ["-infinity", -Infinity],
    ["iNf", Infinity],
    ["nan", Number.NaN],
    ["0x1p-2", 0.25],
    ["-0x1.8p1", -3],
    ["1e999", Infinity],
  ])("%s", (text, value) => expect(parseFloatText(text)).toBe(value));

  it.each(["", " 1", "1 ", "1_000", "0x", "0x1", "-nan", "--1", "1e", "e5", ".", "١"])("refuses %j", (text) =>
    expect(parseFloatText(text)).toBeUndefined(),
  );
});
