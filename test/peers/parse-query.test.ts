/**
 * `/api/v1/parse_query`: a real Prometheus gives the same trees. Its 3.5 lacks three fields of 3.14, and keeps the
 * matchers in the order of the text.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { astJson } from "../../src/query/parser/ast-json.js";
import { parse } from "../../src/query/parser/parse.js";
import { type FunctionName, signatures } from "../../src/query/parser/signatures.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { api, type RunningServer, startPrometheus } from "../support/processes.js";

const features = new Set(["promql-experimental-functions"]);

const queries = [
  'sum by (a,b) (rate(x_total{a!~"b.*", "c d"="e"}[5m] offset -1m)) / on(a) group_left(z) -foo @ start()',
  "topk without(a)(3, x)",
  "1.5e9 > bool (2)",
  '"str"',
  "max_over_time(rate(x[1m])[1h:5m] @ 123.5 offset 3m)",
  "x and ignoring(a) y",
  "x or y unless z",
  "x == bool y",
  "+Inf",
  "-NaN",
  "0x1F + 5m",
  "x[1h:]",
  "x @ end()",
  '{"a b", c="d"}',
  'count_values("v", x)',
  "- - x",
  "up + on() up",
];

/** Functions that Prometheus 3.5 does not have, or not like this. */
const later = new Set<FunctionName>([
  "end",
  "first_over_time",
  "histogram_quantiles",
  "max_of",
  "min_of",
  "range",
  "start",
  "start_timestamp",
  "step",
  "ts_of_first_over_time",
]);

const examples: Readonly<Record<string, string>> = {
  vector: "x",
  matrix: "x[5m]",
  scalar: "1",
  string: '"a"',
};

const calls = Object.entries(signatures)
  .filter(([name]) => !later.has(name as FunctionName))
  .map(([name, signature]) => `${name}(${signature.arguments.map((type) => examples[type]).join(", ")})`)
  .map((call) => call.replace(/^info\(x, x\)/, 'info(x, {a="b"})'));

describe.skipIf(isPeerMissing("prometheus"))("parse_query of a real Prometheus", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-parse-"));
  let prometheus: RunningServer;

  beforeAll(async () => {
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, "");
    const flags = [`--enable-feature=${[...features].join()}`];
    mkdirSync(join(directory, "theirs"));
    prometheus = await startPrometheus(findPeer("prometheus")!, {
      directory: join(directory, "theirs"),
      configFile,
      flags,
    });
  });

  afterAll(async () => {
    await prometheus?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([...queries, ...calls])("%s", async (query) => {
    const theirs = await api<unknown>(prometheus, "parse_query", { query });
    expect(comparable(astJson(parse(query, { features })))).toEqual(comparable(theirs));
  });
});

const laterFields = new Set(["anchored", "smoothed", "fillValues"]);

function comparable(node: unknown): unknown {
  const text = JSON.stringify(node, (key, value: unknown) => {
    if (laterFields.has(key)) return undefined;
    if (key !== "matchers" || !Array.isArray(value)) return value;
    return value
      .map((matcher: { name: string; type: string; value: string }) => {
        return `${matcher.name}${matcher.type}${matcher.value}`;
      })
      .sort();
  });
  return JSON.parse(text);
}
