import { describe, expect, it } from "vitest";
import { ParseError } from "../../../src/model/errors.js";
import type { MatrixSelector } from "../../../src/query/parser/ast.js";
import { parse } from "../../../src/query/parser/parse.js";
import { resolveDuration } from "../../../src/query/plan/resolve-duration.js";

const query = { start: 0, end: 3_600_000, stepMs: 15_000 };

function rangeOf(duration: string): number {
  const text = `x[${duration}]`;
  const selector = parse(text, { features: new Set(["promql-duration-expr"]) }) as MatrixSelector;
  return resolveDuration(selector.range, { text, query });
}

describe("resolveDuration", () => {
  it.each([
    ["5m", 300_000],
    ["90", 90_000],
    ["1m + 30s", 90_000],
    ["step() * 4", 60_000],
    ["range() / 2", 1_800_000],
    ["2 ^ 3", 8000],
    ["100s % 30s", 10_000],
    ["min_of(step(), 1m)", 15_000],
    ["max_of(step(), 1m)", 60_000],
    ["-(1m - 2m)", 60_000],
  ])("%s is %d ms", (duration, ms) => {
    expect(rangeOf(duration)).toBe(ms);
  });

  it.each([
    ["1m - 2m", "duration must be greater than 0"],
    ["1m / (step() - 15)", "division by zero"],
    ["1m % (step() - 15)", "modulo by zero"],
    ["10 ^ 300", "duration is out of range"],
  ])("%s: %s", (duration, message) => {
    expect(() => rangeOf(duration)).toThrow(ParseError);
    expect(() => rangeOf(duration)).toThrow(message);
  });
});
