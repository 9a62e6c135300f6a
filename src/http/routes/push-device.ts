/**
 * `POST /api/v1/push`: samples as JSON or MessagePack, for devices that have an HTTP client and little else. The
 * content type tells which; what may be sent is in ingest/device/device-rows.ts and docs/push.md.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type TimeUnit, timeUnits } from "../../ingest/device/device-rows.js";
import { pushDeviceBody } from "../../ingest/device/push-device-body.js";
import { RowMemory } from "../../ingest/push/row-memory.js";
import { UnsupportedMediaTypeError } from "../../model/errors.js";
import type { RouteContext } from "../app.js";
import { sendPushOutcome } from "../ingest-reply.js";
import { receivePush } from "../receive-push.js";
import { addStreamRoute } from "../request-body.js";
import { invalidParameter, RequestParameters } from "../request-parameters.js";

export function addDevicePushRoutes(app: FastifyInstance, context: RouteContext): void {
  const memory = new RowMemory();
  addStreamRoute(app, "POST", "/api/v1/push", (request, reply) => receive(context, memory, request, reply));
}

async function receive(
  context: RouteContext,
  memory: RowMemory,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const format = formatOf(request.headers["content-type"]);
  const timeUnit = timeUnitOf(new RequestParameters(request));
  const result = await receivePush(context, request, format, (body, push) =>
    pushDeviceBody(body, push, { format, timeUnit, memory }),
  );
  return sendPushOutcome(reply, result, "value");
}

/** What is sent without a type, or as a form as curl does, is taken for JSON. */
function formatOf(contentType = "application/json"): "json" | "msgpack" {
  const mediaType = contentType.split(";", 1)[0]!.trim().toLowerCase();
  switch (mediaType) {
    case "application/json":
    case "application/x-ndjson":
    case "application/jsonl":
    case "application/x-www-form-urlencoded":
    case "text/plain":
      return "json";
    case "application/msgpack":
    case "application/x-msgpack":
    case "application/vnd.msgpack":
      return "msgpack";
    default:
      throw new UnsupportedMediaTypeError(
        `the content type ${contentType} is not read here; send application/json or application/msgpack`,
      );
  }
}

function timeUnitOf(parameters: RequestParameters): TimeUnit | undefined {
  const text = parameters.optionalText("time_unit");
  if (text === undefined) return undefined;
  const units = Object.keys(timeUnits) as TimeUnit[];
  const unit = units.find((known) => known === text);
  if (unit === undefined)
    throw invalidParameter("time_unit", `${JSON.stringify(text)} is none of ${units.join(", ")}`);
  return unit;
}
