/**
 * PromQL text to a checked tree, and back: what a query costs before anything is loaded. `cached` is what a
 * dashboard's query costs from the second time on.
 */

import { lex } from "../../src/query/parser/lex.js";
import { ParseCache, parse } from "../../src/query/parser/parse.js";
import { print } from "../../src/query/parser/print.js";
import { createLexer } from "../../src/query/parser/tokens.js";
import { buildPlan } from "../../src/query/plan/build-plan.js";
import { type Comparison, printSideBySide } from "../support/side-by-side.js";

const lexer = createLexer();
const planOptions = {
  query: { start: 0, end: 3_600_000, stepMs: 60_000 },
  lookbackMs: 300_000,
  defaultStepMs: 60_000,
};

const nested = (depth: number) => `${"abs(".repeat(depth)}up${")".repeat(depth)}`;
const alternatives = Array.from({ length: 100 }, (_, i) => `host-${i}`).join("|");

const expressions: Readonly<Record<string, string>> = {
  name: "up",
  selector: 'http_requests_total{job="api", code=~"5..", path!=""}',
  rate: 'sum by (job, instance) (rate(http_requests_total{job="api", code=~"5.."}[5m]))',
  "error ratio":
    'sum by (job) (rate(http_requests_total{code=~"5.."}[5m])) / on (job) sum by (job) (rate(http_requests_total[5m])) > 0.05',
  quantile: "histogram_quantile(0.99, sum by (le) (rate(request_seconds_bucket[10m] offset 1h)))",
  join: 'label_replace(up, "host", "$1", "instance", "(.*):.*") * on (job, host) group_left (version) build_info',
  "100 alternatives": `up{instance=~"${alternatives}"}`,
  "50 calls deep": nested(50),
  "a sum of 50": Array.from({ length: 50 }, (_, i) => `metric_${i}`).join(" + "),
};

function compare(name: string, text: string): Comparison {
  const cache = new ParseCache(10);
  const tree = parse(text);
  const forms = {
    lex: () => lex(lexer, text),
    parse: () => parse(text),
    cached: () => cache.parse(text),
    print: () => print(tree),
    plan: () => buildPlan(tree, { text, ...planOptions }),
  };
  return { name: `${name} (${text.length} characters)`, units: 1000, forms };
}

await printSideBySide(
  "Parsing",
  "thousandth of an expression (µs per expression)",
  Object.entries(expressions).map(([name, text]) => compare(name, text)),
);
