/**
 * `POST /api/v1/push/increments`: counters and histograms of senders that live shortly, as increments that are added
 * up here. Bodies are those of the other pushes: text or OpenMetrics, JSON, MessagePack, by their content type.
 *
 * With the header `Idempotency-Key` a request that is sent again counts once. All of a body is added, or nothing.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { pushDeviceBody } from "../../ingest/device/push-device-body.js";
import { expositionFormatOf } from "../../ingest/exposition/exposition-format.js";
import type { Push, PushResult } from "../../ingest/push/push.js";
import { pushExposition } from "../../ingest/push/push-exposition.js";
import { SummingPush } from "../../ingest/sums/summing-push.js";
import { InvalidArgumentError } from "../../model/errors.js";
import type { RouteContext } from "../app.js";
import { HeldBodies, readBodiesLimits } from "../held-bodies.js";
import { sendPushOutcome } from "../ingest-reply.js";
import { receivePush } from "../receive-push.js";
import { addStreamRoute } from "../request-body.js";

const keyLengthMax = 255;
/** What an increment is estimated to take until it is added. */
const incrementSizeBytes = 768;

export function addIncrementRoutes(app: FastifyInstance, context: RouteContext): void {
  const bodies = new HeldBodies(readBodiesLimits);
  addStreamRoute(app, "POST", "/api/v1/push/increments", (request, reply) =>
    receive(context, bodies, request, reply),
  );
}

async function receive(
  context: RouteContext,
  bodies: HeldBodies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const key = keyOf(request);
  const sums = await context.sums();
  const result = await receivePush(context, request, "aggregate", (body, push) =>
    bodies.share((share) => {
      const summing = new SummingPush(push, sums, key, () => share.take(incrementSizeBytes));
      return readBody(body, summing, request.headers["content-type"]);
    }),
  );
  return sendPushOutcome(reply, result, "value");
}

function readBody(
  body: AsyncIterable<Uint8Array>,
  push: Push,
  contentType = "text/plain",
): Promise<PushResult> {
  const mediaType = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (mediaType.endsWith("json") || mediaType.endsWith("jsonl"))
    return pushDeviceBody(body, push, { format: "json" });
  if (mediaType.endsWith("msgpack")) return pushDeviceBody(body, push, { format: "msgpack" });
  return pushExposition(body, { format: expositionFormatOf(contentType) ?? "prometheus", push });
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key !== "string" || key === "" || key.length > keyLengthMax)
    throw new InvalidArgumentError(`an Idempotency-Key has 1 to ${keyLengthMax} characters`);
  return key;
}
