/**
 * AgentTarget: a target as its agent tells of it; and what the server makes of it, by the rights of the agent.
 *
 * The labels are those that relabelling at the agent's has left, `job` and `instance` among them. The server scrapes by
 * `id` and takes the URL for a text to show.
 */

import { createHash } from "node:crypto";
import { AnchoredRegExp } from "../model/anchored-regexp.js";
import { MalformedInputError } from "../model/errors.js";
import { Labels, quoteText } from "../model/labels.js";
import { hasValidNames, isWellFormed } from "../relabel/name-validation.js";
import type { AgentConfig } from "./agent-config.js";

export interface AgentTarget {
  /** The same for the same target, however often its agent starts. */
  readonly id: string;
  readonly job: string;
  readonly url: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface RefusedTarget {
  readonly id: string;
  readonly reason: string;
}

export interface TargetDecision {
  /** By job: the labels of each target as its discovery would tell them. */
  readonly accepted: ReadonlyMap<string, readonly Labels[]>;
  readonly acceptedCount: number;
  /** The first of them. */
  readonly refused: readonly RefusedTarget[];
  readonly refusedCount: number;
}

/** Which agent asks, and by which id: not in reach of relabelling, which gets a copy. */
export const agentTargetLabel = "__agent_target__";
const agentNameLabel = "__meta_agent";

/** More may not be told of, whatever the rights. */
export const toldTargetsMax = 10_000;
const toldLabelsMax = 64;
const textLengthMax = 4096;
/** Of those that are refused the reason is told for as many as this. */
export const reasonsMax = 50;
const idPattern = /^[0-9a-f]{16}$/;

export function targetId(job: string, url: string, labels: Labels): string {
  return createHash("sha256")
    .update(JSON.stringify([job, url, labels.key()]))
    .digest("hex")
    .slice(0, 16);
}

/** Takes what an agent sent for what it says it is. Throws MalformedInputError. */
export function readAgentTargets(json: unknown): readonly AgentTarget[] {
  if (!Array.isArray(json) || json.length > toldTargetsMax)
    throw new MalformedInputError(`the targets are no list of at most ${toldTargetsMax}`);
  const targets = json.map(readAgentTarget);
  if (new Set(targets.map(({ id }) => id)).size < targets.length)
    throw new MalformedInputError("two targets have the same id");
  return targets;
}

function readAgentTarget(json: unknown): AgentTarget {
  const { id, job, url, labels } = (isRecord(json) ? json : {}) as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || !idPattern.test(id)) throw new MalformedInputError("a target has no id");
  if (!isText(job) || !isText(url) || !isRecord(labels))
    throw new MalformedInputError(`the target ${id} has no job, URL or labels`);
  const pairs = Object.entries(labels);
  if (pairs.length > toldLabelsMax)
    throw new MalformedInputError(`the target ${id} has more than ${toldLabelsMax} labels`);
  const texts: [string, string][] = [];
  for (const [name, value] of pairs) {
    if (!isText(name) || !isText(value))
      throw new MalformedInputError(`the target ${id} has a label that is no text, or too long`);
    texts.push([name, value]);
  }
  return { id, job, url, labels: Object.fromEntries(texts) };
}

/** What of it may be scraped, and under which labels. */
export function decideTargets(targets: readonly AgentTarget[], config: AgentConfig): TargetDecision {
  const rights = { config, allow: allowOf(config) };
  const accepted = new Map<string, Labels[]>(config.jobs.map((job) => [job, []]));
  const refused: RefusedTarget[] = [];
  let acceptedCount = 0;
  let refusedCount = 0;
  for (const target of targets) {
    const labels = acceptedCount < config.limits.targetsMax ? decide(target, rights) : beyondLimit(config);
    if (typeof labels === "string") {
      refusedCount++;
      if (refusedCount <= reasonsMax) refused.push({ id: target.id, reason: labels });
    } else {
      acceptedCount++;
      accepted.get(target.job)!.push(labels);
    }
  }
  return { accepted, acceptedCount, refused, refusedCount };
}

interface Rights {
  readonly config: AgentConfig;
  readonly allow: readonly (readonly [name: string, pattern: AnchoredRegExp])[];
}

function allowOf({ allow }: AgentConfig): Rights["allow"] {
  return Object.entries(allow).map(([name, text]) => [name, new AnchoredRegExp(text)]);
}

/** The labels, or why there are none. */
function decide({ id, job, url, labels }: AgentTarget, { config, allow }: Rights): Labels | string {
  if (!config.jobs.includes(job)) return `the agent may not bring targets into the job ${quoteText(job)}`;
  const place = readPlace(url);
  if (place === undefined) return `${quoteText(url)} is no URL of http or https`;
  const told = Labels.from(Object.entries(labels).filter(([, value]) => value !== ""));
  const wrong = labelProblem(told);
  if (wrong !== undefined) return wrong;
  // Nobody else's series can be written with the agent's name among their labels.
  const forced = new Map(Object.entries({ agent: config.name, job, ...config.labels }));
  for (const [name, value] of forced) {
    const given = told.get(name);
    if (given !== "" && given !== value)
      return `the label ${name} is ${quoteText(value)} for this agent, not ${quoteText(given)}`;
  }
  const identified = told.with(Object.fromEntries(forced));
  for (const [name, pattern] of allow) {
    if (!pattern.matches(identified.get(name)))
      return `the label ${name} may not be ${quoteText(identified.get(name))} for this agent`;
  }
  return identified.with({ ...place, [agentTargetLabel]: id, [agentNameLabel]: config.name });
}

function labelProblem(labels: Labels): string | undefined {
  if (!hasValidNames(labels, "utf8")) return "it has a label whose name is not valid";
  for (const [name, value] of labels) {
    if (name.startsWith("__")) return `the label ${quoteText(name)} is the server's to set`;
    if (!isWellFormed(value)) return `the label ${quoteText(name)} is no text`;
  }
  return undefined;
}

function beyondLimit({ limits }: AgentConfig): string {
  return `the agent has more targets than its target_limit, ${limits.targetsMax}`;
}

/** The URL as labels that make it again, save for parameters that are there twice, or empty. */
function readPlace(text: string): Readonly<Record<string, string>> | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") return undefined;
  const parameters = [...url.searchParams].reverse().map(([name, value]) => [`__param_${name}`, value]);
  return {
    ...(Object.fromEntries(parameters) as Record<string, string>),
    __address__: url.host,
    __scheme__: url.protocol.slice(0, -1),
    __metrics_path__: decodePath(url.pathname),
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return path;
    throw error;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= textLengthMax;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
