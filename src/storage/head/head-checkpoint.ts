/**
 * checkpointRecords: the head as log records, to stand for the segments that a cut, or a close, makes unnecessary.
 *
 * Every named series comes, also one without samples, because a kept segment may refer to it; and every chunk that
 * no block has taken over, those in order before those out of order. Commits go on meanwhile: what they add may be
 * here and in a later segment, which a replay tells from nothing (see HeadReplay).
 */

import { ALL_TIME } from "../../model/sample.js";
import { ByteWriter } from "../codec/byte-writer.js";
import { encodeWalRecord, type RefChunk } from "../wal/wal-record.js";
import { ChunkCopies } from "./chunk-copies.js";
import type { Head } from "./head.js";

const recordSeriesMax = 1024;
const recordSizeBytes = 256 * 1024;

/** Each record is borrowed until the next one is asked for. */
export function* checkpointRecords(head: Head): Generator<Uint8Array> {
  const writer = new ByteWriter(recordSizeBytes * 2);
  let copies = new ChunkCopies();
  let slots: number[] = [];
  let chunks: RefChunk[] = [];
  let sizeBytes = 0;

  function encodeGathered(): Uint8Array {
    writer.clear();
    encodeWalRecord(writer, { kind: "chunks", series: head.series.logged(slots), chunks });
    copies = new ChunkCopies();
    slots = [];
    chunks = [];
    sizeBytes = 0;
    return writer.view();
  }

  for (const slot of head.series) {
    if (!head.isNamed(slot) && head.samples.sampleCountOf(slot) === 0) continue;
    const ref = head.series.refOf(slot);
    slots.push(slot);
    for (const chunk of head.samples.chunksIn(slot, ALL_TIME, copies)) {
      chunks.push({ ref, chunk });
      sizeBytes += chunk.bytes.length;
      if (sizeBytes >= recordSizeBytes) yield encodeGathered();
    }
    if (slots.length >= recordSeriesMax) yield encodeGathered();
  }
  if (slots.length + chunks.length > 0) yield encodeGathered();
}
