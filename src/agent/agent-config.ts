/**
 * AgentConfig: an entry of `agent_configs`: who may be an agent, and what its targets may be called; and the jobs that
 * come of it.
 *
 * An agent brings targets into jobs of `scrape_configs`: where they are is its own affair, all else is the job's. Each
 * job of each agent has a pool of its own, which asks through that agent and nowhere else: whatever an agent says of its
 * targets, the server itself never connects to them.
 */

import type { Secret } from "../http-client/http-client-config.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";

export interface AgentConfig {
  readonly name: string;
  readonly tokenSha256: Uint8Array;
  /** Names of `scrape_configs`. */
  readonly jobs: readonly string[];
  /** What every target gets. One that says otherwise is refused. */
  readonly labels: Readonly<Record<string, string>>;
  /** Regular expressions (RE2) that must match the whole value of the label, the empty text when it is absent. */
  readonly allow: Readonly<Record<string, string>>;
  /** Whether labels of its pages may win over those of its targets where the job says so. */
  readonly honorLabels: boolean;
  readonly limits: AgentLimits;
}

/** What an agent may bring; where its job has a smaller limit, that one counts. */
export interface AgentLimits {
  readonly targetsMax: number;
  /** Of one page, uncompressed. */
  readonly bodySizeMaxBytes: number;
  /** Of one page, after relabelling. */
  readonly samplesMax: number;
}

export const defaultAgentLimits: AgentLimits = {
  targetsMax: 100,
  bodySizeMaxBytes: 16 * 1024 * 1024,
  samplesMax: 10_000,
};

/** Of series of agents, where their job has none. */
const defaultLabelLimits = {
  labelsMax: 128,
  labelNameSizeMaxBytes: 1024,
  labelValueSizeMaxBytes: 64 * 1024,
} as const;

/** How an agent finds its server, and who it says it is. */
export interface ServerAccess {
  /** With the scheme ws, wss, http or https; a path is that under which the server stands. */
  readonly url: URL;
  readonly token: Secret;
  readonly ca: Secret | undefined;
  /** Both or none. */
  readonly cert: Secret | undefined;
  readonly key: Secret | undefined;
  readonly proxyUrl: string | undefined;
}

/** The name of the pool with an agent's targets of a job. */
export function agentPoolName(agent: string, job: string): string {
  return `${agent}/${job}`;
}

/** Of all agents, from the jobs that they bring targets into. A job that is not there is left out. */
export function agentJobs(
  agents: readonly AgentConfig[],
  jobs: readonly ScrapeConfig[],
): readonly ScrapeConfig[] {
  return agents.flatMap((agent) =>
    agent.jobs.flatMap((name) => {
      const job = jobs.find(({ jobName }) => jobName === name);
      return job === undefined ? [] : [agentJob(agent, job)];
    }),
  );
}

function agentJob({ name, honorLabels, limits }: AgentConfig, job: ScrapeConfig): ScrapeConfig {
  return Object.freeze({
    ...job,
    jobName: agentPoolName(name, job.jobName),
    agent: name,
    // Of the agent's targets: they come with each of them.
    params: {},
    staticTargets: [],
    discoveries: [],
    honorLabels: job.honorLabels && honorLabels,
    labelsMax: job.labelsMax || defaultLabelLimits.labelsMax,
    labelNameSizeMaxBytes: job.labelNameSizeMaxBytes || defaultLabelLimits.labelNameSizeMaxBytes,
    labelValueSizeMaxBytes: job.labelValueSizeMaxBytes || defaultLabelLimits.labelValueSizeMaxBytes,
    samplesMax: smaller(job.samplesMax, limits.samplesMax),
    bodySizeMaxBytes: smaller(job.bodySizeMaxBytes, limits.bodySizeMaxBytes),
  });
}

/** 0 is no limit. */
function smaller(ofJob: number, ofAgent: number): number {
  return ofJob === 0 ? ofAgent : Math.min(ofJob, ofAgent);
}
