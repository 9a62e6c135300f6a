/**
 * `narthex query`: an expression at one time as a table, or over a range as a plot.
 */

import { type Command, Option } from "commander";
import { encodeQueryResult, joinPieces } from "../api/result-json.js";
import type { QueryResult } from "../api.js";
import { systemClock } from "../model/clock.js";
import { definedOnly } from "../model/defined-only.js";
import type { TimestampMs } from "../model/sample.js";
import { addConnectionOptions, type ConnectionOptions, withConnection } from "./connection.js";
import { CommandError } from "./failure.js";
import * as values from "./option-values.js";
import { type PlotGrid, plotMatrix } from "./plot.js";
import { formatCsv } from "./result-csv.js";
import { formatTable } from "./result-table.js";
import type { Terminal } from "./terminal.js";

interface QueryCommandOptions extends ConnectionOptions {
  readonly time?: TimestampMs;
  readonly start?: TimestampMs;
  readonly end?: TimestampMs;
  readonly step?: number;
  readonly format?: "table" | "json" | "csv" | "plot";
}

/** Steps of a range query when no step is given: about as many as a terminal has columns. */
const DEFAULT_STEPS = 120;

const examples = `
Examples:
  narthex query 'sum by (symbol) (stock_price_dollars)' --time 2008-01-01
  narthex query seattle_temperature_celsius --start 2010-06-01 --end 2010-06-15 --step 2h
  narthex query 'topk(3, us_employment_thousands)' --time 2015-12-01 --format csv --data ./data`;

export function addQueryCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command("query")
    .description("evaluate a PromQL expression, at one time or over a range")
    .argument("<expression>", "PromQL");
  addConnectionOptions(command)
    .option("--time <time>", "when (default: now); a date, RFC 3339, or seconds since 1970", values.time)
    .option("--start <time>", "first step of a range", values.time)
    .option("--end <time>", "last step of a range (default: now)", values.time)
    .option(
      "--step <duration>",
      `between steps (default: the range in ${DEFAULT_STEPS} steps)`,
      values.durationMs,
    )
    .addOption(
      new Option("--format <format>", "(default: table, for a range plot)").choices([
        "table",
        "json",
        "csv",
        "plot",
      ]),
    )
    .addHelpText("after", examples)
    .action((expression: string, options: QueryCommandOptions) => runQuery(expression, options, terminal));
}

async function runQuery(expression: string, options: QueryCommandOptions, terminal: Terminal): Promise<void> {
  const isRange = options.start !== undefined || options.end !== undefined || options.step !== undefined;
  if (isRange && options.time !== undefined)
    throw new CommandError("--time is for one time, --start and --end for a range: give one or the other", {
      exitCode: 2,
    });
  if (!isRange && options.format === "plot")
    throw new CommandError("a plot needs a range", {
      hint: "add --start TIME, and --end and --step",
      exitCode: 2,
    });
  const grid = isRange ? gridOf(options) : undefined;
  await withConnection(options, { create: false, readOnly: true, terminal }, async (connection) => {
    const asked =
      grid === undefined
        ? connection.query(expression, definedOnly({ time: options.time }))
        : connection.queryRange(expression, grid);
    const result = await asked.catch((error: unknown) => showPlace(error, expression));
    for (const note of [...result.warnings, ...result.infos]) terminal.say(`warning: ${note}`);
    const isPlot = (options.format ?? "plot") === "plot";
    const plot = isPlot && grid !== undefined && result.type === "matrix";
    terminal.write(plot ? plotMatrix(result, grid, terminal) : formatResult(result, options.format));
  });
}

/** A server's parse error is words only: parsing here finds the place, for a caret below the text. */
async function showPlace(error: unknown, expression: string): Promise<never> {
  if (error instanceof CommandError && error.message.includes("parse error")) {
    const { parse } = await import("../query/parser/parse.js");
    parse(expression);
  }
  throw error;
}

function gridOf({ start, end = systemClock.now(), step }: QueryCommandOptions): PlotGrid {
  if (start === undefined) throw new CommandError("a range needs --start", { exitCode: 2 });
  if (end < start) throw new CommandError("--end is before --start", { exitCode: 2 });
  return { start, end, step: step ?? Math.max(1000, Math.ceil((end - start) / DEFAULT_STEPS / 1000) * 1000) };
}

/** A plot of what is no matrix is a table too. */
function formatResult(result: QueryResult, format: QueryCommandOptions["format"]): string {
  if (format === "json") return joinPieces(encodeQueryResult(result));
  return format === "csv" ? formatCsv(result) : formatTable(result);
}
