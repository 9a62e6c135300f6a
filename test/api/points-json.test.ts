import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeValue, PointsEncoder } from "../../src/api/points-json.js";
import { encodeTime } from "../../src/api/result-json.js";
import { formatFloatJson, parseFloatText } from "../../src/model/float-text.js";

describe("values", () => {
  it.each([
    [1, "1"],
    [-0, "-0"],
    [0.000001, "0.000001"],
    [0.0000001, "1e-07"],
    [1e20, "100000000000000000000"],
    [1e21, "1e+21"],
    [Number.NaN, "NaN"],
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [5e-324, "5e-324"],
  ])("%d is written %s", (value, text) => expect(encodeValue(value)).toBe(text));

  it("are written as the plain encoder writes them, and read back the same", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(encodeValue(value)).toBe(formatFloatJson(value));
        expect(parseFloatText(encodeValue(value))).toBe(value);
      }),
    );
  });
});

describe("PointsEncoder", () => {
  const textOf = (points: readonly (readonly [number, number])[], encoder = new PointsEncoder()) => {
    const times = Float64Array.from(points, ([time]) => time);
    const values = Float64Array.from(points, ([, value]) => value);
    return Buffer.from(encoder.encode(times, values)).toString();
  };
  const plain = (points: readonly (readonly [number, number])[]) =>
    points.map(([time, value]) => `[${encodeTime(time)},"${encodeValue(value)}"]`).join(",");

  it("writes no point and some", () => {
    expect(textOf([])).toBe("");
    expect(textOf([[1000, 1.25]])).toBe('[1,"1.25"]');
    expect(
      textOf([
        [-1500, -0],
        [2500, Number.NaN],
      ]),
    ).toBe('[-1.500,"-0"],[2.500,"NaN"]');
  });

  it.each([0, 0.1, 0.001, 0.0005, 100, 99.99, -12.34, 1e8, 123456789, 1e12, 999999999999.999, 1e15, 2 ** 53])(
    "writes %d as the plain encoder does",
    (value) => expect(textOf([[0, value]])).toBe(plain([[0, value]])),
  );

  it("writes any time and value as the plain encoders do, again and again", () => {
    const time = fc.integer({ min: -(2 ** 53), max: 2 ** 53 });
    const decimal = fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 6 }));
    const value = fc.oneof(
      fc.double(),
      decimal.map(([digits, places]) => digits / 10 ** places),
    );
    const encoder = new PointsEncoder();
    fc.assert(
      fc.property(fc.array(fc.tuple(time, value), { maxLength: 20 }), (points) => {
        expect(textOf(points, encoder)).toBe(plain(points));
      }),
      { numRuns: 500 },
    );
  });
});
