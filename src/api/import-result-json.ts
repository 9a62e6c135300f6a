/**
 * An import's result as JSON, and back. Times are milliseconds; the value of a rejected sample is text, as in a
 * query's result.
 */

import type { RejectedSample, Rejection, RejectReason } from "../model/appendable.js";
import type { ImportResult } from "../model/importing.js";
import { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { encodeValue } from "./points-json.js";
import { decodeValue, encodeLabels } from "./result-json.js";

interface EncodedRejection {
  readonly count: number;
  readonly first: {
    readonly labels: Readonly<Record<string, string>>;
    readonly time: TimestampMs;
    readonly value: string;
  };
}

interface EncodedImportResult extends Omit<ImportResult, "rejected" | "timeRange"> {
  readonly rejected: Readonly<Record<RejectReason, EncodedRejection>>;
  readonly timeRange: ImportResult["timeRange"] | null;
}

export function encodeImportResult(result: ImportResult): string {
  const { series, samples, malformed, timeRange = null, metricNames } = result;
  const plain = JSON.stringify({ series, samples, malformed, timeRange, metricNames });
  return `${plain.slice(0, -1)},"rejected":${encodeRejected(result.rejected)}}`;
}

/** What `encodeImportResult` writes, parsed as JSON. `data` is trusted to be an answer to an import. */
export function decodeImportResult(data: unknown): ImportResult {
  const { rejected, timeRange, ...plain } = data as EncodedImportResult;
  const decoded = Object.entries(rejected).map(([reason, { count, first }]) => {
    const sample = { labels: Labels.from(first.labels), time: first.time, value: decodeValue(first.value) };
    return [reason as RejectReason, { count, first: sample }] as const;
  });
  return { ...plain, timeRange: timeRange ?? undefined, rejected: new Map(decoded) };
}

/** `{"duplicate-time":{"count":2,"first":{...}}}`; a refusal has its `message`, too. */
export function encodeRejected(
  rejected: ReadonlyMap<string, Rejection & { readonly message?: string }>,
): string {
  const reasons = [...rejected].map(([reason, { count, first, message }]) => {
    const words = message === undefined ? "" : `"message":${JSON.stringify(message)},`;
    return `"${reason}":{"count":${count},${words}"first":${encodeRejectedSample(first)}}`;
  });
  return `{${reasons.join(",")}}`;
}

function encodeRejectedSample({ labels, time, value }: RejectedSample): string {
  return `{"labels":${encodeLabels(labels)},"time":${time},"value":"${encodeValue(value)}"}`;
}
