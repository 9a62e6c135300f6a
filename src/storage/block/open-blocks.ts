/**
 * openBlocks: every block of a data directory, the broken ones set aside; and the order in which blocks count.
 */

import { CorruptionError, TsdbError } from "../../model/errors.js";
import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import { blockOfName, blockPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { BlockReader } from "./block-reader.js";

/** Put behind the name of a block that cannot be read. It is kept for whoever wants to repair it. */
const quarantineSuffix = ".quarantined";

export interface OpenedBlocks {
  readonly blocks: readonly BlockReader[];
  /** Blocks that could not be opened, as sentences. */
  readonly losses: readonly string[];
}

/** A corrupt block is renamed; one that the system does not let us read stays where it is. */
export async function openBlocks(fileSystem: FileSystem, directory: string): Promise<OpenedBlocks> {
  const blocks: BlockReader[] = [];
  const losses: string[] = [];
  for (const name of await fileSystem.list(directory)) {
    const ulid = blockOfName(name);
    if (ulid === undefined) continue;
    const path = blockPath(directory, ulid);
    try {
      blocks.push(await BlockReader.open(fileSystem, path));
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      losses.push(await setAside(fileSystem, directory, path, error));
    }
  }
  return { blocks, losses };
}

async function setAside(
  fileSystem: FileSystem,
  directory: string,
  path: string,
  error: TsdbError,
): Promise<string> {
  if (!(error instanceof CorruptionError)) return `the block ${path} cannot be opened: ${error.message}`;
  await fileSystem.rename(path, path + quarantineSuffix);
  await fileSystem.syncDirectory(directory);
  return `the block ${path} is broken and was renamed to *${quarantineSuffix}: ${error.message}`;
}

/**
 * Blocks in the order in which their samples count: of two samples with one time, the one in the block that comes
 * first. Groups of blocks that overlap stand in time order; within a group the older block comes first.
 */
export function inPrecedence<
  Block extends { readonly range: TimeRange; readonly meta: { readonly ulid: string } },
>(blocks: readonly Block[]): readonly Block[] {
  const byTime = blocks.toSorted((a, b) => a.range.minTime - b.range.minTime);
  const groups: { range: TimeRange; blocks: Block[] }[] = [];
  for (const block of byTime) {
    const group = groups.at(-1);
    if (group !== undefined && rangesOverlap(group.range, block.range)) {
      group.blocks.push(block);
      const maxTime = Math.max(group.range.maxTime, block.range.maxTime);
      group.range = { minTime: group.range.minTime, maxTime };
    } else groups.push({ range: block.range, blocks: [block] });
  }
  return groups.flatMap((group) => group.blocks.sort((a, b) => (a.meta.ulid < b.meta.ulid ? -1 : 1)));
}
