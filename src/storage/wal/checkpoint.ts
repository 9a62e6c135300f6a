/**
 * Checkpoints: what the segments up to N still say, rewritten into one file `checkpoint.N`.
 *
 * Life: `Wal.rotate` gives N; `writeCheckpoint` writes what is still needed of the segments up to N, and renames
 * (the commit point); `Wal.truncate(N)` removes the segments. A crash in between leaves files that count or
 * leftovers, never half a checkpoint.
 */

import { assert } from "../../model/assert.js";
import { createFileAtomically } from "../fs/atomic-write.js";
import { checkpointPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { FrameBatch } from "./frame-batch.js";
import { type RecordVisitor, readWalFile, type WalFileContents } from "./segment-reader.js";
import { listWalDirectory } from "./wal-directory.js";
import { encodeFileHeader } from "./wal-format.js";

const writeSizeBytes = 1024 * 1024;

/** Writes `checkpoint.N` for N = `upToSegment`. A record may be reused by `records` once the next one is asked for. */
export async function writeCheckpoint(
  fileSystem: FileSystem,
  directory: string,
  upToSegment: number,
  records: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  assert(upToSegment > 0, "segments count from 1");
  await createFileAtomically(fileSystem, checkpointPath(directory, upToSegment), async (file) => {
    await file.write(encodeFileHeader({ kind: "checkpoint", number: upToSegment }));
    const frames = new FrameBatch();
    for await (const record of records) {
      frames.addRecord(record);
      if (frames.sizeBytes < writeSizeBytes) continue;
      await file.write(frames.placedAt(upToSegment, file.size));
      frames.clear();
    }
    frames.addEnd();
    await file.write(frames.placedAt(upToSegment, file.size));
  });
}

/** Visits the records of `checkpoint.N`. An incomplete checkpoint lacks its end or has a tail: it is corrupt. */
export function readCheckpoint(
  fileSystem: FileSystem,
  directory: string,
  upToSegment: number,
  visit: RecordVisitor,
): Promise<WalFileContents> {
  const path = checkpointPath(directory, upToSegment);
  return readWalFile(fileSystem, path, { kind: "checkpoint", number: upToSegment }, visit);
}

/** The last segment that the newest checkpoint stands for, undefined without one. */
export async function findLastCheckpoint(
  fileSystem: FileSystem,
  directory: string,
): Promise<number | undefined> {
  const { checkpoint } = await listWalDirectory(fileSystem, directory);
  return checkpoint === 0 ? undefined : checkpoint;
}
