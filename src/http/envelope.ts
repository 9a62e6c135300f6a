/**
 * Prometheus' envelopes of success and of failure.
 */

import type { Annotations } from "../api/result-json.js";
import type { ErrorType } from "./error-reply.js";

export const NO_ANNOTATIONS: Annotations = { warnings: [], infos: [] };

/** Around `data`, which is JSON in pieces. Annotations stand there only when there are some. */
export function* encodeSuccess(data: Iterable<string>, annotations = NO_ANNOTATIONS): Generator<string> {
  yield '{"status":"success","data":';
  yield* data;
  const { warnings, infos } = annotations;
  const warningsText = warnings.length === 0 ? "" : `,"warnings":${JSON.stringify(warnings)}`;
  const infosText = infos.length === 0 ? "" : `,"infos":${JSON.stringify(infos)}`;
  yield `${warningsText}${infosText}}`;
}

export function encodeError(errorType: ErrorType, message: string): string {
  return `{"status":"error","errorType":"${errorType}","error":${JSON.stringify(message)}}`;
}
