/**
 * repairWalDirectory: makes the WAL directory ready for a new segment after whatever happened before.
 *
 * It removes leftovers, cuts the torn tail of the last segment and gives it its end, so that the tail is not taken
 * for corruption once it is no longer the last; what is there is then durable. Corrupt bytes are left as they are.
 *
 * What a failed sync left in doubt stays in doubt: the system may show bytes here that will not be on the disk after
 * a power loss, and no later sync tells. They were never acknowledged as durable, nothing is appended behind them,
 * and their loss is reported then.
 */

import type { FileSystem } from "../fs/file-system.js";
import { makeDurableDirectory } from "../fs/make-durable-directory.js";
import { diagnoseSegment } from "./diagnose-segment.js";
import { readWalFile } from "./segment-reader.js";
import { SegmentWriter } from "./segment-writer.js";
import { listWalDirectory, removeInOrder } from "./wal-directory.js";

export async function repairWalDirectory(fileSystem: FileSystem, directory: string): Promise<void> {
  await makeDurableDirectory(fileSystem, directory);
  const { segments, leftovers } = await listWalDirectory(fileSystem, directory);
  await removeInOrder(fileSystem, directory, leftovers);
  const last = segments.at(-1);
  if (last !== undefined) await repairLastSegment(fileSystem, directory, last);
}

async function repairLastSegment(fileSystem: FileSystem, directory: string, segment: number): Promise<void> {
  const contents = await readWalFile(fileSystem, directory, { kind: "segment", number: segment }, () => {});
  const { tornTail } = diagnoseSegment(contents, true);
  if (contents.tail !== undefined && tornTail === undefined) return;
  const sizeBytes = tornTail?.offset ?? contents.sizeBytes;
  const writer = await SegmentWriter.reopen(fileSystem, directory, segment, sizeBytes);
  // An end that a killed process has written may not have been synced: reopening has done that.
  if (contents.hasEnd) return writer.abandon();
  try {
    await writer.end();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
