/**
 * `narthex promql fmt`: expressions, laid out; also a check whether they parse.
 */

import type { Command } from "commander";
import { parse } from "../query/parser/parse.js";
import { prettyPrint } from "../query/parser/pretty-print.js";
import type { Terminal } from "./terminal.js";

export function addPromqlCommand(program: Command, terminal: Terminal): void {
  program
    .command("promql")
    .description("work on PromQL text")
    .command("fmt")
    .description("print an expression laid out over lines, or say where it is wrong")
    .argument("<expression>", "PromQL")
    .addHelpText("after", "\nExample:\n  narthex promql fmt 'sum(rate(x_total[5m]))by(job)'")
    .action((expression: string) => terminal.write(prettyPrint(parse(expression))));
}
