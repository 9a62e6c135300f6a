/**
 * pushOtlp: an ExportMetricsServiceRequest into a Push.
 *
 *   gauge, sum         one series; a monotonic sum is a counter
 *   histogram          NAME_bucket by `le`, NAME_count, NAME_sum (when there is one)
 *   summary            NAME by `quantile`, NAME_count, NAME_sum
 *   resource           target_info, once per request, at its newest point
 *
 * Deltas are added to sums that survive a restart, so that what is stored is cumulative; a request that is sent again
 * counts once, by the times of its points. A point without a recorded value is a staleness marker, one without a time is
 * of the arrival. Exponential histograms and exemplars are counted and not stored.
 */

import type { Push, PushResult } from "../push/push.js";
import { PushRows } from "../push/push-rows.js";
import { RowMemory } from "../push/row-memory.js";
import type { Sums } from "../sums/sums.js";
import { decodeOtlpJson } from "./decode-json.js";
import type { OtlpOptions } from "./otlp-labels.js";
import { OtlpWriter } from "./otlp-writer.js";
import { readOtlpProtobuf } from "./read-protobuf.js";

export interface OtlpBody {
  readonly bytes: Uint8Array;
  readonly encoding: "protobuf" | "json";
}

export interface OtlpParts {
  readonly options: OtlpOptions;
  /** Opened when the first delta comes. */
  readonly sums: () => Promise<Sums>;
  /** Of earlier bodies. */
  readonly memory?: RowMemory;
}

/** Commits the push, or rolls it back and rejects: with MalformedInputError when the body is no such message. */
export async function pushOtlp(
  { bytes, encoding }: OtlpBody,
  push: Push,
  { options, sums, memory = new RowMemory() }: OtlpParts,
): Promise<PushResult> {
  const rows = new PushRows(push, memory);
  try {
    const writer = new OtlpWriter(rows, options);
    if (encoding === "protobuf") readOtlpProtobuf(bytes, writer, rows);
    else for (const resource of decodeOtlpJson(bytes)) writer.write(resource);
    await writer.stage(push);
    if (writer.increments.length > 0) await (await sums()).add(push, writer.increments);
    return await push.commit();
  } catch (error) {
    push.rollback(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    rows.end();
  }
}
