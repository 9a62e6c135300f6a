/**
 * readAgentConfigs: `agent_configs`: who may be an agent, which jobs it brings targets into, and what these may be called.
 *
 *   agent_configs:
 *     - name: cellar
 *       token_file: cellar.token                # or token, or token_sha256
 *       jobs: [node, app]                       # of scrape_configs: they say how the targets are scraped
 *       labels: { site: berlin }                # every target has them, and agent: cellar
 *       allow: { instance: "cellar-.*" }
 *       target_limit: 50
 *
 * No message has a secret in it.
 */

import { dirname } from "node:path";
import {
  type AgentConfig,
  type AgentLimits,
  agentPoolName,
  defaultAgentLimits,
} from "../agent/agent-config.js";
import type { ReadFile } from "../http-client/secret-values.js";
import { AnchoredRegExp } from "../model/anchored-regexp.js";
import { InvalidArgumentError } from "../model/errors.js";
import { digestKey, tokenDigest } from "../model/token-digest.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";
import { readToken } from "./token-section.js";
import type { YamlSection } from "./yaml-section.js";

/** An entry as it is written: its token file is not read yet, and nobody has looked whether its jobs exist. */
export interface WrittenAgentConfig {
  readonly name: string;
  /** As in messages: `narthex.yml:3:14`. */
  readonly place: string;
  /** Rejects with ConfigError. */
  load(context: LoadContext): Promise<AgentConfig>;
}

interface LoadContext {
  readonly scrapeConfigs: readonly ScrapeConfig[];
  readonly readFile: ReadFile;
  /** Who has which token, by its digest; filled while entries are loaded. */
  readonly tokens: Map<string, string>;
  /** Whose a pool is; filled likewise. */
  readonly pools: Map<string, string>;
}

/** Paths are relative to `file`. Throws ConfigError. */
export function readAgentConfigs(root: YamlSection, file: string): readonly WrittenAgentConfig[] {
  const seen = new Set<string>();
  return root.sections("agent_configs").map((section) => {
    const config = readAgentConfig(section, dirname(file));
    if (seen.has(config.name)) section.fail("name", `"${config.name}" is the name of another agent too`);
    seen.add(config.name);
    return config;
  });
}

/** With their tokens, when all scrape_configs are known. Rejects with ConfigError. */
export async function loadAgentConfigs(
  written: readonly WrittenAgentConfig[],
  context: Omit<LoadContext, "tokens" | "pools">,
): Promise<readonly AgentConfig[]> {
  const seen = { tokens: new Map<string, string>(), pools: new Map<string, string>() };
  const configs: AgentConfig[] = [];
  for (const config of written) configs.push(await config.load({ ...context, ...seen }));
  return configs;
}

function readAgentConfig(section: YamlSection, directory: string): WrittenAgentConfig {
  const name = section.text("name") ?? "";
  if (name === "") section.fail("name", "must be given and not empty");
  const loadToken = readToken(section, directory);
  const jobs = section.textList("jobs") ?? [];
  if (jobs.length === 0) section.fail("jobs", "must name jobs of scrape_configs, at least one");
  if (new Set(jobs).size < jobs.length) section.fail("jobs", "must name each job once");
  const config = {
    name,
    jobs,
    labels: readLabels(section),
    allow: readAllow(section),
    honorLabels: section.flag("honor_labels") ?? false,
    limits: readLimits(section),
  };
  section.finish();
  return {
    name,
    place: section.placeOf("name"),
    load: async ({ scrapeConfigs, readFile, tokens, pools }) => {
      for (const job of jobs) checkJob(section, { name, job, scrapeConfigs, pools });
      const written = await loadToken(readFile);
      const tokenSha256 = "token" in written ? tokenDigest(written.token) : written.tokenSha256;
      const key = digestKey(tokenSha256);
      const other = tokens.get(key);
      if (other !== undefined) section.fail("name", `"${name}" has the same token as "${other}"`);
      tokens.set(key, name);
      return { ...config, tokenSha256 };
    },
  };
}

interface JobOfAgent extends Pick<LoadContext, "scrapeConfigs" | "pools"> {
  readonly name: string;
  readonly job: string;
}

function checkJob(section: YamlSection, { name, job, scrapeConfigs, pools }: JobOfAgent): void {
  const found = scrapeConfigs.find(({ jobName }) => jobName === job);
  if (found === undefined) section.fail("jobs", `names "${job}", which is no job of scrape_configs`);
  if (found.textfileDirectories.length > 0)
    section.fail("jobs", `names "${job}", which is a job of textfile_configs: those have no targets`);
  const pool = agentPoolName(name, job);
  if (scrapeConfigs.some(({ jobName }) => jobName === pool))
    section.fail("name", `makes the pool "${pool}", which is the name of a job too`);
  const other = pools.get(pool);
  if (other !== undefined) section.fail("name", `makes the pool "${pool}", as the agent "${other}" does`);
  pools.set(pool, name);
}

function readLabels(section: YamlSection): AgentConfig["labels"] {
  const labels = section.texts("labels") ?? {};
  for (const name of Object.keys(labels)) {
    if (name === "" || name.startsWith("__"))
      section.fail("labels", "must have names that are not empty and do not begin with __");
  }
  return labels;
}

function readAllow(section: YamlSection): AgentConfig["allow"] {
  const allow = section.section("allow");
  if (allow === undefined) return {};
  const patterns = section.texts("allow") ?? {};
  for (const [label, pattern] of Object.entries(patterns)) {
    try {
      void new AnchoredRegExp(pattern);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      allow.fail(label, `is no regular expression: ${error.message}`);
    }
  }
  return patterns;
}

/** Zero is as if left out. */
function readLimits(section: YamlSection): AgentLimits {
  return {
    targetsMax: section.count("target_limit") || defaultAgentLimits.targetsMax,
    bodySizeMaxBytes: section.sizeBytes("body_size_limit") || defaultAgentLimits.bodySizeMaxBytes,
    samplesMax: section.count("sample_limit") || defaultAgentLimits.samplesMax,
  };
}
