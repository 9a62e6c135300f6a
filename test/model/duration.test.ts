import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../src/model/duration.js";

describe("durations", () => {
  it.each([
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
    ["1w", 604_800_000],
    ["1y", 31_536_000_000],
    ["250ms", 250],
    ["1m0s1ms", 60_001],
    ["0", 0],
  ])("%s", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["", "5", "m", "1m1h", "1.5h", "-1m", " 1m", "1m1m", "99999999999999999999y"])(
    "refuses %j",
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  it("reads what it writes", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it.each([
    [0, "0s"],
    [90_000, "1m30s"],
    [604_800_000, "1w"],
    [90_000_000, "1d1h"],
    [-60_000, "-1m"],
  ])("%d is written %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
});
