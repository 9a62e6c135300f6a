/**
 * `narthex serve`: the server, until a signal ends it.
 */

import type { Command } from "commander";
import { Option } from "commander";
import type { DatabaseEvent, Durability } from "../api.js";
import { definedOnly } from "../model/defined-only.js";
import { LockedError, UnavailableError } from "../model/errors.js";
import type { BlockEncoding } from "../model/series.js";
import { isEmptyDatabase, loadSamples } from "../samples/load-samples.js";
import type { Server, ServerOptions } from "../server.js";
import { blockEncodingOption } from "./block-encoding-option.js";
import { CommandError } from "./failure.js";
import { formatImport, importWithProgress } from "./import-progress.js";
import { logLine } from "./log-line.js";
import * as values from "./option-values.js";
import { addPrometheusFlags, unusedFlags } from "./prometheus-flags.js";
import { serveFlags } from "./serve-flags.js";
import type { Terminal } from "./terminal.js";

interface ServeOptions {
  readonly data: string;
  readonly "web.listenAddress": values.ListenAddress;
  readonly config?: string;
  readonly "storage.durability": Durability;
  readonly "storage.tsdb.blockEncoding"?: BlockEncoding;
  readonly "storage.tsdb.retention.time"?: number;
  readonly "storage.tsdb.retention.size"?: number;
  readonly "web.enableAdminApi"?: boolean;
  readonly "web.enableLifecycle"?: boolean;
  readonly "web.config.file"?: string;
  readonly "web.cors.origin"?: string;
  readonly "web.externalUrl"?: URL;
  readonly "graphite.listenAddress"?: values.ListenAddress;
  readonly enableFeature?: readonly string[];
  readonly "query.lookbackDelta"?: number;
  readonly "query.timeout"?: number;
  readonly "query.maxSamples"?: number;
  readonly sampleData?: boolean;
}

/** What `npm start` and a Prometheus use too. A directory that is a Prometheus' is refused when it is opened. */
const DATA_DEFAULT = "./data";

export function addServeCommand(program: Command, terminal: Terminal, version: string): void {
  const command = program
    .command("serve")
    .description("serve the Prometheus HTTP API on a data directory")
    // The longer names are Prometheus', so that its command line starts this server too.
    .option(
      "--storage.tsdb.path, --data <directory>",
      "where the data are; created when absent",
      DATA_DEFAULT,
    )
    .option(
      "--config.file, --config <file>",
      "a configuration file in Prometheus' words, with scrape_configs, push_configs and retention",
    );
  const groups = [addListenOptions, addStorageOptions, addQueryOptions, addPrometheusFlags];
  for (const addOptions of groups) addOptions(command);
  command
    .option("--sample-data", "load the sample data sets when the data directory is empty")
    .addHelpText(
      "after",
      `
Examples:
  narthex serve --data ./data --sample-data
  narthex serve --config prometheus.yml --web.listen-address 0.0.0.0:9090`,
    )
    .action((options: ServeOptions) => {
      for (const message of unusedFlags(command)) terminal.say(logLine({ level: "warning", message }));
      return serve(options, { terminal, version, flags: serveFlags(command) });
    });
}

function addListenOptions(command: Command): void {
  command
    .addOption(
      new Option("--web.listen-address <host:port>", "where to listen; port 0 takes a free one")
        .argParser(values.listenAddress)
        .default({ host: "127.0.0.1", port: 9090 }, "127.0.0.1:9090"),
    )
    .option(
      "--web.config.file <file>",
      "TLS and users, in the words of Prometheus' exporter toolkit; see docs/security.md",
    )
    .option(
      "--web.external-url <url>",
      "how others reach this server, as https://metrics.example.org (default: by the name of this machine)",
      values.originUrl,
    )
    .option(
      "--web.cors.origin <regex>",
      "origins whose web pages may use this server, as https://grafana[.]example[.]org (default: its own)",
    )
    .option("--web.enable-admin-api", "let clients delete series, at /api/v1/admin/tsdb")
    .option("--web.enable-lifecycle", "let clients have the configuration read again, by POST /-/reload")
    .option(
      "--graphite.listen-address <host:port>",
      "where to take Graphite's plaintext protocol, over TCP and UDP (default: nowhere)",
      values.listenAddress,
    );
}

function addStorageOptions(command: Command): void {
  command
    .addOption(
      new Option(
        "--storage.durability <mode>",
        "when an acknowledged write is safe from a crash of the machine",
      )
        .choices(["commit", "interval", "none"])
        .default("commit"),
    )
    .addOption(blockEncodingOption())
    .option(
      "--storage.tsdb.retention.time <duration>",
      "drop what is older, as 90d; wins over the configuration file (default: keep everything)",
      values.durationMs,
    )
    .option(
      "--storage.tsdb.retention.size <bytes>",
      "drop the oldest blocks when all data take more, as 50GB; wins over the file (default: no limit)",
      values.sizeBytes,
    );
}

function addQueryOptions(command: Command): void {
  command
    .option(
      "--enable-feature <names>",
      "feature flags of the query language, and extra-scrape-metrics, as Prometheus names them",
      values.nameList,
    )
    .option(
      "--query.lookback-delta <duration>",
      "how far back an instant selector reaches (default: 5m)",
      values.durationMs,
    )
    .option("--query.timeout <duration>", "the longest that a query may run (default: 2m)", values.durationMs)
    .option(
      "--query.max-samples <number>",
      "samples that one query may hold (default: 50000000)",
      values.positiveInteger,
    );
}

interface Serving {
  readonly terminal: Terminal;
  readonly version: string;
  readonly flags: Readonly<Record<string, string>>;
}

async function serve(options: ServeOptions, { terminal, version, flags }: Serving): Promise<void> {
  const onEvent = (event: DatabaseEvent) => terminal.say(logLine(event));
  const server = await start(options, { version, flags, onEvent });
  const { closeOnSignal, reloadOnSignal } = await import("../server/signals.js");
  const hasFiles = options.config !== undefined || options["web.config.file"] !== undefined;
  // Without files SIGHUP is what a terminal says when it closes.
  const ended = closeOnSignal(
    server,
    hasFiles ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP"],
    onEvent,
  );
  if (hasFiles) reloadOnSignal(server);
  terminal.say(`Narthex ${version} listens on ${server.url} (data in ${options.data}; Ctrl+C ends it)`);
  if (options.sampleData === true && (await haveSamples(server, terminal)))
    terminal.say(suggestions(server.url));
  process.exitCode = await ended;
}

async function start(
  options: ServeOptions,
  process: Pick<ServerOptions, "version" | "flags" | "onEvent">,
): Promise<Server> {
  const address = options["web.listenAddress"];
  // Loaded here, so that the other commands need not wait for all of the server.
  const { startServer } = await import("../server.js");
  try {
    return await startServer({
      database: databaseOptions(options),
      host: address.host,
      port: address.port,
      ...definedOnly({
        configFile: options.config,
        webConfigFile: options["web.config.file"],
        graphite: options["graphite.listenAddress"],
        enableAdminApi: options["web.enableAdminApi"],
        enableLifecycle: options["web.enableLifecycle"],
        corsOrigin: options["web.cors.origin"],
        externalUrl: options["web.externalUrl"],
      }),
      ...process,
    });
  } catch (error) {
    if (error instanceof UnavailableError)
      throw new CommandError(error.message, {
        hint: `choose another address, as --web.listen-address ${address.host}:${address.port + 1}`,
        cause: error,
      });
    if (error instanceof LockedError)
      throw new CommandError(error.message, {
        hint: "or choose another directory with --data",
        cause: error,
      });
    throw error;
  }
}

function databaseOptions(options: ServeOptions) {
  const settings = definedOnly({
    durability: options["storage.durability"],
    blockEncoding: options["storage.tsdb.blockEncoding"],
    retentionMs: options["storage.tsdb.retention.time"],
    retentionSizeBytes: options["storage.tsdb.retention.size"],
    enableFeatures: options.enableFeature,
    lookbackDeltaMs: options["query.lookbackDelta"],
    queryTimeoutMs: options["query.timeout"],
    querySamplesMax: options["query.maxSamples"],
  });
  return { directory: options.data, ...settings };
}

/** Loads the sample data on the first run. A failure is told and no more: the server is of use without them. */
async function haveSamples({ database }: Server, terminal: Terminal): Promise<boolean> {
  if (!isEmptyDatabase(database)) return true;
  terminal.say("The data directory is empty: loading the sample data");
  try {
    await loadSamples(async (sampleSet, source, options) => {
      const result = await importWithProgress(database, source, options, sampleSet.title, terminal);
      terminal.say(`  ${formatImport(sampleSet.title, result)}`);
      return result;
    });
    return true;
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    terminal.say(logLine({ level: "warning", message: error.message }));
    return false;
  }
}

function suggestions(url: string): string {
  const range = "start=2010-06-01T00:00:00Z&end=2010-06-08T00:00:00Z&step=1d";
  const target = url === "http://127.0.0.1:9090" ? "" : ` --url ${url}`;
  return `
Try next, from another shell:
  curl -g '${url}/api/v1/query_range?query=avg_over_time(seattle_temperature_celsius[1d])&${range}'
  npx narthex query 'sum by (symbol) (stock_price_dollars)' --time 2008-01-01${target}
  npx narthex query seattle_temperature_celsius --start 2010-06-01 --end 2010-06-15 --step 2h${target}
`;
}
