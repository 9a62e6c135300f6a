/**
 * `narthex export`: the samples of a data directory as blocks for a Prometheus, or as text.
 */

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Command, Option } from "commander";
import type { Database } from "../api.js";
import { writeFileStream } from "../local-files.js";
import { definedOnly } from "../model/defined-only.js";
import { type ExportFormat, type ExportSelection, exportFormats } from "../model/exporting.js";
import type { TimestampMs } from "../model/sample.js";
import { parseSelector } from "../query/parser/parse.js";
import { openDirectory } from "./connection.js";
import { CommandError } from "./failure.js";
import { formatCount } from "./import-progress.js";
import * as values from "./option-values.js";
import type { Terminal } from "./terminal.js";

const BLOCKS = "prometheus-blocks";

interface ExportCommandOptions {
  readonly data: string;
  readonly format: ExportFormat | typeof BLOCKS;
  readonly output?: string;
  readonly match?: readonly string[];
  readonly start?: TimestampMs;
  readonly end?: TimestampMs;
}

export function addExportCommand(program: Command, terminal: Terminal): void {
  program
    .command("export")
    .description("write the samples of a data directory for other programs")
    .requiredOption("--data <directory>", "a data directory or snapshot that no process has open")
    .addOption(
      new Option("--format <format>", "what to write")
        .choices([BLOCKS, ...exportFormats])
        .makeOptionMandatory(),
    )
    .option("--output <path>", "the file to write, compressed if it ends in .gz, or the directory for blocks")
    .option("--match <selector>", "only these series, as up{job='x'}; may be repeated", values.repeated)
    .option(
      "--start <time>",
      "only samples from then on; a date, RFC 3339, or seconds since 1970",
      values.time,
    )
    .option("--end <time>", "only samples up to then, inclusive", values.time)
    .addHelpText(
      "after",
      `
Blocks go into the data folder of a Prometheus, or to Thanos or Mimir. Without --output, text goes to the standard
output. openmetrics leaves out staleness markers, and series without a name; jsonl (VictoriaMetrics' lines) and
blocks lose nothing.

Examples:
  narthex export --data ./data --format prometheus-blocks --output /var/lib/prometheus
  narthex export --data ./data --format jsonl --output all.jsonl.gz
  narthex export --data ./data --format csv --match 'room_celsius' --start 2026-01-01 > rooms.csv`,
    )
    .action((options: ExportCommandOptions) => exportSamples(options, terminal));
}

async function exportSamples(options: ExportCommandOptions, terminal: Terminal): Promise<void> {
  const { format, output, match, start, end } = options;
  // A typing error is told before the directory is opened.
  for (const selector of match ?? []) parseSelector(selector);
  const selection: ExportSelection = definedOnly({ match, minTime: start, maxTime: end });
  const database = await openDirectory(options.data, { create: false, readOnly: true, terminal });
  try {
    if (format === BLOCKS) await writeBlocks(database, selection, output, terminal);
    else await writeText(database.export({ format, ...selection }), output);
  } finally {
    await database.close();
  }
}

async function writeBlocks(
  database: Database,
  selection: ExportSelection,
  output: string | undefined,
  terminal: Terminal,
): Promise<void> {
  if (output === undefined)
    throw new CommandError("blocks are written into a directory", { hint: "add --output DIR", exitCode: 2 });
  const { blocks, samples } = await database.exportBlocks(output, selection);
  terminal.say(`${output}: ${formatCount(samples, "sample")} in ${formatCount(blocks, "block")}`);
}

async function writeText(text: AsyncIterable<Uint8Array>, output: string | undefined): Promise<void> {
  if (output === undefined) await pipeline(Readable.from(text), process.stdout, { end: false });
  else await writeFileStream(output, text);
}
