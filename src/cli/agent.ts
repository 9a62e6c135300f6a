/**
 * `narthex agent`: is scraped from behind a firewall, until a signal ends it.
 */

import { randomInt } from "node:crypto";
import { type Command, Option } from "commander";
import type { AgentOptions } from "../agent/agent.js";
import type { ServerAccess } from "../agent/agent-config.js";
import type { DatabaseEvent } from "../api.js";
import type { ToldWarnings } from "../config/told-warnings.js";
import type { Config, ParsedConfig } from "../config.js";
import { readTextFile } from "../local-files.js";
import { systemClock } from "../model/clock.js";
import { ConfigError, type TsdbError } from "../model/errors.js";
import { CommandError } from "./failure.js";
import { logLine } from "./log-line.js";
import * as values from "./option-values.js";
import type { Terminal } from "./terminal.js";

interface AgentCommandOptions {
  readonly server: string;
  readonly tokenFile?: string;
  readonly token?: string;
  readonly config?: string;
  readonly target?: readonly string[];
  readonly job: string;
  readonly "tls.caFile"?: string;
  readonly "tls.certFile"?: string;
  readonly "tls.keyFile"?: string;
  readonly proxyUrl?: string;
}

type OnEvent = (event: DatabaseEvent) => void;

export function addAgentCommand(program: Command, terminal: Terminal, version: string): void {
  program
    .command("agent")
    .description("be scraped from behind a firewall: connect to a server, which asks over that connection")
    .requiredOption("--server <url>", "the server, as https://db.example.org:9090")
    .option("--token-file <file>", "a file with the token of agent_configs; read at each connection")
    .addOption(
      new Option("--token <token>", "the token itself; others see it in the list of processes").env(
        "NARTHEX_AGENT_TOKEN",
      ),
    )
    .option("--config <file>", "in Prometheus' words: its scrape_configs say what may be scraped")
    .option(
      "--target <url>",
      "what may be scraped, as localhost:9100/metrics; may be repeated",
      values.repeated,
    )
    .option("--job <name>", "the job of --target", "agent")
    .option("--tls.ca-file <file>", "an authority that signs the server's certificate")
    .option("--tls.cert-file <file>", "a certificate to show to the server")
    .option("--tls.key-file <file>", "its key")
    .option("--proxy-url <url>", "the proxy through which the server is reached")
    .addHelpText(
      "after",
      `
It reaches only what its own configuration lists, and follows no redirects. The server says how often, and
under which labels. SIGHUP reads the configuration again.

Examples:
  narthex agent --server https://db.example.org:9090 --token-file agent.token --config agent.yml
  narthex agent --server http://localhost:9090 --token-file agent.token --job node --target localhost:9100`,
    )
    .action((options: AgentCommandOptions) => run(options, terminal, version));
}

async function run(options: AgentCommandOptions, terminal: Terminal, version: string): Promise<void> {
  // Takes the token out of the list of processes as far as it can.
  if (options.token !== undefined) process.title = "narthex agent";
  const onEvent: OnEvent = (event) => terminal.say(logLine(event));
  const server = serverOf(options);
  const { ToldWarnings } = await import("../config/told-warnings.js");
  const warnings = new ToldWarnings((message) => onEvent({ level: "warning", message }));
  const configs = await readJobs(options, warnings);
  const { Agent } = await import("../agent/agent.js");
  const { closeOnSignal, reloadOnSignal } = await import("../server/signals.js");
  const agentOptions: AgentOptions = {
    ...{ server, version, onEvent },
    clock: systemClock,
    random: () => randomInt(2 ** 32) / 2 ** 32,
    readFile: readTextFile,
  };
  const agent = new Agent(agentOptions);
  agent.configure(configs);
  // Between two connections nothing else keeps the process alive.
  const alive = new MessageChannel();
  alive.port1.ref();
  warnOfPlainText(server.url, onEvent);
  agent.start();
  const reload = async () => {
    try {
      agent.configure(await readJobs(options, warnings));
      onEvent({ level: "info", message: `the configuration was read again: ${agent.targetCount} targets` });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      onEvent({ level: "error", message: `the configuration stays as it was: ${reason}` });
    }
  };
  const ended = closeOnSignal(
    agent,
    options.config === undefined ? endSignals : ["SIGINT", "SIGTERM"],
    onEvent,
  );
  if (options.config !== undefined) reloadOnSignal({ reload });
  terminal.say(
    `Narthex agent ${version}: ${agent.targetCount} targets for ${server.url.origin} (Ctrl+C ends it)`,
  );
  process.exitCode = await ended;
  alive.port1.close();
}

const endSignals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

function serverOf(options: AgentCommandOptions): ServerAccess {
  const { token, tokenFile, server, proxyUrl } = options;
  if (tokenFile === undefined && token === undefined)
    throw usage("an agent needs a token", "--token-file FILE, or NARTHEX_AGENT_TOKEN in the environment");
  if (!URL.canParse(server)) throw usage(`--server ${server} is no URL`, "write https://HOST:PORT");
  const ca = options["tls.caFile"];
  const cert = options["tls.certFile"];
  const key = options["tls.keyFile"];
  if ((cert === undefined) !== (key === undefined))
    throw usage("a certificate needs its key", "give both --tls.cert-file and --tls.key-file");
  return {
    url: new URL(server),
    token: tokenFile === undefined ? { text: token ?? "" } : { file: tokenFile },
    ca: ca === undefined ? undefined : { file: ca },
    cert: cert === undefined ? undefined : { file: cert },
    key: key === undefined ? undefined : { file: key },
    proxyUrl,
  };
}

/** What may be scraped. Rejects with ConfigError, StorageError or CommandError. */
async function readJobs(options: AgentCommandOptions, told: ToldWarnings): Promise<Config["scrapeConfigs"]> {
  const { config, target = [], job } = options;
  if (config === undefined && target.length === 0)
    throw usage(
      "an agent without targets is of no use",
      "--config FILE with scrape_configs, or --target URL",
    );
  // Not the whole of it: what else the file names is a server's, its secrets too.
  const { loadScrapeConfigs, parseConfig } = await import("../config.js");
  const loaded = config === undefined ? undefined : await loadScrapeConfigs(config);
  const jobs = loaded?.scrapeConfigs ?? [];
  const listed = jobs.filter(({ textfileDirectories }) => textfileDirectories.length === 0);
  const unread = "textfile_configs are not acted on by an agent, scrape_configs are";
  told.review([...(loaded?.warnings ?? []), ...(listed.length < jobs.length ? [unread] : [])]);
  if (target.length === 0) return listed;
  if (listed.some(({ jobName }) => jobName === job))
    throw usage(`${config} has a job "${job}" too`, "give the targets of --target another one by --job");
  return [...listed, ...targetJob(job, target, parseConfig)];
}

/** As of a file, so that all defaults are its. */
function targetJob(
  job: string,
  targets: readonly string[],
  parseConfig: (text: string, file: string) => ParsedConfig,
): Config["scrapeConfigs"] {
  const groups = targets.map((text) => {
    const written = text.includes("://") ? text : `http://${text}`;
    if (!URL.canParse(written) || !/^https?:/i.test(written))
      throw usage(`--target ${text} is no URL of http or https`, "write HOST:PORT or http://HOST:PORT/PATH");
    const { protocol, host, pathname, searchParams } = new URL(written);
    const parameters = [...searchParams].map(([name, value]) => [`__param_${name}`, value]);
    return {
      targets: [host],
      labels: {
        ...Object.fromEntries(parameters),
        __scheme__: protocol.slice(0, -1),
        __metrics_path__: pathname === "/" ? "/metrics" : decodeURI(pathname),
      },
    };
  });
  try {
    const text = JSON.stringify({ scrape_configs: [{ job_name: job, static_configs: groups }] });
    return parseConfig(text, "--target").scrapeConfigs;
  } catch (error) {
    if (error instanceof ConfigError) throw usage(error.message, "write HOST:PORT or http://HOST:PORT/PATH");
    throw error;
  }
}

function warnOfPlainText({ protocol, hostname }: URL, onEvent: OnEvent): void {
  const isHere = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  if (isHere || protocol === "https:" || protocol === "wss:") return;
  onEvent({
    level: "warning",
    message: "the token and all pages go to the server unencrypted: use https://",
  });
}

function usage(message: string, hint: string): TsdbError {
  return new CommandError(message, { hint, exitCode: 2 });
}
