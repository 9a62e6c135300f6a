/**
 * replayWal: visits every record that the WAL still holds, oldest first: the newest checkpoint, then the segments
 * behind it. Only reads; `Wal.open` cuts the torn tail and removes leftovers.
 */

import { segmentPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { diagnoseSegment } from "./diagnose-segment.js";
import { readWalFile, type UnreadableRange } from "./segment-reader.js";
import { listWalDirectory, walFilePath } from "./wal-directory.js";
import type { WalFileIdentity } from "./wal-format.js";

/** Where a record stands. Records of a checkpoint have the number of the last segment it stands for. */
export interface RecordPlace {
  readonly segment: number;
  readonly offset: number;
}

export interface ReplaySummary {
  /** Segments read, the checkpoint not counted. */
  readonly segments: number;
  /** Records visited, those of the checkpoint included. */
  readonly records: number;
  /** Bytes read. */
  readonly bytes: number;
  /** Bytes of the torn tail: a write that was not acknowledged. `Wal.open` cuts them. */
  readonly tornBytes: number;
  /** What was lost, with its place. */
  readonly corruptions: readonly WalCorruption[];
  /** The highest number in use, 0 for none. Pass the next one to `Wal.open`. */
  readonly lastSegment: number;
}

/** What was read of the log by the end of a record. */
export interface ReplayProgress {
  readonly bytes: number;
  readonly ofBytes: number;
}

export interface WalCorruption extends UnreadableRange {
  readonly file: string;
}

/**
 * The payload is borrowed until `visit` returns. A CorruptionError thrown by `visit` says that a record cannot be
 * understood: it is reported in the summary, and replay goes on. Other errors end the replay. `onProgress` is called
 * behind each record.
 */
export async function replayWal(
  fileSystem: FileSystem,
  directory: string,
  visit: (payload: Uint8Array, place: RecordPlace) => void,
  onProgress?: (progress: ReplayProgress) => void,
): Promise<ReplaySummary> {
  const { segments, checkpoint } = await listWalDirectory(fileSystem, directory);
  const files: WalFileIdentity[] = segments.map((number) => ({ kind: "segment", number }));
  if (checkpoint > 0) files.unshift({ kind: "checkpoint", number: checkpoint });
  const corruptions: WalCorruption[] = [];
  const ofBytes = onProgress === undefined ? 0 : await sizeOf(fileSystem, directory, files);
  let records = 0;
  let bytes = 0;
  let tornBytes = 0;
  for (const [index, identity] of files.entries()) {
    const segment = identity.number;
    const expected = index === 0 ? segment : files[index - 1]!.number + 1;
    if (segment !== expected) corruptions.push(missingSegments(directory, expected, segment));
    const bytesBefore = bytes;
    const contents = await readWalFile(fileSystem, directory, identity, (payload, offset) => {
      visit(payload, { segment, offset });
      onProgress?.({ bytes: bytesBefore + offset + payload.length, ofBytes });
    });
    const { file } = contents;
    const isLast = identity.kind === "segment" && index === files.length - 1;
    const diagnosis = diagnoseSegment(contents, isLast);
    for (const range of diagnosis.corruptions) corruptions.push({ file, ...range });
    tornBytes += diagnosis.tornTail?.bytes ?? 0;
    records += contents.records;
    bytes += contents.sizeBytes;
  }
  const lastSegment = files.at(-1)?.number ?? 0;
  return { segments: segments.length, records, bytes, tornBytes, corruptions, lastSegment };
}

async function sizeOf(
  fileSystem: FileSystem,
  directory: string,
  files: readonly WalFileIdentity[],
): Promise<number> {
  let bytes = 0;
  for (const identity of files) {
    const file = await fileSystem.openForRead(walFilePath(directory, identity));
    bytes += file.size;
    await file.close();
  }
  return bytes;
}

function missingSegments(directory: string, from: number, to: number): WalCorruption {
  const message =
    to - from === 1 ? "the segment is missing" : `this and the next segments up to ${to - 1} are missing`;
  return { file: segmentPath(directory, from), offset: 0, bytes: 0, message };
}
