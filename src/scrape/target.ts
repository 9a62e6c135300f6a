/**
 * Target: what is scraped: its URL, the labels that its series get, its place within the interval.
 *
 * Discovery says what there is, the configuration fills in the rest as labels that begin with `__`, relabelling
 * changes both, and what remains says where and how often to scrape.
 *
 *   __address__ host:port          __scheme__, __metrics_path__   of the URL
 *   __param_NAME  the first value of a parameter of the URL
 *   __scrape_interval__, __scrape_timeout__                       durations
 *   job, instance                  instance is the address unless something else was said
 *   __meta_...                     from discovery; forgotten after relabelling, as are other `__` names
 *
 * Source: Prometheus `scrape/target.go`, PopulateLabels.
 */

import { formatDuration, parseDuration } from "../model/duration.js";
import { Labels, quoteText } from "../model/labels.js";
import { hasValidNames, isWellFormed } from "../relabel/name-validation.js";
import { relabel } from "../relabel/relabel.js";
import type { ScrapeConfig } from "./scrape-config.js";
import { paramPrefix, targetUrl } from "./target-url.js";

export interface Target {
  readonly url: string;
  readonly discoveredLabels: Labels;
  /** `job`, `instance` and the like: what series of the target get. */
  readonly labels: Labels;
  readonly intervalMs: number;
  /** At most `intervalMs`. */
  readonly timeoutMs: number;
  /** Equal for targets that need not be scraped twice. */
  readonly identity: string;
}

/** What became of something that was discovered. */
export type TargetOutcome =
  | { readonly kind: "active"; readonly target: Target }
  | { readonly kind: "dropped"; readonly discoveredLabels: Labels }
  | { readonly kind: "invalid"; readonly discoveredLabels: Labels; readonly reason: string };

/** What was found, with what the configuration says where it says nothing. */
export function discoveredLabels(config: ScrapeConfig, found: Labels): Labels {
  const params = Object.entries(config.params).map(([name, [first = ""]]) => [paramPrefix + name, first]);
  const configured = {
    job: config.jobName,
    __scrape_interval__: formatDuration(config.intervalMs),
    __scrape_timeout__: formatDuration(config.timeoutMs),
    __metrics_path__: config.metricsPath,
    __scheme__: config.scheme,
    ...Object.fromEntries(params),
  };
  return Labels.from({ ...configured, ...found.toObject() });
}

export function buildTarget(config: ScrapeConfig, discovered: Labels): TargetOutcome {
  const relabelled = relabel(discovered, config.relabelConfigs);
  if (relabelled === undefined) return { kind: "dropped", discoveredLabels: discovered };
  const address = relabelled.get("__address__");
  const badAddress = addressProblem(address);
  if (badAddress !== undefined) return invalid(discovered, badAddress);
  const clockwork = readClockwork(relabelled);
  if (typeof clockwork === "string") return invalid(discovered, clockwork);
  const withInstance = relabelled.has("instance") ? relabelled : relabelled.with({ instance: address });
  const kept = withoutPrefix(withInstance, "__meta_");
  if (!hasValidNames(kept, "utf8")) return invalid(discovered, `invalid label names: ${kept}`);
  const [badLabel] = [...kept].find(([, value]) => !isWellFormed(value)) ?? [];
  if (badLabel !== undefined) return invalid(discovered, `invalid label value for ${quoteText(badLabel)}`);
  const url = targetUrl(kept, config.params);
  const labels = withoutPrefix(kept, "__");
  const identity = `${url} ${kept.key()}`;
  return { kind: "active", target: { url, discoveredLabels: discovered, labels, ...clockwork, identity } };
}

/** Scrapes begin at multiples of it, so that those of a busy server come in groups: see Ticks. */
const phaseStepMs = 100;

/**
 * Milliseconds from `now` to the target's first scrape. Targets are spread over the interval by the hash of
 * their identity, so that a restart keeps each in its place and not all are scraped at once.
 */
export function firstDelayMs(target: Target, intervalMs: number, now: number): number {
  const identity = target.labels.hash() ^ hashText(target.url);
  const step = Math.min(phaseStepMs, Math.ceil(intervalMs / 10));
  const phase = ((identity >>> 0) % Math.floor(intervalMs / step)) * step;
  return (intervalMs - (now % intervalMs) + phase) % intervalMs;
}

function addressProblem(address: string): string | undefined {
  if (address === "") return "no address";
  return address.includes("/") ? `${quoteText(address)} is not a valid hostname` : undefined;
}

/** Interval and timeout, or what is wrong with them. */
function readClockwork(labels: Labels): Pick<Target, "intervalMs" | "timeoutMs"> | string {
  const interval = labels.get("__scrape_interval__");
  const timeout = labels.get("__scrape_timeout__");
  const intervalMs = parseDuration(interval);
  const timeoutMs = parseDuration(timeout);
  if (intervalMs === undefined) return `error parsing scrape interval: ${durationProblem(interval)}`;
  if (intervalMs === 0) return "scrape interval cannot be 0";
  if (timeoutMs === undefined) return `error parsing scrape timeout: ${durationProblem(timeout)}`;
  if (timeoutMs === 0) return "scrape timeout cannot be 0";
  if (timeoutMs <= intervalMs) return { intervalMs, timeoutMs };
  return `scrape timeout cannot be greater than scrape interval ("${timeout}" > "${interval}")`;
}

function durationProblem(text: string): string {
  return text === "" ? "empty duration string" : `not a valid duration string: ${quoteText(text)}`;
}

function withoutPrefix(labels: Labels, prefix: string): Labels {
  return labels.drop(new Set([...labels].map(([name]) => name).filter((name) => name.startsWith(prefix))));
}

function invalid(discovered: Labels, reason: string): TargetOutcome {
  return { kind: "invalid", discoveredLabels: discovered, reason };
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
