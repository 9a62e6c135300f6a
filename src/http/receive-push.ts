/**
 * receivePush: what every push over HTTP goes through, whatever its protocol: admission by what the headers say,
 * the body within the source's budget, the protocol's reader, and the counts.
 */

import type { FastifyRequest } from "fastify";
import type { Push, PushProtocol, PushResult } from "../ingest/push/push.js";
import { PushStoppedError } from "../ingest/push/push-stopped-error.js";
import type { RouteContext } from "./app.js";
import { countOutcome } from "./ingest-reply.js";
import type { OwnMetrics } from "./own-metrics.js";
import { pushRequestOf } from "./push-request.js";
import { decodedBody } from "./request-body.js";

/** Reads a body into a push, to its commit. */
export type ReadPush = (body: AsyncIterable<Uint8Array>, push: Push) => Promise<PushResult>;

/** Rejects with what admission, the body, the reader or the commit reject with; then nothing stays staged. */
export async function receivePush(
  { sources, limits, metrics }: RouteContext,
  request: FastifyRequest,
  protocol: PushProtocol,
  read: ReadPush,
): Promise<PushResult> {
  const push = sources.admit(pushRequestOf(request, protocol));
  try {
    const body = decodedBody(request, {
      sizeBytes: Math.min(limits.pushSizeBytes, push.limits.arrivingSizeBytes),
      decodedSizeBytes: Math.min(limits.pushDecodedSizeBytes, push.limits.streamSizeBytes),
    });
    const result = await read(body, push);
    countOutcome(metrics, protocol, result);
    return result;
  } catch (error) {
    throw giveUp(push, error, { metrics, protocol });
  }
}

/** Ends a push that failed, unless that was done, and counts what became of one that was stopped in its middle. */
export function giveUp(
  push: Push,
  error: unknown,
  { metrics, protocol }: { readonly metrics: OwnMetrics; readonly protocol: PushProtocol },
): unknown {
  push.rollback(error instanceof Error ? error.message : String(error));
  if (error instanceof PushStoppedError) countOutcome(metrics, protocol, error.result);
  return error;
}
