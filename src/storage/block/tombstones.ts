/**
 * Tombstones: the deleted intervals of a block's series. The layout stands in block-format.ts.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { CorruptionError } from "../../model/errors.js";
import type { TimeRange } from "../../model/sample.js";
import { ByteReader } from "../codec/byte-reader.js";
import { ByteWriter } from "../codec/byte-writer.js";
import {
  CRC_SIZE_BYTES,
  TOMBSTONES_HEADER_SIZE_BYTES,
  TOMBSTONES_MAGIC,
  TOMBSTONES_VERSION,
} from "./block-format.js";

/** Deleted intervals, both ends inclusive, by series ref of the block's index. */
export type Tombstones = ReadonlyMap<number, readonly TimeRange[]>;

export const NO_TOMBSTONES: Tombstones = new Map();

export function encodeTombstones(tombstones: Tombstones): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(TOMBSTONES_MAGIC);
  writer.u8(TOMBSTONES_VERSION);
  for (const [ref, intervals] of tombstones) {
    for (const { minTime, maxTime } of intervals) {
      writer.uvarint(ref);
      writer.varint(minTime);
      writer.varint(maxTime);
    }
  }
  writer.u32(crc32c(writer.view().subarray(TOMBSTONES_HEADER_SIZE_BYTES)));
  return writer.toBytes();
}

/** Throws CorruptionError, naming `file`. */
export function decodeTombstones(bytes: Uint8Array, file: string): Tombstones {
  const header = new ByteReader(bytes, { file });
  if (header.u32() !== TOMBSTONES_MAGIC)
    throw new CorruptionError("this is no tombstones file", { file, offset: 0 });
  const version = header.u8();
  if (version !== TOMBSTONES_VERSION)
    throw new CorruptionError(`the tombstones have version ${version}, not ${TOMBSTONES_VERSION}`, {
      file,
      offset: 4,
    });
  const body = header.subarray(Math.max(0, header.remaining - CRC_SIZE_BYTES));
  if (header.u32() !== crc32c(body))
    throw new CorruptionError("the checksum of the tombstones is wrong", { file });
  const reader = new ByteReader(body, { file, offset: TOMBSTONES_HEADER_SIZE_BYTES });
  const tombstones = new Map<number, TimeRange[]>();
  while (reader.remaining > 0) {
    const ref = reader.uvarint();
    const interval = { minTime: reader.varint(), maxTime: reader.varint() };
    const intervals = tombstones.get(ref);
    if (intervals === undefined) tombstones.set(ref, [interval]);
    else intervals.push(interval);
  }
  return tombstones;
}

/** The intervals and one more, as the fewest that cover the same times, in time order. */
export function addInterval(intervals: readonly TimeRange[], added: TimeRange): readonly TimeRange[] {
  const merged: TimeRange[] = [];
  for (const each of [...intervals, added].sort((a, b) => a.minTime - b.minTime)) {
    const last = merged.at(-1);
    if (last === undefined || last.maxTime + 1 < each.minTime) merged.push(each);
    else merged[merged.length - 1] = { minTime: last.minTime, maxTime: Math.max(last.maxTime, each.maxTime) };
  }
  return merged;
}
