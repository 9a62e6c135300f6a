/**
 * QueueDirectory: the directory of a queue: its lock, what an earlier process left in it, new segments, positions.
 */

import { TsdbError } from "../../model/errors.js";
import { writeFileAtomically } from "../../storage/fs/atomic-write.js";
import { isTemporaryName, joinPath } from "../../storage/fs/data-directory.js";
import { acquireDirectoryLock, type DirectoryLock } from "../../storage/fs/directory-lock.js";
import type { FileSystem } from "../../storage/fs/file-system.js";
import { makeDurableDirectory } from "../../storage/fs/make-durable-directory.js";
import { isNotFound } from "../../storage/fs/storage-failure.js";
import { decodePositions, encodePositions, POSITIONS_NAME, type QueuePosition } from "./positions-file.js";
import { scanSegment, segmentFileName, segmentOfFileName } from "./queue-format.js";
import { DiskSegment } from "./queue-segment.js";

/** What an earlier process left. */
export interface FoundQueue {
  readonly segments: readonly DiskSegment[];
  /** Behind the last record; the last segments may have none. */
  readonly endSequence: number;
  /** Of a segment that has never been. */
  readonly nextNumber: number;
  /** Of the first record that is not delivered there; undefined when nothing is known of the address. */
  sequenceOf(address: string): number | undefined;
}

export class QueueDirectory {
  readonly found: FoundQueue;
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly #lock: DirectoryLock;
  #hasNewNames = true;

  private constructor(parts: {
    found: FoundQueue;
    fileSystem: FileSystem;
    path: string;
    lock: DirectoryLock;
  }) {
    this.found = parts.found;
    this.#fileSystem = parts.fileSystem;
    this.#path = parts.path;
    this.#lock = parts.lock;
  }

  /** Rejects with LockedError, StorageError, or CorruptionError when a newer version wrote it. */
  static async open(
    fileSystem: FileSystem,
    path: string,
    onTrouble: (message: string) => void,
  ): Promise<QueueDirectory> {
    await makeDurableDirectory(fileSystem, path);
    const lock = await acquireDirectoryLock(fileSystem, path);
    try {
      const found = await readQueue(fileSystem, path, onTrouble);
      return new QueueDirectory({ found, fileSystem, path, lock });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async create(number: number): Promise<DiskSegment> {
    const path = joinPath(this.#path, segmentFileName(number));
    const segment = await DiskSegment.create({ fileSystem: this.#fileSystem, path, number });
    this.#hasNewNames = true;
    return segment;
  }

  /** Makes the names of new segments durable. */
  async syncNames(): Promise<void> {
    if (!this.#hasNewNames) return;
    await this.#fileSystem.syncDirectory(this.#path);
    this.#hasNewNames = false;
  }

  savePositions(positions: readonly QueuePosition[]): Promise<void> {
    const path = joinPath(this.#path, POSITIONS_NAME);
    return writeFileAtomically(this.#fileSystem, path, encodePositions(positions));
  }

  release(): Promise<void> {
    return this.#lock.release();
  }
}

async function readQueue(
  fileSystem: FileSystem,
  directory: string,
  onTrouble: (message: string) => void,
): Promise<FoundQueue> {
  const names = await fileSystem.list(directory);
  for (const name of names.filter(isTemporaryName)) await fileSystem.remove(joinPath(directory, name));
  const numbers = names
    .map(segmentOfFileName)
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
  const segments: DiskSegment[] = [];
  let sequence = 0;
  for (const number of numbers) {
    const path = joinPath(directory, segmentFileName(number));
    const scan = scanSegment(await fileSystem.readFile(path), number);
    if (scan.damagedSizeBytes > 0)
      onTrouble(`${path}: ${scan.damagedSizeBytes} bytes are torn or damaged and are left out`);
    segments.push(DiskSegment.found({ fileSystem, path, number }, scan, sequence));
    sequence += scan.frames.length;
  }
  const positions = await readPositions(fileSystem, directory, onTrouble);
  const numbersUsed = [...numbers, ...positions.map(({ segment }) => segment)];
  return {
    segments,
    endSequence: sequence,
    nextNumber: Math.max(0, ...numbersUsed) + 1,
    sequenceOf(address) {
      const position = positions.find((one) => one.address === address);
      return position === undefined ? undefined : sequenceAt(segments, position, sequence);
    },
  };
}

async function readPositions(
  fileSystem: FileSystem,
  directory: string,
  onTrouble: (message: string) => void,
): Promise<readonly QueuePosition[]> {
  const path = joinPath(directory, POSITIONS_NAME);
  try {
    const positions = decodePositions(await fileSystem.readFile(path));
    if (positions === undefined)
      onTrouble(`${path} cannot be read: all that is queued is sent again to every address`);
    return positions ?? [];
  } catch (error) {
    if (error instanceof TsdbError && isNotFound(error)) return [];
    throw error;
  }
}

/** Of the first record at or behind a position. */
function sequenceAt(segments: readonly DiskSegment[], position: QueuePosition, end: number): number {
  for (const { number, frames } of segments) {
    if (number < position.segment) continue;
    const frame = frames.find(({ offset }) => number > position.segment || offset >= position.offset);
    if (frame !== undefined) return frame.sequence;
  }
  return end;
}
