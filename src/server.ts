/**
 * The server process: opens the database, starts what pulls, listens; and closes all of it in the reverse order.
 *
 * Closing finishes what is in flight: first no more requests and lines, then no more scrapes, then the database.
 */

import type { Agents } from "./agent/agents.js";
import type { Database, DatabaseEvent, DatabaseOptions } from "./api.js";
import { ToldWarnings } from "./config/told-warnings.js";
import type { Config } from "./config.js";
import { openDatabase } from "./database.js";
import type { TargetGroup } from "./discovery/discovery.js";
import { Access } from "./http/access.js";
import { buildApp } from "./http/app.js";
import { Origins } from "./http/origins.js";
import { GraphiteListener } from "./listen/graphite-listener.js";
import { readTextFile } from "./local-files.js";
import { AnchoredRegExp } from "./model/anchored-regexp.js";
import { type Clock, systemClock } from "./model/clock.js";
import { definedOnly } from "./model/defined-only.js";
import { UnavailableError } from "./model/errors.js";
import type { AddedTargets } from "./scrape/added-targets.js";
import { readProcessMemory } from "./scrape/memory-pressure.js";
import { ScrapeManager } from "./scrape/scrape-manager.js";
import { Reloads } from "./server/reloads.js";
import { allJobs, askingThrough, openAgents } from "./server/server-agents.js";
import { loadServerConfig, type ServerConfig, warningsOf } from "./server/server-config.js";
import { serverFacts } from "./server/server-facts.js";
import { demandCertificates, exchangeCertificates, httpsOptions } from "./server/tls.js";

export interface ServerOptions {
  readonly database: Omit<DatabaseOptions, "onEvent">;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly configFile?: string;
  /** In the words of Prometheus' exporter toolkit. */
  readonly webConfigFile?: string;
  /** Where Graphite's plaintext protocol is taken, over TCP and UDP. Default nowhere. */
  readonly graphite?: { readonly host: string; readonly port: number };
  readonly version: string;
  /** What the command line said, for clients to see. Default nothing. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Whether clients may delete what is stored. Default false. */
  readonly enableAdminApi?: boolean;
  /** Whether clients may have the configuration read again. Default false. */
  readonly enableLifecycle?: boolean;
  /** How others reach this server. Default by the name of this machine. */
  readonly externalUrl?: URL;
  /** A regular expression of origins whose pages may use the server from a browser. Default none. */
  readonly corsOrigin?: string;
  /** Told what an operator should know. Must not throw. */
  readonly onEvent: (event: DatabaseEvent) => void;
}

export interface Server {
  /** As `http://127.0.0.1:9090`. */
  readonly url: string;
  readonly database: Database;
  /** Of the Graphite listener, when there is one. */
  readonly graphitePort: number | undefined;
  /** Reads the configuration files again, all or nothing. Rejects with ConfigError or StorageError. */
  reload(): Promise<void>;
  /** Adds targets to a job of `scrape_configs`: see `ScrapeManager.addTargets`. */
  addTargets(jobName: string, groups: readonly TargetGroup[]): AddedTargets;
  /** Finishes what is in flight and releases the directory. May be called again. */
  close(): Promise<void>;
}

/** Rejects with ConfigError, LockedError, or UnavailableError when it cannot listen; then nothing stays open. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { onEvent } = options;
  const origins = new Origins(
    options.corsOrigin === undefined ? undefined : new AnchoredRegExp(options.corsOrigin),
  );
  const initial = await loadServerConfig(options);
  const warnings = new ToldWarnings((message) => onEvent({ level: "warning", message }));
  warnings.review(warningsOf(initial));
  const closers: (() => Promise<void>)[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= closeAll(closers);
    return closing;
  };
  try {
    const database = await openDatabase({ ...databaseOptions(initial.config, options), onEvent });
    closers.unshift(() => database.close());
    const parts = await startParts({ initial, warnings, database, origins, closers }, options);
    return { ...parts, database, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Beginning {
  readonly initial: ServerConfig;
  readonly warnings: ToldWarnings;
  readonly database: Database;
  readonly origins: Origins;
  /** The last that was started comes first. */
  readonly closers: (() => Promise<void>)[];
}

/** What lives on an open database, each with its closer. */
async function startParts(
  { initial, warnings, database, origins, closers }: Beginning,
  options: ServerOptions,
) {
  const { tls } = initial.web;
  let inForce = initial;
  const clock = clockOf(options);
  const { onEvent } = options;
  const agents = await openAgents(database, { clock, scrapes: () => scrapes, onEvent });
  const scrapes: ScrapeManager = startScrapes(initial.config, { database, agents }, options);
  closers.unshift(() => scrapes.stop());
  agents.configure(initial.config.agentConfigs);
  const templates = () => inForce.config.graphiteTemplates;
  const graphite = options.graphite && (await startGraphite(options, database, templates));
  if (graphite !== undefined) closers.unshift(() => graphite.close());
  const access = new Access(clock, origins);
  access.configure(accessRules(initial));
  const apply = async (next: ServerConfig) => {
    await database.sources.configure(next.config.pushConfigs, next.config.pushBudgets);
    access.configure(accessRules(next));
    if (next.web.tls !== undefined) exchangeCertificates(app.server, next.web.tls);
    inForce = next;
    agents.revoke(next.config.agentConfigs);
    await scrapes.configure(allJobs(next.config, options.database.enableFeatures));
    agents.configure(next.config.agentConfigs);
  };
  const load = () => loadServerConfig(options);
  const reloads = new Reloads({ initial, warnings, clock, load, apply, onEvent });
  const reload = () => reloads.reload();
  const app = buildApp({
    ...httpOptions(options),
    database,
    facts: serverFacts({
      ...{
        clock,
        externalUrl: options.externalUrl,
        flags: options.flags ?? {},
        database: { ...initial.config.storage, ...options.database },
      },
      config: () => inForce.config.shown,
      reloads: () => reloads.status,
    }),
    scrapePools: () => scrapes.pools(),
    otlp: () => inForce.config.otlp,
    access,
    agents,
    ownMetrics: {
      config: () => reloads.status,
      scrape: () => scrapes.counts,
      scrapePools: () => scrapes.pools(),
      agents: () => agents.statuses(),
      ...(graphite && { graphite: () => graphite.counts() }),
    },
    ...(tls && { https: httpsOptions(tls) }),
    ...(options.enableLifecycle === true && { reload }),
  });
  if (tls !== undefined) demandCertificates(app.server, tls);
  closers.unshift(() => app.close());
  closers.unshift(() => agents.close());
  closers.unshift(() => reloads.close());
  const addTargets: Server["addTargets"] = (jobName, groups) => scrapes.addTargets(jobName, groups);
  return { url: await listen(app, options), graphitePort: graphite?.port, reload, addTargets };
}

function accessRules({ config, web }: ServerConfig) {
  const { pushConfigs, agentConfigs } = config;
  const agentTokens = agentConfigs.map(({ tokenSha256 }) => tokenSha256);
  return { pushConfigs, agentTokens, users: web.users, headers: web.headers };
}

/** Closes all, one after the other, even when one of them fails; then rejects with the first failure. */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** What is given on the command line wins over the file. */
function databaseOptions(
  { storage, pushConfigs, pushBudgets }: Config,
  { database, onEvent }: ServerOptions,
) {
  for (const [name, key] of [["time", "retentionMs"] as const, ["size", "retentionSizeBytes"] as const]) {
    if (storage[key] === undefined || database[key] === undefined) continue;
    const message = `storage.tsdb.retention.${name} of the configuration file is not used: the command line has another`;
    onEvent({ level: "warning", message });
  }
  return { ...storage, push: { configs: pushConfigs, budgets: pushBudgets }, ...database };
}

function clockOf({ database: { clock = systemClock } }: ServerOptions): Clock {
  return clock;
}

function startScrapes(
  config: Config,
  { database, agents }: { readonly database: Database; readonly agents: Agents },
  options: ServerOptions,
): ScrapeManager {
  const scrapes = new ScrapeManager(allJobs(config, options.database.enableFeatures), {
    appendable: database,
    clock: clockOf(options),
    version: options.version,
    readFile: readTextFile,
    metadata: database.metadata,
    requesterOf: askingThrough(agents),
    readMemory: readProcessMemory,
    onFailure: (error) =>
      options.onEvent({ level: "error", message: `a scrape was not stored: ${messageOf(error)}` }),
    onProblem: (problem) => options.onEvent({ level: "warning", message: problem }),
    onDiscoveryEvent: options.onEvent,
  });
  scrapes.start();
  return scrapes;
}

async function startGraphite(
  options: ServerOptions,
  database: Database,
  templates: () => Config["graphiteTemplates"],
): Promise<GraphiteListener> {
  const { host, port } = options.graphite!;
  const onFailure = (error: unknown) =>
    options.onEvent({ level: "error", message: `Graphite samples were not stored: ${messageOf(error)}` });
  try {
    const clock = clockOf(options);
    return await GraphiteListener.start({ host, port, gate: database.sources, clock, templates, onFailure });
  } catch (cause) {
    throw new UnavailableError(`cannot listen for Graphite on ${host}:${port}: ${listenFailure(cause)}`, {
      cause,
    });
  }
}

function httpOptions(options: ServerOptions) {
  const { database, version, onEvent, enableAdminApi = false } = options;
  const { queryTimeoutMs } = database;
  const clock = clockOf(options);
  const features = new Set(database.enableFeatures);
  return { clock, version, onEvent, enableAdminApi, features, limits: definedOnly({ queryTimeoutMs }) };
}

async function listen(app: ReturnType<typeof buildApp>, { host, port }: ServerOptions): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    throw new UnavailableError(`cannot listen on ${host}:${port}: ${listenFailure(cause)}`, { cause });
  }
}

function listenFailure(error: unknown): string {
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "EADDRINUSE":
      return "the port is in use";
    case "EACCES":
      return "this user may not listen on that port";
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return "this machine does not have that address";
    default:
      return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
