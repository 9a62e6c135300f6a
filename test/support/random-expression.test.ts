import { describe, expect, it } from "vitest";
import { parse } from "../../src/query/parser/parse.js";
import { signatures } from "../../src/query/parser/signatures.js";
import { Dice } from "../differential/dice.js";
import { approximate, changedSince35 } from "../differential/expression-weights.js";
import { randomExpression, reachableNames } from "../differential/random-expression.js";

const features = new Set(["promql-experimental-functions"]);
/** Start timestamps are no floats of a sample. */
const unreachable = ["start_timestamp"];

function expressions(count: number, omitted: ReadonlySet<string>): readonly string[] {
  return Array.from({ length: count }, (_, i) => {
    return randomExpression(new Dice(i), { omitted, approximate, around: 0 });
  });
}

describe("random expressions", () => {
  it("are the same for the same seed", () => {
    expect(expressions(50, new Set())).toEqual(expressions(50, new Set()));
  });

  it("reach every function", () => {
    const reachable = new Set([...reachableNames(new Set()), ...unreachable]);
    expect(Object.keys(signatures).filter((name) => !reachable.has(name))).toEqual([]);
  });

  it("hold every reachable name, sooner or later", () => {
    const all = expressions(20_000, new Set()).join("\n");
    expect(reachableNames(new Set()).filter((name) => !all.includes(name))).toEqual([]);
  });

  it("hold nothing that is omitted", () => {
    const all = expressions(3000, changedSince35).join("\n");
    expect([...changedSince35].filter((name) => new RegExp(`(?<!@ )\\b${name}\\(`).test(all))).toEqual([]);
  });

  it("parse, but for a few", () => {
    const wrong = expressions(1000, new Set()).filter((expression) => !parses(expression));
    expect(wrong.length).toBeLessThan(20);
  });
});

function parses(expression: string): boolean {
  try {
    parse(expression, { features });
    return true;
  } catch {
    return false;
  }
}
