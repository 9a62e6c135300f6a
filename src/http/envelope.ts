/**
 * Prometheus' envelopes of success and of failure.
 */

import type { Annotations, JsonPieces } from "../api/result-json.js";
import type { ErrorType } from "./error-reply.js";

export const NO_ANNOTATIONS: Annotations = { warnings: [], infos: [] };

/** Annotations of each kind that are told; of the others only their number. */
const annotationsMax = 10;

/** Around `data`, which is JSON in pieces. Annotations stand there only when there are some. */
export function* encodeSuccess(
  data: JsonPieces,
  annotations = NO_ANNOTATIONS,
): Generator<string | Uint8Array> {
  yield '{"status":"success","data":';
  yield* data;
  const { warnings, infos } = annotations;
  const warningsText =
    warnings.length === 0 ? "" : `,"warnings":${JSON.stringify(shorten(warnings, "warning"))}`;
  const infosText = infos.length === 0 ? "" : `,"infos":${JSON.stringify(shorten(infos, "info"))}`;
  yield `${warningsText}${infosText}}`;
}

/** Source: Prometheus `util/annotations` (AsStrings), as its API calls it. */
function shorten(annotations: readonly string[], kind: "warning" | "info"): readonly string[] {
  const omitted = annotations.length - annotationsMax;
  if (omitted <= 0) return annotations;
  return [...annotations.slice(0, annotationsMax), `${omitted} more ${kind} annotations omitted`];
}

export function encodeError(errorType: ErrorType, message: string): string {
  return `{"status":"error","errorType":"${errorType}","error":${JSON.stringify(message)}}`;
}
