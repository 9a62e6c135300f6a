/**
 * checkDirectory: reads everything in a data directory and says what is broken and what can still be read. Changes
 * nothing, except that it holds the lock meanwhile, unless the file system is read-only.
 */

import { TsdbError } from "../../model/errors.js";
import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import { blockTimeRange } from "../block/block-meta.js";
import { type BlockProblem, type CheckedBlock, checkBlock } from "../block/check-block.js";
import {
  blockOfName,
  blockPath,
  isTemporaryName,
  JOURNALS_NAME,
  joinPath,
  journalPath,
  WAL_NAME,
  walPath,
} from "../fs/data-directory.js";
import { lockForReading } from "../fs/directory-lock.js";
import type { FileSystem } from "../fs/file-system.js";
import { nodeFileSystem } from "../fs/node-file-system.js";
import { machineProcesses, type ProcessTable } from "../fs/process-table.js";
import { replayHead } from "../head/head-replay.js";
import { replayWal, type WalCorruption } from "../wal/replay-wal.js";

export interface DirectoryReport {
  readonly blocks: readonly CheckedDirectory[];
  readonly wal: CheckedWal;
  /** What an operator may want to know, and is no damage. */
  readonly notes: readonly string[];
}

export interface CheckedDirectory extends Omit<CheckedBlock, "meta"> {
  readonly ulid: string;
  /** Both ends inclusive; undefined when it cannot be read. */
  readonly range: TimeRange | undefined;
  /** ULIDs of the blocks that it replaces. */
  readonly parents: readonly string[];
}

export interface CheckOptions {
  readonly directory: string;
  readonly fileSystem?: FileSystem;
  readonly processes?: ProcessTable;
}

export interface CheckedWal {
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  /** Of records that can be read, whether a block holds them or not. */
  readonly samples: number;
  readonly problems: readonly BlockProblem[];
}

/** Rejects with LockedError when a process has the directory, StorageError when there is none. */
export async function checkDirectory({
  directory,
  fileSystem = nodeFileSystem,
  processes = machineProcesses,
}: CheckOptions): Promise<DirectoryReport> {
  const names = await fileSystem.list(directory);
  const lock = await lockForReading(fileSystem, directory, processes);
  try {
    const blocks: CheckedDirectory[] = [];
    for (const name of names) {
      const ulid = blockOfName(name);
      if (ulid === undefined) continue;
      const { meta, ...rest } = await checkBlock(fileSystem, blockPath(directory, ulid), ulid);
      const parents = (meta?.compaction.parents ?? []).map((parent) => parent.ulid);
      blocks.push({ ulid, range: meta && blockTimeRange(meta), parents, ...rest });
    }
    const notes: string[] = [];
    if (blocks.length === 0 && !names.includes(`${WAL_NAME}/`))
      notes.push("there are neither blocks nor a log here: this may be no data directory");
    const log = await checkWal(fileSystem, walPath(directory), notes);
    const journalProblems = names.includes(`${JOURNALS_NAME}/`)
      ? await checkJournals(fileSystem, directory)
      : [];
    const wal = { ...log, problems: [...log.problems, ...journalProblems] };
    notes.push(...leftoverNotes(names), ...replacementNotes(blocks), ...overlapNotes(blocks));
    return { blocks, wal, notes };
  } finally {
    await lock?.release();
  }
}

async function checkWal(fileSystem: FileSystem, directory: string, notes: string[]): Promise<CheckedWal> {
  try {
    const { head, summary, orphanCount } = await replayHead(fileSystem, directory, []);
    const { segments, records, bytes, tornBytes } = summary;
    if (tornBytes > 0)
      notes.push(
        `the log ends in ${tornBytes} bytes of a write that was never acknowledged; opening cuts them off`,
      );
    const problems: BlockProblem[] = summary.corruptions.map(unreadableRange);
    if (orphanCount > 0)
      problems.push({
        file: directory,
        offset: undefined,
        message: `${orphanCount} samples are of series whose names cannot be read`,
      });
    return { segments, records, bytes, samples: head.sampleCount, problems };
  } catch (error) {
    if (!(error instanceof TsdbError)) throw error;
    const problem = { file: directory, offset: undefined, message: error.message };
    return { segments: 0, records: 0, bytes: 0, samples: 0, problems: [problem] };
  }
}

async function checkJournals(fileSystem: FileSystem, directory: string): Promise<readonly BlockProblem[]> {
  const problems: BlockProblem[] = [];
  for (const name of await fileSystem.list(joinPath(directory, JOURNALS_NAME))) {
    const path = journalPath(directory, name.replace(/\/$/, ""));
    try {
      const { corruptions } = await replayWal(fileSystem, path, () => {});
      problems.push(...corruptions.map(unreadableRange));
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      problems.push({ file: path, offset: undefined, message: error.message });
    }
  }
  return problems;
}

function unreadableRange({ file, offset, message, bytes }: WalCorruption): BlockProblem {
  return { file, offset, message: `${message}; ${bytes} bytes cannot be read` };
}

function leftoverNotes(names: readonly string[]): readonly string[] {
  const notes: string[] = [];
  for (const name of names) {
    if (isTemporaryName(name)) notes.push(`${name} is unfinished work; opening removes it`);
    if (name.includes(".quarantined")) notes.push(`${name} was set aside as broken`);
  }
  return notes;
}

function replacementNotes(blocks: readonly CheckedDirectory[]): readonly string[] {
  const present = new Set(blocks.map(({ ulid }) => ulid));
  return blocks.flatMap(({ ulid, parents }) =>
    parents
      .filter((parent) => present.has(parent))
      .map((parent) => `the block ${parent} is replaced by ${ulid}; opening removes it`),
  );
}

function overlapNotes(blocks: readonly CheckedDirectory[]): readonly string[] {
  const notes: string[] = [];
  for (const [i, { ulid, range }] of blocks.entries()) {
    const others = blocks
      .slice(i + 1)
      .filter(
        (other) => range !== undefined && other.range !== undefined && rangesOverlap(range, other.range),
      );
    if (others.length > 0)
      notes.push(
        `the block ${ulid} overlaps ${others.map((other) => other.ulid).join(", ")}; queries merge them`,
      );
  }
  return notes;
}
