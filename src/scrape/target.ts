/**
 * Target: what is scraped: its URL, the labels that its series get, its place within the interval.
 */

import { Labels } from "../model/labels.js";
import type { ScrapeConfig, StaticTarget } from "./scrape-config.js";

export interface Target {
  readonly url: string;
  /** `job`, `instance` and the configured ones: the identity of the target and of its report series. */
  readonly labels: Labels;
}

/** A target of a static configuration. `instance` is the address unless the configuration says otherwise. */
export function buildTarget(config: ScrapeConfig, { address, labels }: StaticTarget): Target {
  const url = new URL(`${config.scheme}://${address}`);
  const [path, query] = splitOnce(config.metricsPath, "?");
  url.pathname = path;
  if (query !== undefined) url.search = query;
  for (const [name, values] of Object.entries(config.params)) {
    for (const value of values) url.searchParams.append(name, value);
  }
  const visible = Object.entries(labels).filter(([name]) => !name.startsWith("__"));
  const identity = { job: config.jobName, instance: address, ...Object.fromEntries(visible) };
  return { url: url.href, labels: Labels.from(identity) };
}

/**
 * Milliseconds from `now` to the target's first scrape. Targets are spread over the interval by the hash of
 * their identity, so that a restart keeps each in its place and not all are scraped at once.
 */
export function firstDelayMs(target: Target, intervalMs: number, now: number): number {
  const identity = target.labels.hash() ^ hashText(target.url);
  const phase = (identity >>> 0) % intervalMs;
  return (intervalMs - (now % intervalMs) + phase) % intervalMs;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
