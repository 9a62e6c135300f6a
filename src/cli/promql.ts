/**
 * `narthex promql fmt`: expressions, laid out; also a check whether they parse.
 */

import type { Command } from "commander";
import type { Terminal } from "./terminal.js";

export function addPromqlCommand(program: Command, terminal: Terminal): void {
  program
    .command("promql")
    .description("work on PromQL text")
    .command("fmt")
    .description("print an expression laid out over lines, or say where it is wrong")
    .argument("<expression>", "PromQL")
    .addHelpText("after", "\nExample:\n  narthex promql fmt 'sum(rate(x_total[5m]))by(job)'")
    .action(async (expression: string) => terminal.write(await format(expression)));
}

/** Loads the parser when it is needed: it takes a quarter of a second, which other commands need not wait for. */
async function format(expression: string): Promise<string> {
  const { parse } = await import("../query/parser/parse.js");
  const { prettyPrint } = await import("../query/parser/pretty-print.js");
  return prettyPrint(parse(expression));
}
