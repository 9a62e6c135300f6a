/**
 * What clients of Prometheus ask for as they start and we do not have: answered as a Prometheus answers that has
 * none, so that Grafana and others show an empty list rather than an error.
 *
 * Source: Prometheus `web/api/v1/api.go`: queryExemplars, rules, alerts,
 * alertmanagers.
 */

import type { FastifyInstance } from "fastify";
import { encodeSuccess } from "../envelope.js";
import { sendJson } from "../reply-stream.js";
import { acceptForms } from "../request-body.js";

const emptyAnswers: readonly (readonly [path: string, data: unknown])[] = [
  ["/api/v1/query_exemplars", []],
  ["/api/v1/rules", { groups: [] }],
  ["/api/v1/alerts", { alerts: [] }],
  ["/api/v1/alertmanagers", { activeAlertmanagers: [], droppedAlertmanagers: [] }],
];

export function addAbsentRoutes(app: FastifyInstance): void {
  acceptForms(app);
  for (const [url, data] of emptyAnswers) {
    const method = url === "/api/v1/query_exemplars" ? ["GET", "POST"] : "GET";
    app.route({ method, url, handler: (_, reply) => sendJson(reply, encodeSuccess([JSON.stringify(data)])) });
  }
}
