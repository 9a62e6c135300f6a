/**
 * replayWal: visits every record that the WAL still holds, oldest first: the newest checkpoint, then the segments
 * behind it. Only reads; `Wal.open` cuts the torn tail and removes leftovers.
 */

import { checkpointPath, segmentPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { diagnoseSegment, readWalFile, type UnreadableRange } from "./segment-reader.js";
import { listWalDirectory } from "./wal-directory.js";

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

export interface WalCorruption extends UnreadableRange {
  readonly file: string;
}

/**
 * The payload is borrowed until `visit` returns. A CorruptionError thrown by `visit` says that a record cannot be
 * understood: it is reported in the summary, and replay goes on. Other errors end the replay.
 */
export async function replayWal(
  fileSystem: FileSystem,
  directory: string,
  visit: (payload: Uint8Array, place: RecordPlace) => void,
): Promise<ReplaySummary> {
  const { segments, checkpoint } = await listWalDirectory(fileSystem, directory);
  const corruptions: WalCorruption[] = [];
  let records = 0;
  let bytes = 0;
  let tornBytes = 0;
  let expected = checkpoint > 0 ? checkpoint + 1 : segments[0];

  if (checkpoint > 0) {
    const file = checkpointPath(directory, checkpoint);
    const identity = { kind: "checkpoint", number: checkpoint } as const;
    const contents = await readWalFile(fileSystem, file, identity, (payload, offset) =>
      visit(payload, { segment: checkpoint, offset }),
    );
    corruptions.push(...diagnoseSegment(contents, false).corruptions.map((range) => ({ file, ...range })));
    records += contents.records;
    bytes += contents.sizeBytes;
  }
  for (const segment of segments) {
    const file = segmentPath(directory, segment);
    if (segment !== expected)
      corruptions.push({
        file: segmentPath(directory, expected!),
        offset: 0,
        bytes: 0,
        message: "the segment is missing",
      });
    const contents = await readWalFile(
      fileSystem,
      file,
      { kind: "segment", number: segment },
      (payload, offset) => visit(payload, { segment, offset }),
    );
    const diagnosis = diagnoseSegment(contents, segment === segments.at(-1));
    corruptions.push(...diagnosis.corruptions.map((range) => ({ file, ...range })));
    tornBytes += diagnosis.tornTail?.bytes ?? 0;
    records += contents.records;
    bytes += contents.sizeBytes;
    expected = segment + 1;
  }
  const lastSegment = segments.at(-1) ?? checkpoint;
  return { segments: segments.length, records, bytes, tornBytes, corruptions, lastSegment };
}
