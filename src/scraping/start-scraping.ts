/**
 * startScraping: what `narthex serve` scrapes, without the server: targets of a configuration in Prometheus' words, and
 * targets that the program itself adds, are scraped into a database of this process.
 */

import { createRequire } from "node:module";
import type { Database, DatabaseEvent } from "../api.js";
import { ToldWarnings } from "../config/told-warnings.js";
import { type Config, loadScrapeConfigs } from "../config.js";
import { readTextFile } from "../local-files.js";
import { type Clock, systemClock } from "../model/clock.js";
import { ClosedError, InvalidArgumentError } from "../model/errors.js";
import { Labels } from "../model/labels.js";
import { readProcessMemory } from "../scrape/memory-pressure.js";
import { ScrapeManager } from "../scrape/scrape-manager.js";
import type { ScrapePoolStatus } from "../scrape/status.js";
import type { JobStatus, OwnTargets, Scraping, ScrapingOptions, TargetList } from "./scraping.js";

/**
 * Rejects with ConfigError, with StorageError when a file cannot be read, or with InvalidArgumentError; then nothing is
 * scraped. Close it before the database.
 */
export async function startScraping(database: Database, options: ScrapingOptions): Promise<Scraping> {
  const { clock = systemClock, onEvent = () => {} } = options;
  const warnings = new ToldWarnings((message) => onEvent({ level: "warning", message }));
  const config = await load(options, warnings);
  const tell = (level: DatabaseEvent["level"]) => (message: string) => onEvent({ level, message });
  const scrapes = new ScrapeManager(config.scrapeConfigs, {
    appendable: database,
    metadata: database.metadata,
    clock,
    version: packageVersion(),
    readFile: readTextFile,
    readMemory: readProcessMemory,
    onFailure: (error) => tell("error")(`a scrape was not stored: ${messageOf(error)}`),
    onProblem: tell("warning"),
    onDiscoveryEvent: onEvent,
  });
  scrapes.start();
  return new RunningScraping(scrapes, warnings, { ...options, clock });
}

class RunningScraping implements Scraping {
  readonly #scrapes: ScrapeManager;
  readonly #warnings: ToldWarnings;
  readonly #options: ScrapingOptions;
  #lastReload: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(
    scrapes: ScrapeManager,
    warnings: ToldWarnings,
    options: ScrapingOptions & { readonly clock: Clock },
  ) {
    this.#scrapes = scrapes;
    this.#warnings = warnings;
    this.#options = options;
  }

  addTargets(jobName: string, lists: readonly TargetList[]): OwnTargets {
    this.#checkOpen();
    const added = this.#scrapes.addTargets(jobName, lists.map(groupOf));
    return {
      replace: (others) => added.replace(others.map(groupOf)),
      remove: () => added.replace([]),
    };
  }

  status(): readonly JobStatus[] {
    return this.#scrapes.pools().map(jobStatus);
  }

  async reload(config?: ScrapingOptions["config"]): Promise<void> {
    this.#checkOpen();
    const reloaded = this.#lastReload.then(async () => {
      const { configFile } = this.#options;
      const source = config === undefined ? this.#options : { config };
      if (config === undefined && configFile === undefined) return;
      const { scrapeConfigs } = await load(source, this.#warnings);
      this.#checkOpen();
      await this.#scrapes.configure(scrapeConfigs);
    });
    this.#lastReload = reloaded.catch(() => {});
    return reloaded;
  }

  close(): Promise<void> {
    this.#closing ??= this.#lastReload.then(() => this.#scrapes.stop());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError("scraping was closed");
  }
}

async function load(
  { configFile, config }: Pick<ScrapingOptions, "configFile" | "config">,
  warnings: ToldWarnings,
): Promise<Pick<Config, "scrapeConfigs">> {
  if ((configFile === undefined) === (config === undefined))
    throw new InvalidArgumentError("either configFile or config must be given");
  const text = config === undefined || typeof config === "string" ? config : textOf(config);
  const loaded = await loadScrapeConfigs(configFile ?? "config", text);
  warnings.review(loaded.warnings);
  return loaded;
}

/** Throws InvalidArgumentError. */
function textOf(config: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(config);
  } catch (cause) {
    throw new InvalidArgumentError(`config is nothing that a file could have: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function groupOf({ targets, labels = {} }: TargetList) {
  return {
    targets: targets.map((address) => Labels.from({ __address__: address })),
    labels: labels instanceof Labels ? labels : Labels.from(labels),
  };
}

function jobStatus({ jobName, activeTargets, droppedTargets, discoveries }: ScrapePoolStatus): JobStatus {
  return { jobName, targets: activeTargets, droppedTargets, discoveries };
}

/** What targets are told of who asks. */
function packageVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)("../../package.json");
  return (manifest as { readonly version: string }).version;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
