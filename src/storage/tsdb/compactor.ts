/**
 * Compactor: carries out what planCompaction chooses, one merge at a time, and rewrites blocks without what was
 * deleted from them.
 *
 * A block that cannot be merged (it is corrupt, or has chunks that we cannot decode) is told and left alone until
 * the database is opened again; what the file system refuses is tried again with the next pass. Blocks for which
 * there is no room keep no others from being merged.
 */

import { CorruptionError, DiskFullError, NotImplementedError } from "../../model/errors.js";
import type { BlockEncoding } from "../../model/series.js";
import type { BlockReader } from "../block/block-reader.js";
import { oldestSource } from "../block/open-blocks.js";
import type { UlidSource } from "../block/ulid.js";
import { type CompactionOptions, type PlannedBlock, planCompaction } from "../compaction/plan-compaction.js";
import type { BlockSet } from "./block-set.js";
import type { TsdbSettings } from "./tsdb-options.js";

export interface CompactorParts {
  readonly blocks: BlockSet;
  readonly newUlid: UlidSource;
  readonly options: CompactionOptions;
  readonly encoding: BlockEncoding;
  readonly onEvent: TsdbSettings["onEvent"];
  /**
   * Makes sure that the log has nothing left that only the blocks' `narthex.walSegment` keeps a replay from showing
   * again: a merged block has no such thing.
   */
  releaseLog(blocks: readonly BlockReader[]): Promise<void>;
}

export class Compactor {
  readonly #parts: CompactorParts;
  /** ULIDs of blocks that could not be merged. */
  readonly #failed = new Set<string>();
  /** ULIDs of blocks for which this pass found no room. */
  readonly #roomless = new Set<string>();
  /** What was told about that: each set of blocks once, until there is room for all. */
  readonly #toldRoomless = new Set<string>();

  constructor(parts: CompactorParts) {
    this.#parts = parts;
  }

  /** One merge or rewrite, if there is anything to do and to be done now; returns whether there was. */
  async step(): Promise<boolean> {
    const { blocks, options } = this.#parts;
    if (blocks.isRetiring) return this.#endPass();
    const plan = planCompaction(
      blocks.all.map((block) => this.#planned(block)),
      options,
    );
    if (plan === undefined) return this.#endPass();
    const sources = blocks.all.filter(({ meta }) => plan.sources.includes(meta.ulid));
    try {
      await this.#compact(sources, plan.reason);
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      this.#putOff(sources, error);
    }
    return true;
  }

  /** Rewrites one block of which something was deleted; returns whether there may be more. */
  async cleanStep(): Promise<boolean> {
    if (this.#parts.blocks.isRetiring) return true;
    const block = this.#parts.blocks.all.find(
      ({ meta, tombstones }) => tombstones.size > 0 && !this.#failed.has(meta.ulid),
    );
    if (block === undefined) return false;
    await this.#compact([block], "tombstones");
    return true;
  }

  async #compact(sources: readonly BlockReader[], reason: string): Promise<void> {
    const { blocks, newUlid, encoding, onEvent, releaseLog } = this.#parts;
    await releaseLog(sources);
    try {
      const meta = await blocks.compact(sources, { ulid: newUlid(), encoding });
      const facts = { reason, sources: sources.length, samples: meta?.stats.numSamples ?? 0 };
      onEvent({ level: "info", message: "compacted blocks", facts });
    } catch (error) {
      this.#leaveAlone(sources, error);
    }
  }

  #planned(block: BlockReader): PlannedBlock {
    const { meta, range } = block;
    const deletedShare = this.#deletedShare(block);
    const hasFailed = this.#failed.has(meta.ulid) || this.#roomless.has(meta.ulid);
    return { ulid: meta.ulid, range, oldestSource: oldestSource(meta), deletedShare, hasFailed };
  }

  /** Measuring reads the index, which may be corrupt. */
  #deletedShare(block: BlockReader): number {
    try {
      return this.#failed.has(block.meta.ulid) ? 0 : block.deletedShare;
    } catch (error) {
      this.#leaveAlone([block], error);
      return 0;
    }
  }

  #endPass(): false {
    if (this.#roomless.size === 0) this.#toldRoomless.clear();
    this.#roomless.clear();
    return false;
  }

  /** Until the next pass. */
  #putOff(blocks: readonly BlockReader[], error: DiskFullError): void {
    for (const { meta } of blocks) this.#roomless.add(meta.ulid);
    const ulids = blocks.map(({ meta }) => meta.ulid).join(" ");
    if (this.#toldRoomless.has(ulids)) return;
    this.#toldRoomless.add(ulids);
    const message = `a compaction is put off until there is room: ${error.message}`;
    this.#parts.onEvent({ level: "warning", message, facts: { blocks: ulids } });
  }

  /** Throws the error when it is not the blocks' fault. */
  #leaveAlone(blocks: readonly BlockReader[], error: unknown): void {
    if (!(error instanceof CorruptionError || error instanceof NotImplementedError)) throw error;
    for (const { meta } of blocks) this.#failed.add(meta.ulid);
    const message = `blocks cannot be compacted and are left as they are: ${error.message}`;
    const facts = { blocks: blocks.map(({ meta }) => meta.ulid).join(" ") };
    this.#parts.onEvent({ level: "error", message, facts });
  }
}
