/**
 * Config: the configuration file, in Prometheus' words, parsed and validated into one frozen object.
 *
 * What Prometheus knows and we do not act on yet is a warning by name; what nobody knows is an error with line, column
 * and the nearest known key.
 */

import { dirname } from "node:path";
import type { AgentConfig } from "./agent/agent-config.js";
import { loadAgentConfigs, readAgentConfigs, type WrittenAgentConfig } from "./config/agent-section.js";
import type { ConfigPlace, Environment } from "./config/config-place.js";
import { defaultGlobalConfig, type GlobalConfig, readGlobal } from "./config/global-section.js";
import { readGraphite } from "./config/graphite-section.js";
import { readOtlp } from "./config/otlp-section.js";
import {
  loadPushConfigs,
  readPushBudgets,
  readPushConfigs,
  type WrittenPushConfig,
} from "./config/push-section.js";
import { loadScrapeConfigFiles, readScrapeConfigFiles } from "./config/scrape-config-files.js";
import { readScrapeConfigs } from "./config/scrape-section.js";
import { showConfig } from "./config/shown-config.js";
import { readStorage, type StorageConfig } from "./config/storage-section.js";
import { readTextfileConfigs } from "./config/textfile-section.js";
import { openYaml } from "./config/yaml-file.js";
import type { YamlSection } from "./config/yaml-section.js";
import type { GraphiteTemplate } from "./ingest/graphite/graphite-template.js";
import type { OtlpOptions } from "./ingest/otlp/otlp-labels.js";
import type { PushBudgets, PushConfig } from "./ingest/source/push-config.js";
import { readTextFile } from "./local-files.js";
import type { ScrapeConfig } from "./scrape/scrape-config.js";

/** A file with all that it names. */
export interface Config extends Omit<ParsedConfig, "agentConfigs" | "pushConfigs" | "scrapeConfigFiles"> {
  readonly agentConfigs: readonly AgentConfig[];
  readonly pushConfigs: readonly PushConfig[];
}

/** A file by itself. */
export interface ParsedConfig {
  readonly globals: GlobalConfig;
  readonly scrapeConfigs: readonly ScrapeConfig[];
  /** Patterns of files with more of them. */
  readonly scrapeConfigFiles: readonly string[];
  readonly agentConfigs: readonly WrittenAgentConfig[];
  readonly pushConfigs: readonly WrittenPushConfig[];
  readonly pushBudgets: Partial<PushBudgets>;
  readonly graphiteTemplates: readonly GraphiteTemplate[];
  readonly otlp: Partial<OtlpOptions>;
  readonly storage: StorageConfig;
  /** As YAML, without secrets. */
  readonly shown: string;
  /** What is in the file but not acted on, in words. */
  readonly warnings: readonly string[];
}

/** As of an empty file. */
export const emptyConfig = {
  globals: defaultGlobalConfig,
  scrapeConfigs: [],
  scrapeConfigFiles: [],
  agentConfigs: [],
  pushConfigs: [],
  pushBudgets: {},
  graphiteTemplates: [],
  otlp: {},
  storage: {},
  get shown() {
    return showConfig(undefined, { globals: defaultGlobalConfig, scrapeConfigs: [] });
  },
  warnings: [],
} satisfies ParsedConfig;

/** Reads a configuration file. Throws StorageError when it cannot be read, ConfigError when it is wrong. */
export async function loadConfig(path: string, environment: Environment = process.env): Promise<Config> {
  const parsed = parseConfig(await readTextFile(path), path, environment);
  const pushConfigs = await loadPushConfigs(parsed.pushConfigs, { file: path, readFile: readTextFile });
  const scraped = await withScrapeConfigFiles(parsed, environment);
  const { scrapeConfigs } = scraped;
  const agentConfigs = await loadAgentConfigs(parsed.agentConfigs, { scrapeConfigs, readFile: readTextFile });
  const { scrapeConfigFiles: _, ...others } = parsed;
  return Object.freeze({ ...others, ...scraped, agentConfigs, pushConfigs });
}

/**
 * What is to be scraped without a server, by a file's text, or by the file at `path` itself; what is for a server is not
 * read.
 */
export async function loadScrapeConfigs(
  path: string,
  text?: string,
  environment: Environment = process.env,
): Promise<Pick<Config, "scrapeConfigs" | "warnings">> {
  const parsed = parseConfig(text ?? (await readTextFile(path)), path, environment);
  const { scrapeConfigs, warnings } = await withScrapeConfigFiles(parsed, environment);
  // Of all that is for a server, only that is about what is scraped.
  const [agent] = parsed.agentConfigs;
  const ignored = agent && `${agent.place}: agent_configs are ignored here: agents connect to narthex serve`;
  return { scrapeConfigs, warnings: ignored === undefined ? warnings : [...warnings, ignored] };
}

async function withScrapeConfigFiles(
  { globals, scrapeConfigs, scrapeConfigFiles, warnings }: ParsedConfig,
  environment: Environment,
): Promise<Pick<Config, "scrapeConfigs" | "warnings">> {
  const more = await loadScrapeConfigFiles(scrapeConfigFiles, {
    ...{ globals, environment },
    jobNames: scrapeConfigs.map(({ jobName }) => jobName),
    readFile: readTextFile,
  });
  return {
    scrapeConfigs: [...scrapeConfigs, ...more.scrapeConfigs],
    warnings: [...warnings, ...more.warnings],
  };
}

/** Without reading anything that the file names; paths in it are relative to `file`. Throws ConfigError. */
export function parseConfig(text: string, file: string, environment: Environment = {}): ParsedConfig {
  const { root, document, warnings } = openYaml(text, file);
  if (root === undefined) return Object.freeze(emptyConfig);
  const place: ConfigPlace = { directory: dirname(file), environment };
  const globals = readGlobal(root.section("global"), place);
  const targets = readScrapeConfigs(root, globals, place);
  const jobNames = targets.map(({ jobName }) => jobName);
  const scrapeConfigs = [...targets, ...readTextfileConfigs(root, { globals, place, jobNames })];
  const scrapeConfigFiles = readScrapeConfigFiles(root, place);
  const storage = readStorage(root.section("storage"));
  root.notYet(["rule_files"], "textList");
  root.notYet(["alerting", "tracing"], "section");
  root.notYet(["remote_write", "remote_read"], "sections");
  readRuntime(root.section("runtime"));
  const agentConfigs = readAgentConfigs(root, file);
  const pushConfigs = readPushConfigs(root, file);
  const pushBudgets = readPushBudgets(root.section("push"));
  const graphiteTemplates = readGraphite(root.section("graphite"));
  const otlp = readOtlp(root.section("otlp"));
  root.finish();
  return Object.freeze({
    ...{
      globals,
      scrapeConfigs,
      scrapeConfigFiles,
      agentConfigs,
      pushConfigs,
      pushBudgets,
      graphiteTemplates,
      otlp,
      storage,
    },
    shown: showConfig(document, { globals, scrapeConfigs: targets }),
    warnings: warnings(),
  });
}

function readRuntime(section: YamlSection | undefined): void {
  section?.notNeeded("gogc", "it is about the memory of Go", "integer");
  section?.finish();
}
