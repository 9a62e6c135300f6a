/**
 * What a push's request says about who sends it, and how its body is read under an admitted push.
 */

import type { FastifyRequest } from "fastify";
import type { Push, PushProtocol, PushRequest, PushSender, StalenessPolicy } from "../ingest/push/push.js";
import { parseStaleness } from "../ingest/push/staleness-policy.js";
import { parseDuration } from "../model/duration.js";
import { InvalidArgumentError } from "../model/errors.js";
import { certificateNamesOf, credentialsOf } from "./credentials.js";
import { RequestParameters } from "./request-parameters.js";

/**
 * Who pushes, and what it declares of itself: `X-Push-Interval: 60s` (or `?interval=60s`) says when it comes again,
 * `X-Push-Staleness: hold:1h` (or `?staleness=hold:1h`) how long its values live, `X-Push-State: full` (or
 * `?state=full`) that the body has all that the source has to say, as a page of metrics does: text is taken to be so
 * unless it says `partial`. Throws InvalidArgumentError.
 */
export function pushRequestOf(request: FastifyRequest, protocol: PushProtocol): PushRequest {
  const parameters = request.url.includes("?") ? new RequestParameters(request) : undefined;
  const declared = (header: string, parameter: string) => {
    const text = request.headers[header] ?? parameters?.optionalText(parameter);
    return typeof text === "string" ? text.trim() : undefined;
  };
  const interval = declared("x-push-interval", "interval");
  const staleness = declared("x-push-staleness", "staleness");
  const state = declared("x-push-state", "state") ?? (protocol === "text" ? "full" : "partial");
  if (state !== "full" && state !== "partial")
    throw new InvalidArgumentError(`the push state ${JSON.stringify(state)} is neither full nor partial`);
  return {
    protocol,
    sender: senderOf(request),
    isFullState: state === "full",
    ...(interval === undefined ? {} : { intervalMs: intervalOf(interval) }),
    ...(staleness === undefined ? {} : { staleness: stalenessOf(staleness) }),
  };
}

function intervalOf(text: string): number {
  const intervalMs = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if (intervalMs === undefined || intervalMs <= 0)
    throw new InvalidArgumentError(`the push interval ${JSON.stringify(text)} is no duration, as 60s or 5m`);
  return intervalMs;
}

function stalenessOf(text: string): StalenessPolicy {
  const policy = parseStaleness(text);
  if (policy !== undefined) return policy;
  throw new InvalidArgumentError(
    `the push staleness ${JSON.stringify(text)} is none of lease, forever, and hold:DURATION, as hold:1h`,
  );
}

/** Who sends: a token or the password of basic authentication, a verified certificate's names, the peer's address. */
export function senderOf(request: FastifyRequest): PushSender {
  const credentials = credentialsOf(request);
  const certificateNames = certificateNamesOf(request);
  return {
    address: request.ip,
    ...(credentials !== undefined && { token: credentials.secret }),
    ...(certificateNames.length > 0 && { certificateNames }),
  };
}

/** Reads a body; when that fails the push ends with the same reason. */
export async function bodyOf<T>(push: Push, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    push.rollback(error instanceof Error ? error.message : String(error));
    throw error;
  }
}
