/**
 * `POST /api/v1/otlp/v1/metrics`: OTLP over HTTP, protobuf or JSON by the content type; answers in the same.
 *
 * What could not be stored is a partial success, 200 with the count of rejected points and the first reason; the rest
 * is stored. 400 is for a body that is no such message.
 *
 * Source: OpenTelemetry protocol specification, "OTLP/HTTP".
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type OtlpBody, pushOtlp } from "../../ingest/otlp/push-otlp.js";
import type { PushResult } from "../../ingest/push/push.js";
import { RowMemory } from "../../ingest/push/row-memory.js";
import { UnsupportedMediaTypeError } from "../../model/errors.js";
import type { RouteContext } from "../app.js";
import { errorReply } from "../error-reply.js";
import { HeldBodies } from "../held-bodies.js";
import { describeOutcome, isAllKept } from "../ingest-reply.js";
import { receivePush } from "../receive-push.js";
import { addStreamRoute } from "../request-body.js";

type Encoding = OtlpBody["encoding"];

const typeOf: Readonly<Record<Encoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

export function addOtlpRoutes(app: FastifyInstance, context: RouteContext): void {
  const memory = new RowMemory();
  const bodies = new HeldBodies();
  addStreamRoute(app, "POST", "/api/v1/otlp/v1/metrics", async (request, reply) => {
    const encoding = encodingOf(request.headers["content-type"]);
    try {
      return await receive(context, { memory, bodies }, request, reply, encoding);
    } catch (error) {
      const { status, message, isOurFault, retryAfterSeconds } = errorReply(error);
      if (isOurFault) throw error;
      if (retryAfterSeconds !== undefined) reply.header("retry-after", retryAfterSeconds);
      return reply.code(status).type(typeOf[encoding]).send(encodeStatus(encoding, message));
    }
  });
}

async function receive(
  context: RouteContext,
  { memory, bodies }: { readonly memory: RowMemory; readonly bodies: HeldBodies },
  request: FastifyRequest,
  reply: FastifyReply,
  encoding: Encoding,
): Promise<FastifyReply> {
  const result = await receivePush(context, request, "otlp", (body, push) =>
    bodies.hold(body, Math.min(sizeMaxBytes, push.limits.bodySizeBytes), (bytes) =>
      pushOtlp({ bytes, encoding }, push, { options: context.otlp(), sums: context.sums, memory }),
    ),
  );
  return reply.code(200).type(typeOf[encoding]).send(encodeResponse(encoding, result));
}

/** A body is decoded in one go, and nothing else goes on meanwhile: about a second for this much of empty messages. */
const sizeMaxBytes = 8 * 1024 * 1024;

function encodingOf(contentType = ""): Encoding {
  switch (contentType.split(";", 1)[0]!.trim().toLowerCase()) {
    case "application/x-protobuf":
      return "protobuf";
    case "application/json":
      return "json";
    default:
      throw new UnsupportedMediaTypeError(
        `OTLP is application/x-protobuf or application/json, not ${contentType || "without a content type"}`,
      );
  }
}

/** ExportMetricsServiceResponse { 1 partial success { 1 rejected points, 2 message } } */
function encodeResponse(encoding: Encoding, result: PushResult): string | Buffer {
  const rejected = rejectedCount(result);
  const exponential = result.notStored.get("native-histogram") ?? 0;
  if (isAllKept(result) && exponential === 0) return encoding === "json" ? "{}" : Buffer.alloc(0);
  const reasons = [
    ...(isAllKept(result) ? [] : [describeOutcome(result, "metric")]),
    ...(exponential === 0 ? [] : [`${exponential} points of exponential histograms are not stored yet`]),
  ];
  const message = reasons.join("; ");
  if (encoding === "json")
    return JSON.stringify({
      partialSuccess: { rejectedDataPoints: String(rejected + exponential), errorMessage: message },
    });
  const text = Buffer.from(message);
  const partial = [0x08, ...varint(rejected + exponential), 0x12, ...varint(text.length), ...text];
  return Buffer.from([0x0a, ...varint(partial.length), ...partial]);
}

/** google.rpc.Status { 1 code, 2 message } */
function encodeStatus(encoding: Encoding, message: string): string | Buffer {
  if (encoding === "json") return JSON.stringify({ message });
  const text = Buffer.from(message);
  return Buffer.from([0x12, ...varint(text.length), ...text]);
}

function rejectedCount({ malformed, rejected }: PushResult): number {
  let count = malformed.count;
  for (const [reason, rejection] of rejected) if (reason !== "relabel-dropped") count += rejection.count;
  return count;
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}
