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
import { bodyOf, pushRequestOf } from "./push-request.js";
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
  const body = await bodyOf(push, async () =>
    decodedBody(request, {
      sizeBytes: Math.min(limits.pushSizeBytes, push.limits.arrivingSizeBytes),
      decodedSizeBytes: Math.min(limits.pushDecodedSizeBytes, push.limits.streamSizeBytes),
    }),
  );
  return counted(metrics, protocol, () => read(body, push));
}

/** Counts what became of a push, also when it was stopped in its middle. */
export async function counted(
  metrics: OwnMetrics,
  protocol: PushProtocol,
  read: () => Promise<PushResult>,
): Promise<PushResult> {
  try {
    const result = await read();
    countOutcome(metrics, protocol, result);
    return result;
  } catch (error) {
    if (error instanceof PushStoppedError) countOutcome(metrics, protocol, error.result);
    throw error;
  }
}
