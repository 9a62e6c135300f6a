/**
 * `narthex import`: files into a running server or a data directory.
 */

import { basename } from "node:path";
import { type Command, Option } from "commander";
import { isDirectory, openFileStream } from "../local-files.js";
import { definedOnly } from "../model/defined-only.js";
import type { CsvOptions, ImportOptions } from "../model/importing.js";
import type { BlockEncoding } from "../model/series.js";
import { blockEncodingOption } from "./block-encoding-option.js";
import { addConnectionOptions, type ConnectionOptions, withConnection } from "./connection.js";
import { CommandError } from "./failure.js";
import { importDirectory } from "./import-directory.js";
import { formatImport, formatImportWarnings, importWithProgress } from "./import-progress.js";
import * as values from "./option-values.js";
import type { Terminal } from "./terminal.js";

interface ImportCommandOptions extends ConnectionOptions {
  readonly format?: NonNullable<ImportOptions["format"]>;
  readonly time?: string;
  readonly timeFormat?: string;
  readonly utcOffset?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly labelColumns?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, string>>;
  readonly metricPrefix?: string;
  readonly delimiter?: string;
  readonly header?: boolean;
  readonly "storage.tsdb.blockEncoding"?: BlockEncoding;
}

export function addImportCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command("import")
    .description("import samples: CSV, OpenMetrics, Prometheus text, JSON lines, whole data directories")
    .argument("<path...>", "files; or snapshots, data directories, data folders of a Prometheus");
  addConnectionOptions(command)
    .addOption(
      new Option("--format <format>", "told from the file's name or first bytes when left out").choices([
        "csv",
        "openmetrics",
        "prometheus",
        "jsonl",
      ]),
    )
    .option("--time <column>", "CSV: the column of times")
    .option(
      "--time-format <format>",
      "CSV: unix-s, unix-ms, unix-us, unix-ns, rfc3339, or as yyyy-MM-dd HH:mm",
    )
    .option("--utc-offset <minutes>", "CSV: of times that name no zone, east of UTC", values.minutes)
    .option("--labels <a=b,c=d>", "labels added to every series", values.labelPairs)
    .option("--label-columns <a,b=c>", "CSV: columns that become labels, perhaps renamed", values.renames)
    .option(
      "--values <price=price_dollars>",
      "CSV: columns that become metrics, perhaps renamed",
      values.renames,
    )
    .option("--metric-prefix <prefix>", "put before each metric name")
    .option("--delimiter <character>", "CSV: between columns; guessed when left out", values.delimiter)
    .option("--header", "CSV: the first row names the columns")
    .option("--no-header", "CSV: the first row is a row like the others; columns are column_1, column_2 ...")
    .addOption(blockEncodingOption())
    .addHelpText(
      "after",
      `
Examples:
  narthex import weather.csv --time date --labels site=home --metric-prefix home_
  narthex import stocks.csv --label-columns symbol --values price=stock_price_dollars
  narthex import metrics.om --data ./data
  narthex import /var/lib/prometheus --data ./data`,
    )
    .action((paths: string[], options: ImportCommandOptions) => importFiles(paths, options, terminal));
}

async function importFiles(paths: readonly string[], options: ImportCommandOptions, terminal: Terminal) {
  const directories = new Set<string>();
  // All are looked at before the first is imported: a typing error should not leave half the work done.
  for (const path of paths) {
    if (await isDirectory(path)) directories.add(path);
    else await openFileStream(path);
  }
  const access = { create: true, terminal, blockEncoding: options["storage.tsdb.blockEncoding"] };
  for (const path of directories) await importDirectory(path, options.data, access);
  const files = paths.filter((path) => !directories.has(path));
  if (files.length === 0) return;
  await withConnection(options, access, async (connection) => {
    for (const path of files) {
      const title = basename(path);
      const result = await importWithProgress(connection, path, importOptions(options), title, terminal);
      for (const warning of formatImportWarnings(title, result)) terminal.say(warning);
      if (result.samples === 0) throw new CommandError(`nothing of ${title} was imported`);
      terminal.write(formatImport(title, result));
    }
  });
}

function importOptions(options: ImportCommandOptions): ImportOptions {
  return definedOnly({
    format: options.format,
    csv: csvOptions(options),
    metricPrefix: options.metricPrefix,
    labels: options.labels,
  });
}

function csvOptions(options: ImportCommandOptions): CsvOptions {
  return definedOnly({
    delimiter: options.delimiter,
    hasHeader: options.header,
    timeColumn: options.time,
    timeFormat: options.timeFormat,
    utcOffsetMinutes: options.utcOffset,
    labelColumns: options.labelColumns,
    valueColumns: options.values,
  });
}
