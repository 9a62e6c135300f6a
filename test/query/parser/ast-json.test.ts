import { describe, expect, it } from "vitest";
import { astJson } from "../../../src/query/parser/ast-json.js";
import { parse } from "../../../src/query/parser/parse.js";

const features = new Set([
  "promql-experimental-functions",
  "promql-extended-range-selectors",
  "promql-binop-fill-modifiers",
]);

function json(text: string): unknown {
  return JSON.parse(JSON.stringify(astJson(parse(text, { features }))));
}

const foo = {
  type: "vectorSelector",
  name: "foo",
  matchers: [{ name: "__name__", type: "=", value: "foo" }],
  offset: 0,
  timestamp: null,
  startOrEnd: null,
  anchored: false,
  smoothed: false,
};

/** The expected trees are those of `prometheus`, with the three fields that came after 3.5. */
describe("astJson", () => {
  it("gives selectors with name, matchers and times", () => {
    expect(json("foo")).toEqual(foo);
    expect(json('{"a b", c!~"d"} @ 123.5 offset -1m')).toEqual({
      ...foo,
      name: "",
      matchers: [
        { name: "__name__", type: "=", value: "a b" },
        { name: "c", type: "!~", value: "d" },
      ],
      offset: -60_000,
      timestamp: 123_500,
    });
    expect(json("foo[5m] anchored @ start()")).toEqual({
      ...foo,
      type: "matrixSelector",
      range: 300_000,
      startOrEnd: "start",
      anchored: true,
    });
  });

  it("gives subqueries with range and step, 0 for the default one", () => {
    const times = { offset: 0, timestamp: null, startOrEnd: null };
    expect(json("foo[1h:5m]")).toEqual({
      type: "subquery",
      expr: foo,
      range: 3_600_000,
      step: 300_000,
      ...times,
    });
    expect(json("foo[1h:]")).toMatchObject({ step: 0 });
  });

  it("gives calls with their signatures", () => {
    const func = (text: string) => (json(text) as { func: unknown }).func;
    expect(json("time()")).toEqual({
      type: "call",
      func: { name: "time", argTypes: [], variadic: 0, returnType: "scalar" },
      args: [],
    });
    expect(func("round(foo)")).toEqual({
      name: "round",
      argTypes: ["vector", "scalar"],
      variadic: 1,
      returnType: "vector",
    });
    expect(func('label_join(foo, "a", "b")')).toMatchObject({
      argTypes: ["vector", "string", "string", "string"],
      variadic: -1,
    });
    expect(func("hour()")).toMatchObject({ argTypes: ["vector"], variadic: 1 });
  });

  it("gives operators with matching, numbers as text, signs and parentheses", () => {
    expect(json("foo / on (a) group_left (b) fill_right (0) foo")).toEqual({
      type: "binaryExpr",
      op: "/",
      lhs: foo,
      rhs: foo,
      bool: false,
      matching: {
        card: "many-to-one",
        labels: ["a"],
        on: true,
        include: ["b"],
        fillValues: { lhs: null, rhs: 0 },
      },
    });
    expect(json("1.5e9 > bool (2)")).toEqual({
      type: "binaryExpr",
      op: ">",
      lhs: { type: "numberLiteral", val: "1500000000" },
      rhs: { type: "parenExpr", expr: { type: "numberLiteral", val: "2" } },
      bool: true,
      matching: null,
    });
    expect(json("-foo")).toEqual({ type: "unaryExpr", op: "-", expr: foo });
    expect(json("-1")).toEqual({ type: "numberLiteral", val: "-1" });
    expect(json('"x"')).toEqual({ type: "stringLiteral", val: "x" });
  });

  it("gives aggregations with parameter and grouping", () => {
    expect(json("topk without (a) (3, foo)")).toEqual({
      type: "aggregation",
      op: "topk",
      expr: foo,
      param: { type: "numberLiteral", val: "3" },
      grouping: ["a"],
      without: true,
    });
  });
});
