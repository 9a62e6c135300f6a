/**
 * `narthex check DIR`: reads everything in a data directory and reports what is broken and what can still be read.
 *
 * Exit code 0 when nothing is broken, 1 when something is.
 */

import type { Command } from "commander";
import type { CheckedBlock, CheckProblem, CheckReport } from "../api.js";
import { fileExists } from "../local-files.js";
import { formatRfc3339 } from "../model/rfc3339.js";
import { CommandError } from "./failure.js";
import type { Terminal } from "./terminal.js";

/** Problems of one block or the log that are printed; the rest is counted. */
const problemsShown = 20;

export function addCheckCommand(program: Command, terminal: Terminal): void {
  program
    .command("check")
    .description("verify every checksum and bound in a data directory; changes nothing")
    .argument("<directory>", "a data directory that no process has open")
    .addHelpText("after", "\nExample:\n  narthex check ./data")
    .action((directory: string) => check(directory, terminal));
}

async function check(directory: string, terminal: Terminal): Promise<void> {
  if (!(await fileExists(directory))) throw new CommandError(`there is no data directory ${directory}`);
  const { checkDatabase } = await import("../database.js");
  const report = await checkDatabase({ directory });
  for (const line of reportLines(report)) terminal.write(line);
  if (!report.isSound) process.exitCode = 1;
}

export function reportLines({ isSound, blocks, log, notes }: CheckReport): readonly string[] {
  const broken = new Set([log, ...blocks].flatMap(({ problems }) => problems.map(({ file }) => file)));
  return [
    ...blocks.flatMap(blockLines),
    `log: ${log.segments} segments, ${log.records} records, ${log.samples} samples${soundOrNot(log)}`,
    ...problemLines(log.problems),
    ...notes.map((note) => `note: ${note}`),
    isSound ? "nothing is broken" : `broken: ${[...broken].sort().join(", ")}`,
  ];
}

function blockLines(block: CheckedBlock): readonly string[] {
  const { ulid, range, series, samples } = block;
  const times =
    range === undefined ? "" : ` ${formatRfc3339(range.minTime)} to ${formatRfc3339(range.maxTime)}`;
  return [
    `block ${ulid}${times}: ${series} series, ${samples} samples${soundOrNot(block)}`,
    ...problemLines(block.problems),
  ];
}

function soundOrNot({ problems }: { readonly problems: readonly unknown[] }): string {
  return problems.length === 0 ? "" : " can be read";
}

function problemLines(problems: readonly CheckProblem[]): readonly string[] {
  const lines = problems.slice(0, problemsShown).map(({ file, offset, message }) => {
    const place = offset === undefined || message.includes(file) ? "" : ` at byte ${offset}`;
    return `  ${message.includes(file) ? "" : `${file}${place}: `}${message}`;
  });
  const more = problems.length - lines.length;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}
