/**
 * checkpointRecords: the head as log records, to stand for the segments that a cut makes unnecessary.
 *
 * Every named series comes, also one without samples, because a kept segment may refer to it; and every sample
 * that no block has taken over. Commits go on meanwhile: what they add may be here and in a later segment, which
 * a replay tells from nothing (see HeadReplay).
 */

import { ALL_TIME } from "../../model/sample.js";
import { decodeChunk } from "../chunk/encode-chunks.js";
import { ByteWriter } from "../codec/byte-writer.js";
import { encodeWalRecord } from "../wal/wal-record.js";
import type { Head } from "./head.js";
import type { MemorySeries } from "./memory-series.js";
import { StagedSamples } from "./staged-samples.js";

const recordSamplesMax = 16_384;
const recordSeriesMax = 1024;

/** Each record is borrowed until the next one is asked for. */
export function* checkpointRecords(head: Head): Generator<Uint8Array> {
  const writer = new ByteWriter(64 * 1024);
  let series: MemorySeries[] = [];
  let samples = new StagedSamples();

  function encodeGathered(): Uint8Array {
    writer.clear();
    encodeWalRecord(writer, { kind: "transaction", series, samples });
    series = [];
    samples = new StagedSamples();
    return writer.view();
  }

  for (const each of head.series) {
    if (each.loggedIn === 0 && each.sampleCount === 0) continue;
    series.push(each);
    for (const chunk of each.chunksIn(ALL_TIME)) {
      samples.pushColumns(each.ref, decodeChunk(chunk));
      if (samples.length >= recordSamplesMax) yield encodeGathered();
    }
    if (series.length >= recordSeriesMax) yield encodeGathered();
  }
  if (series.length + samples.length > 0) yield encodeGathered();
}
