/**
 * openAgents: agents joined to the pools of scrapes: what an agent tells of is scraped by the pool of its job, which asks
 * through the agent.
 */

import { type AgentConfig, agentJobs } from "../agent/agent-config.js";
import { agentTargetLabel } from "../agent/agent-target.js";
import { Agents } from "../agent/agents.js";
import type { Database, DatabaseEvent } from "../api.js";
import type { Config } from "../config.js";
import type { Clock } from "../model/clock.js";
import { Labels } from "../model/labels.js";
import type { AddedTargets } from "../scrape/added-targets.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";
import type { ScrapeManager } from "../scrape/scrape-manager.js";
import type { Target } from "../scrape/target.js";

export interface ServerAgentsOptions {
  readonly clock: Clock;
  /** Called once there is something to scrape. */
  readonly scrapes: () => ScrapeManager;
  readonly onEvent: (event: DatabaseEvent) => void;
}

/** Those of the configuration come with `configure`, once the pools of their jobs are there. */
export function openAgents(
  { openJournal }: Database,
  { clock, scrapes, onEvent }: ServerAgentsOptions,
): Promise<Agents> {
  const added = new Map<string, AddedTargets>();
  const setTargets = (pool: string, targets: readonly Labels[]) => {
    const groups = [{ targets, labels: Labels.from([]) }];
    const known = added.get(pool);
    if (known !== undefined) known.replace(groups);
    else if (targets.length > 0) added.set(pool, scrapes().addTargets(pool, groups));
  };
  return Agents.open({ clock, openJournal, setTargets, onEvent });
}

/** Those of the configuration, and of what agents bring into them; with the features that flags switch on for all. */
export function allJobs(
  { scrapeConfigs, agentConfigs }: Config,
  features: readonly string[] = [],
): readonly ScrapeConfig[] {
  const jobs = [...scrapeConfigs, ...agentJobs(agentConfigs, scrapeConfigs)];
  if (!features.includes("extra-scrape-metrics")) return jobs;
  return jobs.map((job) => ({ ...job, extraScrapeMetrics: true }));
}

/** How a pool asks a target of an agent. */
export function askingThrough(agents: Agents) {
  return (name: AgentConfig["name"], { discoveredLabels }: Target) =>
    agents.requesterOf(name, discoveredLabels.get(agentTargetLabel));
}
