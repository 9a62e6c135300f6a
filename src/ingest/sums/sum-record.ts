/**
 * The records of the journal `sums`: JSON, since they are few and a person may have to read them.
 *
 *   {"sums":[[{"__name__":"orders_total","job":"shop"},42,1700000000000,null]],"requests":[["shop","a1f",123,1700000000000]]}
 *
 * A later record's word on a series counts. JavaScript writes doubles so that they read back the same. The fields are in
 * docs/format/sums.md.
 */

import { CorruptionError } from "../../model/errors.js";
import { Labels } from "../../model/labels.js";
import { fingerprintVersion } from "./request-fingerprint.js";
import type { CountedRequest, SumState, SumTable } from "./sum-table.js";

type SumFields = readonly [
  labels: Readonly<Record<string, string>>,
  sum: number,
  time: number,
  upTo: number | null,
];
type RequestFields = readonly [
  origin: string,
  key: string,
  fingerprint: number,
  time: number,
  fingerprintVersion?: number,
];

interface RecordFields {
  readonly sums: readonly SumFields[];
  readonly requests: readonly RequestFields[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const perRecord = 10_000;
/** Of records that do not say it. */
const firstFingerprintVersion = 1;
/** In place of a version. */
const noFingerprint = 0;

export function encodeSums(sums: readonly SumState[], requests: readonly CountedRequest[]): Uint8Array {
  const fields: RecordFields = {
    sums: sums.map(({ labels, sum, time, countedUpTo }) => [
      labels.toObject(),
      sum,
      time,
      Number.isFinite(countedUpTo) ? countedUpTo : null,
    ]),
    requests: requests.map(({ origin, key, fingerprint, time }) =>
      fingerprint === undefined ? [origin, key, 0, time, noFingerprint] : [origin, key, fingerprint, time],
    ),
  };
  return encoder.encode(JSON.stringify(fields));
}

/** All of a table, in records of bounded size. */
export function encodeTable(table: SumTable): readonly Uint8Array[] {
  const sums = [...table.sums()];
  const requests = [...table.requests()];
  const records: Uint8Array[] = [];
  for (let start = 0; start < Math.max(sums.length, requests.length); start += perRecord)
    records.push(encodeSums(sums.slice(start, start + perRecord), requests.slice(start, start + perRecord)));
  return records;
}

/** Throws CorruptionError; then nothing of the record is in the table. */
export function readSumRecord(record: Uint8Array, table: SumTable): void {
  const { sums, requests } = parse(record);
  const states = sums.map(([labels, sum, time, upTo]): SumState => {
    if (typeof sum !== "number" || typeof time !== "number") throw new CorruptionError("a sum is no number");
    return { labels: Labels.from(labels), sum, time, countedUpTo: upTo ?? -Infinity };
  });
  for (const state of states) table.setSum(state);
  for (const [origin, key, fingerprint, time, version = firstFingerprintVersion] of requests)
    table.addRequest({
      ...{ origin, key, time },
      fingerprint: version === fingerprintVersion ? fingerprint : undefined,
    });
}

function parse(record: Uint8Array): RecordFields {
  try {
    const fields = JSON.parse(decoder.decode(record)) as Partial<RecordFields>;
    if (Array.isArray(fields.sums) && Array.isArray(fields.requests)) return fields as RecordFields;
  } catch (cause) {
    throw new CorruptionError("a record of sums is no JSON", {}, { cause });
  }
  throw new CorruptionError("a record has neither sums nor requests");
}
