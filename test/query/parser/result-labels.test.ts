import { describe, expect, it } from "vitest";
import { formatLabelNames } from "../../../src/query/parser/label-names.js";
import { parse } from "../../../src/query/parser/parse.js";
import { readLabels, resultLabels } from "../../../src/query/parser/result-labels.js";

const features = new Set(["promql-experimental-functions"]);
const dropped = "__name__, __type__, __unit__";

describe("resultLabels", () => {
  it.each([
    ["1 + time()", "none"],
    ["x", "all"],
    ['x{a="",b="c"}', "all but a"],
    ["last_over_time(x[5m])", "all"],
    ["rate(x[5m])", `all but ${dropped}`],
    ["-x", `all but ${dropped}`],
    ["x > 1", "all"],
    ["x > bool 1", `all but ${dropped}`],
    ["1 * x", `all but ${dropped}`],
    ["sum(x)", "none"],
    ["sum by (job, a) (x)", "a, job"],
    ['sum by (job, a) (x{a=""})', "job"],
    ["sum without (a) (x)", "all but __name__, a"],
    ["topk by (job) (2, x)", "all"],
    ['count_values by (a) ("v", x)', "a, v"],
    ["sum by (job) (x) * on (job) group_left (team) owner", "job, team"],
    ["x * on (job) group_left (__name__) y", "all but __type__, __unit__"],
    ["x / ignoring (a) y", `all but ${dropped}, a`],
    ["x == on (a, __name__) y", "__name__, a"],
    ["sum by (a) (x) or sum by (b) (y)", "a, b"],
    ["sum by (a) (x) and y", "a"],
    ['label_replace(sum by (a) (x), "b", "$1", "a", "(.*)")', "a, b"],
    ["histogram_quantile(0.9, sum by (le, a) (x))", "a"],
    ['absent(x{a="b",c!="d",e="f",e="g"})', "a"],
    ["absent(sum(x))", "none"],
    ["scalar(x)", "none"],
    ["vector(scalar(x))", "none"],
    ['info(sum by (job) (x), {version=~".+"})', "job, version"],
    ["sum by (a, b) (rate(x[5m]))[1h:]", "a, b"],
  ])("%s: %s", (text, expected) => {
    expect(formatLabelNames(resultLabels(parse(text, { features })))).toBe(expected);
  });
});

describe("readLabels", () => {
  it.each([
    ['sum by (job) (rate(x{env="prod"}[5m])) * on (host) group_left (team) y', "__name__ env host job team"],
    ['label_replace({a="b"}, "c", "$1", "d", "e")', "a d"],
    ['label_join({a="b"}, "c", "-", "d", "e")', "a d e"],
    ["histogram_quantile(0.9, x)", "__name__ le"],
    ['info({a="b"})', "a instance job"],
    ["1 + 2", ""],
  ])("%s: %s", (text, expected) => {
    expect(readLabels(parse(text, { features })).join(" ")).toBe(expected);
  });
});
