/**
 * `narthex check-config FILE`: what `serve` would say of a configuration, and of the files that it names, without starting.
 *
 * Exit code 0 when nothing is wrong, 1 when a server would start and something would fail, 2 when none would start.
 */

import type { Command } from "commander";
import type { Config } from "../config.js";
import { definedOnly } from "../model/defined-only.js";
import { CommandError } from "./failure.js";
import type { Terminal } from "./terminal.js";

interface CheckConfigOptions {
  readonly "web.config.file"?: string;
}

export function addCheckConfigCommand(program: Command, terminal: Terminal): void {
  program
    .command("check-config")
    .description("read a configuration as `serve` does, and the files that it names, and say what is wrong")
    .argument("[file]", "as of `serve --config`")
    .option("--web.config.file <file>", "as of `serve`")
    .addHelpText("after", "\nExample:\n  narthex check-config prometheus.yml")
    .action((file: string | undefined, options: CheckConfigOptions) => checkConfig(file, options, terminal));
}

async function checkConfig(
  configFile: string | undefined,
  options: CheckConfigOptions,
  terminal: Terminal,
): Promise<void> {
  const webConfigFile = options["web.config.file"];
  if (configFile === undefined && webConfigFile === undefined)
    throw new CommandError("which file?", { exitCode: 2, hint: "narthex check-config prometheus.yml" });
  const { loadServerConfig, warningsOf } = await import("../server/server-config.js");
  const { checkNamedFiles } = await import("../config/named-files.js");
  const loaded = await loadServerConfig(definedOnly({ configFile, webConfigFile }));
  const { problems, notes, targets } = await checkNamedFiles(loaded.config.scrapeConfigs);
  for (const warning of warningsOf(loaded)) terminal.write(`warning: ${warning}`);
  for (const note of notes) terminal.write(`note: ${note}`);
  for (const problem of problems) terminal.write(`problem: ${problem}`);
  terminal.write(describe(loaded.config, targets));
  if (problems.length > 0) process.exitCode = 1;
}

function describe({ scrapeConfigs, pushConfigs, agentConfigs }: Config, targets: number): string {
  const asked = scrapeConfigs.flatMap(({ discoveries }) => discoveries).filter(({ kind }) => kind !== "file");
  const parts = [
    count(scrapeConfigs.length, "job"),
    count(targets, "target"),
    asked.length > 0 && `${count(asked.length, "discovery", "discoveries")} not asked`,
    pushConfigs.length > 0 && count(pushConfigs.length, "push job"),
    agentConfigs.length > 0 && count(agentConfigs.length, "agent"),
  ];
  return parts.filter((part) => part !== false).join(", ");
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
