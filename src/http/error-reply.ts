/**
 * From an error to a status and Prometheus' envelope of failure. The world's faults (TsdbError) are told in their
 * own words; anything else is our bug, is reported to the operator, and told as `internal` without details.
 *
 * Source: Prometheus `web/api/v1/api.go`, errorType and respondError.
 */

import { type ErrorCode, ParseError, TooManyRequestsError, TsdbError } from "../model/errors.js";
import { formatParseError } from "../query/parser/parse-error.js";

/** Prometheus' words for kinds of errors, and those that it has no JSON reply for. */
export type ErrorType =
  | "bad_data"
  | "execution"
  | "timeout"
  | "canceled"
  | "internal"
  | "unavailable"
  | "not_found"
  | "too_large"
  | "unsupported_media_type"
  | "unauthorized"
  | "forbidden"
  | "too_many_requests";

export interface ErrorReply {
  readonly status: number;
  readonly errorType: ErrorType;
  readonly message: string;
  /** For the header Retry-After: the cause may go away by itself. */
  readonly retryAfterSeconds: number | undefined;
  /** Whether the operator should hear of it: it is not the client's doing. */
  readonly isOurFault: boolean;
}

const statusOf: Readonly<Record<ErrorType, number>> = {
  bad_data: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  too_large: 413,
  unsupported_media_type: 415,
  execution: 422,
  too_many_requests: 429,
  canceled: 499,
  internal: 500,
  timeout: 503,
  unavailable: 503,
};

const errorTypeOf: Readonly<Record<ErrorCode, ErrorType>> = {
  "invalid-argument": "bad_data",
  parse: "bad_data",
  "malformed-input": "bad_data",
  config: "bad_data",
  query: "execution",
  "not-implemented": "execution",
  "query-limit": "execution",
  "query-timeout": "timeout",
  "query-canceled": "canceled",
  "limit-exceeded": "too_large",
  "unsupported-media-type": "unsupported_media_type",
  corruption: "internal",
  storage: "internal",
  "disk-full": "unavailable",
  "write-refused": "unavailable",
  locked: "unavailable",
  closed: "unavailable",
  poisoned: "unavailable",
  unavailable: "unavailable",
  unauthorized: "unauthorized",
  forbidden: "forbidden",
  "too-many-requests": "too_many_requests",
};

/** A log that is behind catches up soon; room on a disk is made by somebody. */
const retryAfterSecondsOf: Readonly<Partial<Record<ErrorCode, number>>> = {
  unavailable: 1,
  "disk-full": 30,
  "write-refused": 10,
};

/** What to answer to any error that a route, or Fastify itself, has thrown. */
export function errorReply(error: unknown): ErrorReply {
  if (error instanceof TsdbError) {
    const errorType = errorTypeOf[error.code];
    const message = error instanceof ParseError ? formatParseError(error) : error.message;
    const retryAfterSeconds =
      error instanceof TooManyRequestsError
        ? Math.max(1, Math.ceil(error.retryAfterMs / 1000))
        : retryAfterSecondsOf[error.code];
    const isOurFault = errorType === "internal";
    return { status: statusOf[errorType], errorType, message, retryAfterSeconds, isOurFault };
  }
  return (
    frameworkReply(error) ?? {
      status: 500,
      errorType: "internal",
      message: "internal error; the server's log says more",
      retryAfterSeconds: undefined,
      isOurFault: true,
    }
  );
}

/** Fastify's errors about the request carry a status below 500 and a message that is fit to be shown. */
function frameworkReply(error: unknown): ErrorReply | undefined {
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  const { statusCode } = error;
  if (typeof statusCode !== "number" || statusCode < 400 || statusCode >= 500) return undefined;
  const known = (Object.keys(statusOf) as ErrorType[]).find(
    (errorType) => statusOf[errorType] === statusCode,
  );
  return {
    status: statusCode,
    errorType: known ?? "bad_data",
    message: error.message,
    retryAfterSeconds: undefined,
    isOurFault: false,
  };
}
