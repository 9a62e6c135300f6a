/**
 * Pushes, through the write-ahead log: `POST /api/v1/import/prometheus` (text or OpenMetrics) and
 * `POST /api/v1/import` (lines of JSON as VictoriaMetrics writes them). 204 means that every sample is stored, by the
 * chosen durability.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type ExpositionFormat, expositionFormatOf } from "../../ingest/exposition/exposition-format.js";
import { pushExposition } from "../../ingest/push/push-exposition.js";
import { RowMemory } from "../../ingest/push/row-memory.js";
import { pushJsonLines } from "../../ingest/push-json-lines.js";
import type { RouteContext } from "../app.js";
import { sendPushOutcome } from "../ingest-reply.js";
import { receivePush } from "../receive-push.js";
import { addStreamRoute } from "../request-body.js";

export function addPushRoutes(app: FastifyInstance, context: RouteContext): void {
  const lines = new RowMemory();
  const texts = { prometheus: new RowMemory(), openmetrics: new RowMemory() };
  addStreamRoute(app, "POST", "/api/v1/import", (request, reply) =>
    receiveJsonLines(context, lines, request, reply),
  );
  addStreamRoute(app, "POST", "/api/v1/import/prometheus", (request, reply) =>
    receiveExposition(context, texts, request, reply),
  );
}

/** Any content type but OpenMetrics' is read as the Prometheus text format: curl and others send a form's. */
async function receiveExposition(
  context: RouteContext,
  memories: Readonly<Record<ExpositionFormat, RowMemory>>,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const format = expositionFormatOf(request.headers["content-type"]) ?? "prometheus";
  const result = await receivePush(context, request, "text", (body, push) =>
    pushExposition(body, { format, push, memory: memories[format] }),
  );
  return sendPushOutcome(reply, result, "line");
}

/** Lines as VictoriaMetrics exports them. */
async function receiveJsonLines(
  context: RouteContext,
  memory: RowMemory,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const result = await receivePush(context, request, "json-lines", (body, push) =>
    pushJsonLines(body, push, push.limits.bodySizeBytes, memory),
  );
  return sendPushOutcome(reply, result, "line");
}
