/**
 * What a sender is told about what became of its samples: 204 when all was kept, else 400 with exact counts, the
 * first reason in words and the first of each kind in full.
 */

import type { FastifyReply } from "fastify";
import { encodeRejected } from "../api/import-result-json.js";
import type { ImportResult, MalformedRow } from "../model/importing.js";
import type { IngestProtocol, OwnMetrics } from "./own-metrics.js";

/** The part that pushes and imports have in common. */
type Outcome = Pick<ImportResult, "malformed" | "rejected">;

/** `rowName` is what malformed rows are counted in: lines of a text, series of a message. */
export function sendPushOutcome(
  reply: FastifyReply,
  outcome: Outcome & { readonly appended: number },
  rowName: "line" | "series",
): FastifyReply {
  const { appended, malformed } = outcome;
  const rejectedCount = countRejected(outcome);
  if (malformed.count === 0 && rejectedCount === 0) return reply.code(204).send();
  const counts = `${appended} kept, ${rejectedCount} rejected, ${malformed.count} malformed`;
  const message = `${firstReason(outcome, rowName)} (samples: ${counts})`;
  return reply
    .code(400)
    .type("application/json")
    .send(
      `{"status":"error","errorType":"bad_data","error":${JSON.stringify(message)},` +
        `"appended":${appended},"malformed":${JSON.stringify(malformed)},"rejected":${encodeRejected(outcome.rejected)}}`,
    );
}

export function countOutcome(
  metrics: OwnMetrics,
  protocol: IngestProtocol,
  outcome: Outcome & { readonly appended: number },
): void {
  metrics.countIngested(protocol, outcome.appended);
  if (outcome.malformed.count > 0) metrics.countRefused(protocol, "malformed", outcome.malformed.count);
  for (const [reason, { count }] of outcome.rejected) metrics.countRefused(protocol, reason, count);
}

/** `line 3: no value`, or `duplicate-time: up{job="x"} at 1000 ms`. */
export function firstReason({ malformed, rejected }: Outcome, rowName: "line" | "series"): string {
  const [row] = malformed.first;
  if (row !== undefined) return describeRow(row, rowName);
  const [entry] = rejected;
  if (entry === undefined) return "nothing was sent";
  const [reason, { first }] = entry;
  return `${reason}: ${first.labels} at ${first.time} ms`;
}

function describeRow({ line, reason }: MalformedRow, rowName: string): string {
  return `${rowName} ${line}: ${reason}`;
}

function countRejected({ rejected }: Outcome): number {
  let total = 0;
  for (const { count } of rejected.values()) total += count;
  return total;
}
