/**
 * BlockMerger: who runs stageCompaction: the thread of the caller, or one beside it (thread-merger.ts).
 */

import { ClosedError } from "../../model/errors.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { BlockReader } from "../block/block-reader.js";
import type { FileSystem } from "../fs/file-system.js";
import { type CompactedBlock, stageCompaction } from "./compact-blocks.js";

export interface BlockMerger {
  /**
   * As stageCompaction, one merge at a time. It settles in any case: rejects with ClosedError when the merger is
   * closed meanwhile, and with UnavailableError when the thread is lost that was at it, which may leave a part of
   * the block under its temporary name.
   */
  merge(sources: readonly BlockReader[], block: CompactedBlock): Promise<BlockMeta | undefined>;
  /** Ends the merge that is under way. */
  close(): Promise<void>;
}

/** Merges on the caller's thread, in turns. */
export class InlineMerger implements BlockMerger {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #closing = new AbortController();

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
  }

  merge(sources: readonly BlockReader[], block: CompactedBlock): Promise<BlockMeta | undefined> {
    const { signal } = this.#closing;
    return stageCompaction(this.#fileSystem, this.#directory, sources, { ...block, signal });
  }

  async close(): Promise<void> {
    this.#closing.abort(new ClosedError("the database was closed during a merge of blocks"));
  }
}
