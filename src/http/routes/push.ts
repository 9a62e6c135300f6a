/**
 * Pushes, through the write-ahead log: `POST /api/v1/import/prometheus` (text or OpenMetrics) and
 * `POST /api/v1/write` (remote write 1.0). 204 means that every sample is stored, by the chosen durability.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { expositionFormatOf } from "../../ingest/exposition/exposition-format.js";
import { pushExposition } from "../../ingest/push.js";
import { pushWriteRequest } from "../../ingest/remote-write/push-write-request.js";
import { UnsupportedMediaTypeError } from "../../model/errors.js";
import type { RouteContext } from "../app.js";
import { countOutcome, sendPushOutcome } from "../ingest-reply.js";
import { acceptStreams, decodedBody, wholeBody } from "../request-body.js";

export function addPushRoutes(app: FastifyInstance, context: RouteContext): void {
  acceptStreams(app);
  app.post("/api/v1/import/prometheus", (request, reply) => receiveExposition(context, request, reply));
  app.post("/api/v1/write", (request, reply) => receiveWriteRequest(context, request, reply));
}

/** Any content type but OpenMetrics' is read as the Prometheus text format: curl and others send a form's. */
async function receiveExposition(context: RouteContext, request: FastifyRequest, reply: FastifyReply) {
  const { database, clock, limits, metrics } = context;
  const body = decodedBody(request, {
    sizeBytes: limits.pushSizeBytes,
    decodedSizeBytes: limits.pushDecodedSizeBytes,
  });
  const result = await pushExposition(body, {
    format: expositionFormatOf(request.headers["content-type"]) ?? "prometheus",
    appendable: database,
    defaultTime: clock.now(),
  });
  countOutcome(metrics, "exposition", result);
  return sendPushOutcome(reply, result, "line");
}

async function receiveWriteRequest(context: RouteContext, request: FastifyRequest, reply: FastifyReply) {
  checkWriteHeaders(request);
  const body = await wholeBody(request, context.limits.pushSizeBytes);
  const result = await pushWriteRequest(body, { appender: context.database.appender() });
  countOutcome(context.metrics, "remote-write", result);
  return sendPushOutcome(reply, result, "series");
}

/**
 * As Prometheus: a header that is absent is taken for 1.0's, since early senders leave them out.
 *
 * Source: Remote-Write 1.0 and 2.0 specifications, "Protocol" and "Content-Type".
 */
function checkWriteHeaders({ headers }: FastifyRequest): void {
  const { "content-type": type = "application/x-protobuf", "content-encoding": encoding = "snappy" } =
    headers;
  const [mediaType = "", ...parameters] = type.split(";").map((part) => part.trim().toLowerCase());
  if (mediaType !== "application/x-protobuf") {
    throw new UnsupportedMediaTypeError(`remote write is application/x-protobuf, not ${type}`);
  }
  const message = parameters.find((parameter) => parameter.startsWith("proto="))?.slice("proto=".length);
  if (message !== undefined && message !== "prometheus.writerequest") {
    const reason = `${type} is not spoken here; send remote write 1.0 (prometheus.WriteRequest)`;
    throw new UnsupportedMediaTypeError(reason);
  }
  if (encoding.trim().toLowerCase() !== "snappy")
    throw new UnsupportedMediaTypeError(`remote write is encoded with snappy, not ${encoding}`);
}
