/**
 * The commands, their shared behaviour on wrong usage, and the version.
 */

import { createRequire } from "node:module";
import { Command } from "commander";
import { addAgentCommand } from "./agent.js";
import { addCheckCommand } from "./check.js";
import { addCheckConfigCommand } from "./check-config.js";
import { addExportCommand } from "./export.js";
import { addImportCommand } from "./import.js";
import { addPromqlCommand } from "./promql.js";
import { addQueryCommand } from "./query.js";
import { addRelabelCommand } from "./relabel.js";
import { addServeCommand } from "./serve.js";
import { addSourcesCommand } from "./sources.js";
import type { Terminal } from "./terminal.js";

export function buildProgram(terminal: Terminal): Command {
  const version = packageVersion();
  const program = new Command("narthex")
    .description("A time-series database that speaks PromQL and the Prometheus HTTP API.")
    .version(version, "-V, --version")
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError("hint: `narthex --help` lists the commands, `narthex COMMAND --help` their options")
    .addHelpText(
      "after",
      `
Examples:
  narthex serve --data ./data
  narthex import weather.csv --time date --labels site=home --metric-prefix home_
  narthex query 'avg(home_temp_max)' --time 2012-06-01`,
    );
  addServeCommand(program, terminal, version);
  addImportCommand(program, terminal);
  addExportCommand(program, terminal);
  addQueryCommand(program, terminal);
  addCheckCommand(program, terminal);
  addCheckConfigCommand(program, terminal);
  addPromqlCommand(program, terminal);
  addRelabelCommand(program, terminal);
  addSourcesCommand(program, terminal);
  addAgentCommand(program, terminal, version);
  return program;
}

function packageVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)("../../package.json");
  return (manifest as { readonly version: string }).version;
}
