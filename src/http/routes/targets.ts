/**
 * `GET /api/v1/targets`: what is scraped, and how the last scrape went.
 *
 * Source: Prometheus `web/api/v1/api.go`, targets.
 */

import type { FastifyInstance } from "fastify";
import { formatDuration } from "../../model/duration.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import type { TargetStatus } from "../../scrape/status.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import { sendJson } from "../reply-stream.js";
import { invalidParameter, RequestParameters } from "../request-parameters.js";

export function addTargetRoutes(app: FastifyInstance, { targets }: RouteContext): void {
  app.get("/api/v1/targets", (request, reply) => {
    const parameters = new RequestParameters(request);
    const state = parameters.text("state").toLowerCase();
    if (!["", "any", "active", "dropped"].includes(state))
      throw invalidParameter("state", `${JSON.stringify(state)} is none of active, dropped, any`);
    const pool = parameters.optionalText("scrapePool");
    const asked = state === "dropped" ? [] : targets();
    const activeTargets = asked.filter(({ job }) => pool === undefined || job === pool).map(describeTarget);
    const answer = { activeTargets, droppedTargets: [], droppedTargetCounts: {} };
    return sendJson(reply, encodeSuccess([JSON.stringify(answer)]));
  });
}

/** Go's zero time, which stands for never. */
const NEVER = "0001-01-01T00:00:00Z";

function describeTarget(target: TargetStatus) {
  const { host, pathname, protocol } = new URL(target.url);
  return {
    discoveredLabels: {
      __address__: host,
      __metrics_path__: pathname,
      __scheme__: protocol.slice(0, -1),
      job: target.job,
    },
    labels: Object.fromEntries(target.labels),
    scrapePool: target.job,
    scrapeUrl: target.url,
    globalUrl: target.url,
    lastError: target.lastError,
    lastScrape: target.lastScrape === undefined ? NEVER : formatRfc3339(target.lastScrape),
    lastScrapeDuration: target.lastDurationMs / 1000,
    health: target.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
  };
}
