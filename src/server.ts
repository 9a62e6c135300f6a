/**
 * The server process: opens the database, starts what pulls, listens; and closes all of it in the reverse order.
 *
 * Closing finishes what is in flight: first no more requests, then no more scrapes, then the database.
 */

import type { Database, DatabaseEvent, DatabaseOptions } from "./api.js";
import { type Config, loadConfig } from "./config.js";
import { openDatabase } from "./database.js";
import { buildApp } from "./http/app.js";
import { systemClock } from "./model/clock.js";
import { definedOnly } from "./model/defined-only.js";
import { UnavailableError } from "./model/errors.js";
import { ScrapeManager } from "./scrape/scrape-manager.js";

export interface ServerOptions {
  readonly database: Omit<DatabaseOptions, "onEvent">;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly configFile?: string;
  readonly version: string;
  /** Whether clients may delete what is stored. Default false. */
  readonly enableAdminApi?: boolean;
  /** Told what an operator should know. Must not throw. */
  readonly onEvent: (event: DatabaseEvent) => void;
}

export interface Server {
  /** As `http://127.0.0.1:9090`. */
  readonly url: string;
  readonly database: Database;
  /** Finishes what is in flight and releases the directory. May be called again. */
  close(): Promise<void>;
}

/** Rejects with ConfigError, LockedError, or UnavailableError when it cannot listen; then nothing stays open. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { onEvent } = options;
  const config = options.configFile === undefined ? undefined : await loadConfig(options.configFile);
  for (const warning of config?.warnings ?? []) onEvent({ level: "warning", message: warning });
  const closers: (() => Promise<void>)[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= closeAll(closers);
    return closing;
  };
  try {
    const database = await openDatabase({ ...options.database, onEvent });
    closers.unshift(() => database.close());
    const scrapes = startScrapes(config, database, options);
    closers.unshift(() => scrapes.stop());
    const app = buildApp({ ...httpOptions(options), database, targets: () => scrapes.targets() });
    closers.unshift(() => app.close());
    const url = await listen(app, options);
    return { url, database, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Waits for SIGINT or SIGTERM, closes, and resolves with the exit code; a second signal ends the process at once.
 */
export function closeOnSignal(server: Server, onEvent: ServerOptions["onEvent"]): Promise<number> {
  return new Promise((resolve) => {
    let received = 0;
    const stop = (signal: NodeJS.Signals) => {
      received++;
      if (received > 1) process.exit(1);
      onEvent({ level: "info", message: "closing; a second signal ends at once", facts: { signal } });
      server.close().then(
        () => resolve(0),
        (error: unknown) => {
          onEvent({ level: "error", message: `closing failed: ${messageOf(error)}` });
          resolve(1);
        },
      );
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}

/** Closes all, one after the other, even when one of them fails; then rejects with the first failure. */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function startScrapes(config: Config | undefined, database: Database, options: ServerOptions): ScrapeManager {
  const scrapes = new ScrapeManager(config?.scrapeConfigs ?? [], {
    appendable: database,
    clock: options.database.clock ?? systemClock,
    onFailure: (error) =>
      options.onEvent({ level: "error", message: `a scrape was not stored: ${messageOf(error)}` }),
  });
  scrapes.start();
  return scrapes;
}

function httpOptions({ database, version, onEvent, enableAdminApi = false }: ServerOptions) {
  const { clock = systemClock, queryTimeoutMs } = database;
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
