/**
 * recordExposition: reads an exposition and writes down every call to the visitor, for tests.
 */

import type { ExpositionVisitor } from "../../../src/ingest/exposition/exposition-visitor.js";
import type { ExpositionOptions } from "../../../src/ingest/exposition/parse-exposition.js";
import { ExpositionStream } from "../../../src/ingest/exposition/parse-exposition.js";

export interface ExpositionRecord {
  readonly samples: [series: string, value: number, time: number | undefined][];
  readonly keys: string[];
  readonly exemplars: [series: string, exemplar: string, value: number, time: number | undefined][];
  readonly metadata: [keyword: string, metricName: string, text: string][];
  readonly malformed: [line: number, reason: string][];
}

/** Lenient. The text is fed in chunks of `chunkSize` bytes. */
export function recordExposition(
  text: string | Uint8Array,
  options: ExpositionOptions,
  chunkSize = Number.MAX_SAFE_INTEGER,
): ExpositionRecord {
  const record: ExpositionRecord = { samples: [], keys: [], exemplars: [], metadata: [], malformed: [] };
  const visitor: ExpositionVisitor = {
    sample(series, value, time) {
      record.samples.push([series.labels().toString(), value, time]);
      record.keys.push(series.key());
    },
    exemplar: (series, exemplar, value, time) =>
      record.exemplars.push([series.labels().toString(), exemplar.labels().toString(), value, time]),
    type: (metricName, type) => record.metadata.push(["TYPE", metricName, type]),
    help: (metricName, help) => record.metadata.push(["HELP", metricName, help]),
    unit: (metricName, unit) => record.metadata.push(["UNIT", metricName, unit]),
    malformed: (line, reason) => record.malformed.push([line, reason]),
  };
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const stream = new ExpositionStream(options, visitor);
  for (let start = 0; start < bytes.length; start += chunkSize) {
    const chunk = Uint8Array.from(bytes.subarray(start, start + chunkSize));
    stream.write(chunk);
    // The stream must not keep what it was given.
    chunk.fill(0x58);
  }
  stream.end();
  return record;
}
