/**
 * `narthex promql`: expressions without any samples: laid out, as a tree, as a plan, and what labels they have.
 */

import { type Command, Option } from "commander";
import { systemClock } from "../model/clock.js";
import { definedOnly } from "../model/defined-only.js";
import type { TimestampMs } from "../model/sample.js";
import type { Expression } from "../query/parser/ast.js";
import * as values from "./option-values.js";
import type { Terminal } from "./terminal.js";

interface LanguageOptions {
  readonly enableFeature?: readonly string[];
}

interface ParseOptions extends LanguageOptions {
  readonly format: "tree" | "json";
}

interface ExplainOptions extends LanguageOptions {
  readonly time?: TimestampMs;
  readonly start?: TimestampMs;
  readonly end?: TimestampMs;
  readonly step?: number;
}

const DEFAULT_STEP_MS = 60_000;

export function addPromqlCommand(program: Command, terminal: Terminal): void {
  const promql = program.command("promql").description("work on PromQL text; no samples are needed");
  const add = (name: string, description: string, example: string): Command =>
    promql
      .command(name)
      .description(description)
      .argument("<expression>", "PromQL")
      .option("--enable-feature <names>", "experimental features, by Prometheus' names", values.nameList)
      .addHelpText("after", `\nExample:\n  narthex promql ${name} ${example}`);
  const perJob = "'sum by (job) (rate(x_total[5m]))'";
  add("fmt", "print an expression laid out over lines, or say where it is wrong", perJob).action(
    async (expression: string, options: LanguageOptions) => terminal.write(await format(expression, options)),
  );
  add("parse", "print the syntax tree, with the type of each node", perJob)
    .addOption(
      new Option("--format <format>", "json is that of Prometheus' /api/v1/parse_query")
        .choices(["tree", "json"])
        .default("tree"),
    )
    .action(async (expression: string, options: ParseOptions) =>
      terminal.write(await showTree(expression, options)),
    );
  add(
    "explain",
    "print how a query would be evaluated, and what it would load",
    `${perJob} --start 2026-01-01`,
  )
    .option("--time <time>", "when (default: now); a date, RFC 3339, or seconds since 1970", values.time)
    .option("--start <time>", "first step of a range", values.time)
    .option("--end <time>", "last step of a range (default: now)", values.time)
    .option("--step <duration>", "between steps (default: 1m)", values.durationMs)
    .action(async (expression: string, options: ExplainOptions) =>
      terminal.write(await explain(expression, options)),
    );
  add(
    "labels",
    "tell which labels the result can have, and which ones the expression looks at",
    perJob,
  ).action(async (expression: string, options: LanguageOptions) =>
    terminal.write(await showLabels(expression, options)),
  );
}

/** Loads the parser when it is needed: it takes a quarter of a second, which other commands need not wait for. */
async function parseText(expression: string, { enableFeature = [] }: LanguageOptions): Promise<Expression> {
  const { parse } = await import("../query/parser/parse.js");
  return parse(expression, { features: new Set(enableFeature) });
}

async function format(expression: string, options: LanguageOptions): Promise<string> {
  const { prettyPrint } = await import("../query/parser/pretty-print.js");
  return prettyPrint(await parseText(expression, options));
}

async function showTree(expression: string, options: ParseOptions): Promise<string> {
  const parsed = await parseText(expression, options);
  if (options.format === "json") {
    const { astJson } = await import("../query/parser/ast-json.js");
    return JSON.stringify(astJson(parsed), undefined, 2);
  }
  const { astTree } = await import("../query/parser/ast-tree.js");
  return astTree(parsed).trimEnd();
}

async function explain(expression: string, options: ExplainOptions): Promise<string> {
  const { enableFeature = [], time, start, end, step = DEFAULT_STEP_MS } = options;
  const { explainQuery } = await import("../database.js");
  const range = start === undefined ? undefined : { start, end: end ?? systemClock.now(), step };
  const times = range ?? definedOnly({ time });
  return explainQuery(expression, times, { enableFeatures: enableFeature }).trimEnd();
}

async function showLabels(expression: string, options: LanguageOptions): Promise<string> {
  const { readLabels, resultLabels } = await import("../query/parser/result-labels.js");
  const { formatLabelNames, only } = await import("../query/parser/label-names.js");
  const parsed = await parseText(expression, options);
  const result = formatLabelNames(resultLabels(parsed));
  return `result  ${result}\nreads   ${formatLabelNames(only(readLabels(parsed)))}`;
}
