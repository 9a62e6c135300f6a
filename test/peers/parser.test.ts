/**
 * promtool accepts, prints and refuses as we do, word for word. Its 3.5 lacks a few things of 3.14, which are left
 * out here.
 */

import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { ParseError } from "../../src/model/errors.js";
import { parse } from "../../src/query/parser/parse.js";
import { formatParseError } from "../../src/query/parser/parse-error.js";
import { prettyPrint } from "../../src/query/parser/pretty-print.js";
import { findPeer, isPeerMissing } from "../support/peers.js";

const features = new Set(["promql-experimental-functions"]);

const queries = [
  'sum by (job) (rate(http_requests_total{job="api",status=~"5.."}[5m] offset 1h))',
  "sum(up) without (job) / on(job) group_left (zone) avg by (job) (up @ end())",
  'label_replace(up{a="1"}, "dst", "$1", "src", "(.*)") and ignoring(zone) a_metric_with_a_long_name == bool 5',
  "topk(5, max_over_time(rate(a_metric_with_a_long_name_total[5m])[1h:30s] @ 1.5 offset -1d)) unless vector(1)",
  "(1_000 + 0755 * 0x1F ^ -2) % 36h",
  "mad_over_time(up[300])",
  "",
  "sum(",
  "1 +",
  'up{a="b"',
  "up[5m",
  "up @",
  "foo(1)",
  "rate(foo)",
  "1y1x",
  "5m1h",
  "1.5m",
  "sum by",
  "sum by (without) (a)",
  "sum(a*)",
  "sum(a,,b)",
  "sum sum",
  "a b",
  "a =~ b",
  "1 = 2",
  '"abcdefghijklmnop" "abcdefghijklmnop"',
  '"\\q"',
  "sum(a))",
  "{}",
  'up{a=~"("}',
  'up{a="b" "c"}',
  "up{a}",
  'up{__name__="b"}',
  "1 and 2",
  "1 == 2",
  "1 + bool 2",
  "a and on() group_left b",
  "a * on (job) group_left (job) b",
  "a + on(b) 1",
  "a[5m] + 1",
  "a offset 5m offset 5m",
  "1 offset 5m",
  "a offset 5m[5m]",
  "(a)[5m]",
  "1[5m:]",
  "up[foo]",
  "up[5m:5m:5m]",
  "label_join(a)",
  "round(a, 1, 2)",
  'up + {"é"="1"} + é',
  "étoile",
];

describe.skipIf(isPeerMissing("promtool"))("promtool promql format", () => {
  it.each(queries)("%s", (query) => {
    const { stdout, stderr, status } = spawnSync(
      findPeer("promtool")!,
      ["--experimental", "--enable-feature=promql-experimental-functions", "promql", "format", "--", query],
      { encoding: "utf8" },
    );
    expect(ours(query)).toEqual({ accepted: status === 0, text: (status === 0 ? stdout : stderr).trimEnd() });
  });
});

function ours(query: string): { accepted: boolean; text: string } {
  try {
    return { accepted: true, text: prettyPrint(parse(query, { features })) };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { accepted: false, text: formatParseError(error) };
  }
}
