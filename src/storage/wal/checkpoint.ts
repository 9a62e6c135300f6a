/**
 * Checkpoints: what the segments up to N still say, rewritten into one file `checkpoint.N`.
 *
 * Life: `Wal.rotate` gives N; `writeCheckpoint` writes what is still needed of the segments up to N, and renames
 * (the commit point); `Wal.truncate(N)` removes the segments; `replayWal` reads it before the segments behind N. A crash in between leaves files that count or
 * leftovers, never half a checkpoint.
 */

import { assert } from "../../model/assert.js";
import { createFileAtomically } from "../fs/atomic-write.js";
import { checkpointPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { FrameBatch } from "./frame-batch.js";
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
