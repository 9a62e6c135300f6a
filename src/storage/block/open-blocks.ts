/**
 * openBlocks: every block of a data directory, the broken ones set aside; and the order in which blocks count.
 */

import { CorruptionError, TsdbError } from "../../model/errors.js";
import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import { blockOfName, blockPath, metaPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import type { BlockMeta } from "./block-meta.js";
import { BlockReader } from "./block-reader.js";
import { removeBlock } from "./remove-block.js";
import type { SeriesCache } from "./series-cache.js";

/** Put behind the name of a block that cannot be read. It is kept for whoever wants to repair it. */
const quarantineSuffix = ".quarantined";

export interface OpenedBlocks {
  readonly blocks: readonly BlockReader[];
  /** Blocks that could not be opened, as sentences. */
  readonly losses: readonly string[];
}

export interface OpenBlocksOptions {
  readonly cache?: SeriesCache;
  /** Changes nothing in the directory: what would be renamed or removed is left out. Default false. */
  readonly readOnly?: boolean;
}

/**
 * A corrupt block is renamed; one that the system does not let us read stays where it is. Blocks that another one
 * replaces, whose making was cut short after it was whole, are removed.
 */
export async function openBlocks(
  fileSystem: FileSystem,
  directory: string,
  { cache, readOnly = false }: OpenBlocksOptions = {},
): Promise<OpenedBlocks> {
  // The process that named a block may have been killed before the name was durable; what is seen from here on is.
  if (!readOnly) await fileSystem.syncDirectory(directory);
  const opened: BlockReader[] = [];
  const broken: { readonly ulid: string; readonly error: TsdbError }[] = [];
  for (const name of await fileSystem.list(directory)) {
    const ulid = blockOfName(name);
    if (ulid === undefined) continue;
    try {
      opened.push(await openNamed(fileSystem, directory, ulid, cache));
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      broken.push({ ulid, error });
    }
  }
  const replaced = new Set(
    opened.flatMap(({ meta }) => meta.compaction.parents ?? []).map(({ ulid }) => ulid),
  );
  const blocks: BlockReader[] = [];
  for (const block of opened) {
    if (replaced.has(block.meta.ulid)) {
      await block.close();
      if (!readOnly) await removeBlock(fileSystem, directory, block.meta.ulid);
    } else blocks.push(block);
  }
  const losses: string[] = [];
  for (const { ulid, error } of broken) {
    const path = blockPath(directory, ulid);
    if (readOnly) losses.push(...(replaced.has(ulid) ? [] : [notOpened(path, error)]));
    else if (replaced.has(ulid)) await removeBlock(fileSystem, directory, ulid);
    else losses.push(await setAside(fileSystem, directory, path, error));
  }
  return { blocks, losses };
}

/** A block goes by its ULID: one that says another could not be removed, or would take the place of the other. */
async function openNamed(
  fileSystem: FileSystem,
  directory: string,
  ulid: string,
  cache: SeriesCache | undefined,
): Promise<BlockReader> {
  const path = blockPath(directory, ulid);
  const block = await BlockReader.open(fileSystem, path, cache);
  if (block.meta.ulid === ulid) return block;
  await block.close();
  throw new CorruptionError(`it names the block ${block.meta.ulid}`, { file: metaPath(path) });
}

async function setAside(
  fileSystem: FileSystem,
  directory: string,
  path: string,
  error: TsdbError,
): Promise<string> {
  if (!(error instanceof CorruptionError)) return notOpened(path, error);
  await fileSystem.rename(path, path + quarantineSuffix);
  await fileSystem.syncDirectory(directory);
  return `the block ${path} is broken and was renamed to *${quarantineSuffix}: ${error.message}`;
}

function notOpened(path: string, error: TsdbError): string {
  return `the block ${path} cannot be opened: ${error.message}`;
}

/** What the order of blocks needs of one. */
interface DatedBlock {
  readonly range: TimeRange;
  readonly meta: Pick<BlockMeta, "ulid" | "compaction">;
}

/** The oldest of the blocks whose samples a block holds: of two blocks that overlap, the lesser one's count. */
export function oldestSource({ compaction: { sources } }: DatedBlock["meta"]): string {
  return [...sources].sort()[0]!;
}

/**
 * Blocks in the order in which their samples count: of two samples with one time, the one in the block that comes
 * first. Groups of blocks that overlap stand in time order; within a group the one with the oldest source comes
 * first, so that a block which replaces others takes their place.
 */
export function inPrecedence<Block extends DatedBlock>(blocks: readonly Block[]): readonly Block[] {
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
  return groups.flatMap((group) => group.blocks.sort(byAge));
}

function byAge(a: DatedBlock, b: DatedBlock): number {
  const [first, second] = [oldestSource(a.meta), oldestSource(b.meta)];
  if (first !== second) return first < second ? -1 : 1;
  return a.meta.ulid < b.meta.ulid ? -1 : 1;
}
