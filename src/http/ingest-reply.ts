/**
 * What a sender is told about what became of its samples: 204 when all was kept, else 400 with exact counts, the
 * first reason in words and the first of each kind in full.
 */

import type { FastifyReply } from "fastify";
import { encodeRejected } from "../api/import-result-json.js";
import type { PushResult } from "../ingest/push/push.js";
import type { MalformedRow } from "../model/importing.js";
import type { IngestProtocol, OwnMetrics } from "./own-metrics.js";

/** The part that pushes and imports have in common. */
export type Outcome = Pick<PushResult, "malformed" | "rejected">;

/** `rowName` is what malformed rows are counted in: lines of a text, series of a message, values of a body. */
export function sendPushOutcome(
  reply: FastifyReply,
  result: PushResult,
  rowName: "line" | "series" | "value",
): FastifyReply {
  const { appended, malformed, rejected } = result;
  if (isAllKept(result)) return reply.code(204).send();
  return reply
    .code(400)
    .type("application/json")
    .send(
      `{"status":"error","errorType":"bad_data","error":${JSON.stringify(describeOutcome(result, rowName))},` +
        `"appended":${appended},"malformed":${JSON.stringify(malformed)},"rejected":${encodeRejected(rejected)}}`,
    );
}

/** Whether the sender has nothing to be told: what relabelling drops is the server's own wish. */
export function isAllKept({ malformed, rejected }: Outcome): boolean {
  if (malformed.count > 0) return false;
  for (const reason of rejected.keys()) if (reason !== "relabel-dropped") return false;
  return true;
}

/** The first reason and all counts in one sentence. */
export function describeOutcome(result: PushResult, rowName: string): string {
  const counts = `${result.appended} kept, ${countRejected(result)} rejected, ${result.malformed.count} malformed`;
  return `${firstReason(result, rowName)} (samples: ${counts})`;
}

export function countOutcome(
  metrics: OwnMetrics,
  protocol: IngestProtocol,
  outcome: Outcome & Partial<Pick<PushResult, "notStored">> & { readonly appended: number },
): void {
  metrics.countIngested(protocol, outcome.appended);
  if (outcome.malformed.count > 0) metrics.countRefused(protocol, "malformed", outcome.malformed.count);
  for (const [reason, { count }] of outcome.rejected) metrics.countRefused(protocol, reason, count);
  for (const [kind, count] of outcome.notStored ?? []) metrics.countRefused(protocol, kind, count);
}

/** `line 3: no value`, `duplicate-time: up{job="x"} at 1000 ms`, `forbidden-label: the label ...: up{job="x"} at 1000 ms`. */
export function firstReason({ malformed, rejected }: Outcome, rowName: string): string {
  const [row] = malformed.first;
  if (row !== undefined) return describeRow(row, rowName);
  const [entry] = [...rejected].sort(
    ([a], [b]) => Number(a === "relabel-dropped") - Number(b === "relabel-dropped"),
  );
  if (entry === undefined) return "nothing was sent";
  const [reason, { first, message }] = entry;
  const why = message === undefined ? "" : `${message}: `;
  return `${reason}: ${why}${first.labels} at ${first.time} ms`;
}

function describeRow({ line, reason }: MalformedRow, rowName: string): string {
  return `${rowName} ${line}: ${reason}`;
}

function countRejected({ rejected }: Outcome): number {
  let total = 0;
  for (const { count } of rejected.values()) total += count;
  return total;
}
