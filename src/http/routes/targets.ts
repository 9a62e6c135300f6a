/**
 * `/api/v1/targets` and below: what is scraped, how the last scrape went, what targets say of their metrics, and what
 * relabelling does to a target.
 *
 * Source: Prometheus `web/api/v1/api.go`: targets, targetMetadata, targetRelabelSteps, scrapePools.
 */

import { Server as TlsServer } from "node:tls";
import type { FastifyInstance } from "fastify";
import { encodeArray, encodeLabels } from "../../api/result-json.js";
import { formatDuration } from "../../model/duration.js";
import { InvalidArgumentError } from "../../model/errors.js";
import { quoteText } from "../../model/labels.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import { sortTexts } from "../../model/text-order.js";
import { parseLabelsJson } from "../../relabel/labels-json.js";
import { relabelSteps } from "../../relabel/relabel.js";
import type { JobDiscoveryStatus, ScrapePoolStatus, TargetStatus } from "../../scrape/status.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import { sendJson } from "../reply-stream.js";
import { RequestParameters } from "../request-parameters.js";
import { integerOf, metadataEncoder, parseMatch } from "./metadata.js";

export function addTargetRoutes(app: FastifyInstance, { scrapePools, facts }: RouteContext): void {
  const globalUrl = globalUrls(app, facts);
  const sortedPools = () => [...scrapePools()].sort((a, b) => (a.jobName < b.jobName ? -1 : 1));
  app.get("/api/v1/scrape_pools", (_request, reply) => {
    const names = sortedPools().map(({ jobName }) => jobName);
    return sendJson(reply, encodeSuccess([JSON.stringify({ scrapePools: names })]));
  });
  app.get("/api/v1/targets", (request, reply) => {
    const answer = describePools(sortedPools(), new RequestParameters(request), globalUrl);
    return sendJson(reply, encodeSuccess([JSON.stringify(answer)]));
  });
  app.get("/api/v1/targets/metadata", (request, reply) => {
    const told = describeMetrics(sortedPools(), new RequestParameters(request));
    return sendJson(reply, encodeSuccess(encodeArray(told, (text) => text)));
  });
  app.get("/api/v1/targets/relabel_steps", (request, reply) => {
    const answer = describeSteps(scrapePools(), new RequestParameters(request));
    return sendJson(reply, encodeSuccess([JSON.stringify(answer)]));
  });
}

function describePools(
  pools: readonly ScrapePoolStatus[],
  parameters: RequestParameters,
  globalUrl: GlobalUrl,
) {
  const state = parameters.text("state").toLowerCase();
  // Any other state is one that no target has, as in Prometheus.
  const isAny = state === "" || state === "any";
  const isDroppedAsked = isAny || state === "dropped";
  const name = parameters.text("scrapePool");
  const asked = pools.filter(({ jobName }) => name === "" || jobName === name);
  const active = isAny || state === "active" ? asked : [];
  const dropped = isDroppedAsked ? asked : [];
  const counts = pools.map(({ jobName, droppedCount }) => [jobName, droppedCount]);
  return {
    activeTargets: active.flatMap((pool) =>
      pool.activeTargets.map((target) => describeTarget(pool, target, globalUrl)),
    ),
    droppedTargets: dropped.flatMap(({ jobName, droppedTargets }) =>
      droppedTargets.map((discoveredLabels) => ({ discoveredLabels, scrapePool: jobName })),
    ),
    droppedTargetCounts: isDroppedAsked ? Object.fromEntries(counts) : null,
    ...(asked.some(({ discoveries }) => discoveries.length > 0) && {
      discoveries: asked.flatMap((pool) => pool.discoveries.map((found) => describeDiscovery(pool, found))),
    }),
  };
}

/** Go's zero time, which stands for never. */
const NEVER = "0001-01-01T00:00:00Z";

/** Prometheus tells of these in its metrics only. */
function describeDiscovery({ jobName }: ScrapePoolStatus, { lastRefresh, ...found }: JobDiscoveryStatus) {
  const time = lastRefresh === undefined ? NEVER : formatRfc3339(lastRefresh);
  return { scrapePool: jobName, ...found, lastRefresh: time };
}

/** Where others than this machine reach a target, as far as can be told. */
type GlobalUrl = (target: TargetStatus) => string;

/**
 * What is on this machine is so by the machine's name, on the same port: a guess, but for this server itself. What an agent
 * asks is on the agent's machine, whose name is not known.
 *
 * Source: Prometheus `web/api/v1/api.go`, getGlobalURL.
 */
function globalUrls(app: FastifyInstance, { externalUrl, hostname }: RouteContext["facts"]): GlobalUrl {
  const ownScheme = app.server instanceof TlsServer ? "https" : "http";
  return ({ url, discoveredLabels }) => {
    const parts = /^([a-z]+):\/\/(?:localhost|127\.0\.0\.1|\[::1\]):(\d+)([/?].*|)$/s.exec(url);
    if (parts === null || discoveredLabels.has("__meta_agent")) return url;
    const [, scheme, port, rest] = parts;
    const address = app.server.address();
    const isOwn = typeof address === "object" && String(address?.port) === port;
    if (isOwn && externalUrl !== undefined) return `${externalUrl.origin}${rest}`;
    return `${isOwn ? ownScheme : scheme}://${externalUrl?.hostname ?? hostname}:${port}${rest}`;
  };
}

function describeTarget({ jobName }: ScrapePoolStatus, target: TargetStatus, globalUrl: GlobalUrl) {
  return {
    discoveredLabels: target.discoveredLabels,
    labels: target.labels,
    scrapePool: jobName,
    scrapeUrl: target.url,
    globalUrl: globalUrl(target),
    lastError: target.lastError,
    lastScrape: target.lastScrape === undefined ? NEVER : formatRfc3339(target.lastScrape),
    lastScrapeDuration: target.lastDurationMs / 1000,
    health: target.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
  };
}

/**
 * A piece of JSON for each metric of each target. `limit` is how many targets may tell, as in Prometheus: the last of them
 * tells all.
 */
function describeMetrics(
  pools: readonly ScrapePoolStatus[],
  parameters: RequestParameters,
): Iterable<string> {
  const limit = integerOf(parameters, "limit") ?? -1;
  const metric = parameters.text("metric");
  const match = parameters.text("match_target");
  const matchers = match === "" ? [] : parseMatch("match_target", match);
  const targets = pools
    .flatMap(({ activeTargets }) => activeTargets)
    .filter(({ labels }) => matchers.every((matcher) => matcher.matches(labels.get(matcher.name))));
  return metricsOf(targets, metric, limit);
}

function* metricsOf(targets: readonly TargetStatus[], metric: string, limit: number): Generator<string> {
  const encode = metadataEncoder();
  let told = 0;
  for (const { labels, metadata } of targets) {
    if (limit >= 0 && told >= limit) return;
    const target = `{"target":${encodeLabels(labels)},`;
    const names = metric !== "" ? [metric] : sortTexts([...(metadata?.metricNames() ?? [])]);
    for (const name of names) {
      const known = metadata?.metadataOf(name);
      if (known === undefined) continue;
      const named = metric === "" ? `"metric":${JSON.stringify(name)},` : "";
      yield target + named + encode(known).slice(1);
      told++;
    }
  }
}

function describeSteps(pools: readonly ScrapePoolStatus[], parameters: RequestParameters) {
  const name = parameters.text("scrapePool");
  const text = parameters.text("labels");
  if (name === "") throw new InvalidArgumentError("no scrapePool parameter provided");
  if (text === "") throw new InvalidArgumentError("no labels parameter provided");
  const labels = parseLabelsJson(text);
  const pool = pools.find(({ jobName }) => jobName === name);
  if (pool === undefined) {
    throw new InvalidArgumentError(
      `error retrieving scrape config: scrape pool ${quoteText(name)} not found`,
    );
  }
  const steps = relabelSteps(labels, pool.relabelConfigs);
  return { steps: steps.map(({ config, after, isKept }) => ({ rule: config, output: after, keep: isKept })) };
}
