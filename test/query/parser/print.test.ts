import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "../../../src/query/parser/parse.js";
import { prettyPrint } from "../../../src/query/parser/pretty-print.js";
import { print } from "../../../src/query/parser/print.js";
import { randomExpression } from "./arbitraries.js";
import { withoutSpans } from "./comparable.js";
import { everyFeature as features } from "./features.js";

describe("print", () => {
  it("reads back as the same tree", () => {
    fc.assert(
      fc.property(randomExpression.vector, (expression) => {
        const text = print(expression);
        expect(withoutSpans(parse(text, { features })), text).toEqual(withoutSpans(expression));
      }),
      { numRuns: 400 },
    );
  });

  it("reads back as the same tree over several lines", () => {
    fc.assert(
      fc.property(randomExpression.vector, (expression) => {
        const text = prettyPrint(expression);
        expect(withoutSpans(parse(text, { features })), text).toEqual(withoutSpans(expression));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["sum(up{b='1',a=\"2\"})by(job)", 'sum by (job) (up{a="2",b="1"})'],
    ["up[36h]offset 300", "up[1d12h] offset 5m"],
    ["-1+ +a", "-1 + +a"],
    ["a+ignoring()b", "a + b"],
    ["inf^2+inf", "Inf ^ 2 + +Inf"],
    ["up@1.5", "up @ 1.500"],
    ['{"my.metric",a="b"}', '{"my.metric",a="b"}'],
    ['{"up"}', "up"],
    ['{"on"}', '{"on"}'],
    ["a[step( )*2]", "a[step() * 2]"],
  ])("%s becomes %s", (query, text) => expect(print(parse(query, { features }))).toBe(text));

  it("splits what is longer than a hundred characters", () => {
    const name = "a_metric_whose_name_is_long_enough_to_fill_a_line_nearly";
    expect(prettyPrint(parse(`topk(5, rate(${name}[5m]) / on (job) ${name}{job="api"})`))).toBe(
      ["topk(", "  5,", `    rate(${name}[5m])`, "  / on (job)", `    ${name}{job="api"}`, ")"].join("\n"),
    );
  });
});
