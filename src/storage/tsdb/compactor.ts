/**
 * Compactor: carries out what planCompaction chooses, one merge at a time, and rewrites blocks without what was
 * deleted from them.
 *
 * A block that cannot be merged (it is corrupt, or has chunks that we cannot decode) is told and left alone until
 * something is deleted from it, which may have been what was broken, or the database is opened again; the others are
 * merged without it. What the file system refuses is tried again with the next pass. Blocks for which
 * there is no room, or whose merge lost its thread, are put off until the next pass and keep no others from being
 * merged.
 */

import {
  ClosedError,
  CorruptionError,
  DiskFullError,
  NotImplementedError,
  type TsdbError,
  UnavailableError,
} from "../../model/errors.js";
import type { BlockEncoding } from "../../model/series.js";
import type { BlockReader } from "../block/block-reader.js";
import { oldestSource } from "../block/open-blocks.js";
import type { Tombstones } from "../block/tombstones.js";
import type { UlidSource } from "../block/ulid.js";
import { type BlockMerger, InlineMerger } from "../compaction/block-merger.js";
import { type CompactionOptions, type PlannedBlock, planCompaction } from "../compaction/plan-compaction.js";
import { canMergeOnThreads, ThreadMerger } from "../compaction/thread-merger.js";
import { nodeFileSystem } from "../fs/node-file-system.js";
import type { BlockSet } from "./block-set.js";
import type { TsdbSettings } from "./tsdb-options.js";

export interface CompactorParts {
  readonly blocks: BlockSet;
  readonly newUlid: UlidSource;
  readonly merger: BlockMerger;
  readonly options: CompactionOptions;
  readonly encoding: BlockEncoding;
  readonly onEvent: TsdbSettings["onEvent"];
  /** ULIDs of blocks from which series were deleted because they have outlived their retention. */
  thinned(): ReadonlySet<string>;
  /**
   * Makes sure that the log has nothing left that only the blocks' `narthex.walSegment` keeps a replay from showing
   * again: a merged block has no such thing.
   */
  releaseLog(blocks: readonly BlockReader[]): Promise<void>;
}

export class Compactor {
  readonly #parts: CompactorParts;
  /** Blocks that could not be merged, with the tombstones that they had. */
  readonly #failed = new WeakMap<BlockReader, Tombstones>();
  /** ULIDs of blocks that this pass has put off. */
  readonly #putOff = new Set<string>();
  /** Where there was no room: each set of blocks is told once, until a pass puts none off. */
  readonly #toldRoomless = new Set<string>();
  /** Merges that lost their thread since the database was opened. */
  #lostMerges = 0;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
  }

  /** One merge or rewrite, if there is anything to do and to be done now; returns whether there was. */
  async step(): Promise<boolean> {
    const { blocks, options } = this.#parts;
    if (blocks.isRetiring) return this.#endPass();
    const thinned = this.#parts.thinned();
    const planned: PlannedBlock[] = [];
    for (const block of blocks.all) planned.push(await this.#planned(block, thinned));
    const plan = planCompaction(planned, options);
    if (plan === undefined) return this.#endPass();
    const sources = blocks.all.filter(({ meta }) => plan.sources.includes(meta.ulid));
    try {
      await this.#compact(sources, plan.reason);
    } catch (error) {
      if (error instanceof ClosedError) return this.#endPass();
      if (error instanceof DiskFullError) this.#tellRoomless(sources, error);
      else if (error instanceof UnavailableError) this.#tellLost(sources, error);
      else throw error;
      for (const { meta } of sources) this.#putOff.add(meta.ulid);
    }
    return true;
  }

  /** Ends the merge that is under way: what it has written is removed, at the latest by the next open. */
  close(): Promise<void> {
    return this.#parts.merger.close();
  }

  /** Rewrites one block of which something was deleted; returns whether there may be more. */
  async cleanStep(): Promise<boolean> {
    if (this.#parts.blocks.isRetiring) return true;
    const block = this.#parts.blocks.all.find((each) => each.tombstones.size > 0 && !this.#hasFailed(each));
    if (block === undefined) return false;
    await this.#compact([block], "tombstones");
    return true;
  }

  async #compact(sources: readonly BlockReader[], reason: string): Promise<void> {
    const { blocks, newUlid, merger, encoding, onEvent, releaseLog } = this.#parts;
    await releaseLog(sources);
    try {
      const ulid = newUlid();
      const meta = await blocks.compact(sources, ulid, () => merger.merge(sources, { ulid, encoding }));
      const facts = { reason, sources: sources.length, samples: meta?.stats.numSamples ?? 0 };
      onEvent({ level: "info", message: "compacted blocks", facts });
    } catch (error) {
      this.#leaveAlone(sources, error);
    }
  }

  async #planned(block: BlockReader, thinned: ReadonlySet<string>): Promise<PlannedBlock> {
    const { meta, range } = block;
    const hasExpired = thinned.has(meta.ulid);
    const deletedShare = hasExpired ? 1 : await this.#deletedShare(block);
    const hasFailed = this.#hasFailed(block) || this.#putOff.has(meta.ulid);
    return { ulid: meta.ulid, range, oldestSource: oldestSource(meta), deletedShare, hasExpired, hasFailed };
  }

  /** Measuring reads the index, which may be corrupt. */
  async #deletedShare(block: BlockReader): Promise<number> {
    try {
      return this.#hasFailed(block) ? 0 : await block.deletedShare();
    } catch (error) {
      this.#leaveAlone([block], error);
      return 0;
    }
  }

  /** Whether a merge of the block, as it is, failed. */
  #hasFailed(block: BlockReader): boolean {
    return this.#failed.get(block) === block.tombstones;
  }

  #endPass(): false {
    if (this.#putOff.size === 0) this.#toldRoomless.clear();
    this.#putOff.clear();
    return false;
  }

  #tellRoomless(blocks: readonly BlockReader[], error: DiskFullError): void {
    const ulids = ulidsOf(blocks);
    if (this.#toldRoomless.has(ulids)) return;
    this.#toldRoomless.add(ulids);
    const message = `a compaction is put off until there is room: ${error.message}`;
    this.#parts.onEvent({ level: "warning", message, facts: { blocks: ulids } });
  }

  #tellLost(blocks: readonly BlockReader[], error: UnavailableError): void {
    this.#lostMerges++;
    const message = `a compaction did not end, and will be tried again with the next pass: ${error.message}`;
    const facts = { blocks: ulidsOf(blocks), lostMerges: this.#lostMerges };
    this.#parts.onEvent({ level: "error", message, facts });
  }

  /** Throws the error when it is not the blocks' fault. */
  #leaveAlone(blocks: readonly BlockReader[], error: unknown): void {
    if (!(error instanceof CorruptionError || error instanceof NotImplementedError)) throw error;
    const failed = brokenOf(blocks, error);
    for (const block of failed) this.#failed.set(block, block.tombstones);
    const message = `blocks cannot be compacted and are left as they are: ${error.message}`;
    const facts = { blocks: ulidsOf(failed) };
    this.#parts.onEvent({ level: "error", message, facts });
  }
}

/** On a thread, where there may be one and the files are such that a thread can reach them. */
export function blockMergerFor(settings: TsdbSettings): BlockMerger {
  const { fileSystem, directory, clock, workers, onEvent } = settings;
  if (workers < 1 || fileSystem !== nodeFileSystem || !canMergeOnThreads)
    return new InlineMerger(fileSystem, directory);
  const onNoThreads = (reason: string) => {
    const message = `blocks are merged on the main thread, as there is no other one: ${reason}`;
    onEvent({ level: "warning", message });
  };
  return new ThreadMerger({ directory, clock, onNoThreads });
}

/** Those that the error names a file of; all of them when it names none. */
function brokenOf(blocks: readonly BlockReader[], error: TsdbError): readonly BlockReader[] {
  const file = error instanceof CorruptionError ? error.file : undefined;
  const named = blocks.filter(({ directory }) => file?.startsWith(`${directory}/`));
  return named.length > 0 ? named : blocks;
}

function ulidsOf(blocks: readonly BlockReader[]): string {
  return blocks.map(({ meta }) => meta.ulid).join(" ");
}
