/**
 * ThreadMerger: merges blocks on a thread beside the main one, so that pushes and queries do not feel it.
 *
 * The thread is made when there is something to merge and ended when there was nothing for a while. One that is lost
 * (out of memory, a bug) fails the merge that it was at, and the next merge gets a new one. Where no thread can be
 * made at all (a bundle without merge-worker.js, a process that may not) merges run on the main thread, in turns.
 *
 * Memory: bounded by `resourceLimits` for objects; arrays of bytes, which these do not count, are at most the indexes
 * of the sources and of the result, and a batch of chunks of each source.
 */

import type { ResourceLimits } from "node:worker_threads";
import type { Clock } from "../../model/clock.js";
import { ClosedError } from "../../model/errors.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { BlockReader } from "../block/block-reader.js";
import { nodeFileSystem } from "../fs/node-file-system.js";
import { type BlockMerger, InlineMerger } from "./block-merger.js";
import type { CompactedBlock } from "./compact-blocks.js";
import { MergeThread } from "./merge-thread.js";

/** Merges come in rows: one makes the next possible. */
const idleMaxMs = 10_000;
const defaultLimits: ResourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 32 };
const workerUrl = new URL("./merge-worker.js", import.meta.url);

/** TypeScript that runs as it is, in tests, has no JavaScript beside it that a thread could run. */
export const canMergeOnThreads = import.meta.url.endsWith(".js");

export interface ThreadMergerParts {
  readonly directory: string;
  readonly clock: Clock;
  /** Called once, when no thread can be made, with the reason. */
  readonly onNoThreads: (reason: string) => void;
  /** Default the one beside this file. */
  readonly workerUrl?: URL;
  readonly resourceLimits?: ResourceLimits;
}

export class ThreadMerger implements BlockMerger {
  readonly #parts: ThreadMergerParts;
  /** Takes over where there are no threads. */
  readonly #inline: InlineMerger;
  #hasThreads = true;
  #thread: MergeThread | undefined;
  #cancelIdle: () => void = () => {};
  #isClosed = false;

  constructor(parts: ThreadMergerParts) {
    this.#parts = parts;
    this.#inline = new InlineMerger(nodeFileSystem, parts.directory);
  }

  async merge(sources: readonly BlockReader[], block: CompactedBlock): Promise<BlockMeta | undefined> {
    if (this.#isClosed) throw closedDuringMerge();
    this.#cancelIdle();
    const thread = this.#liveThread();
    if (thread === undefined) return this.#inline.merge(sources, block);
    const { directory, clock } = this.#parts;
    try {
      return await thread.merge({ directory, sources: sources.map(({ meta }) => meta.ulid), block });
    } catch (error) {
      if (this.#isClosed || thread.hasStarted) throw error;
      this.#doWithoutThreads(error);
    } finally {
      this.#cancelIdle = clock.schedule(idleMaxMs, () => void this.#endThread());
    }
    return this.#inline.merge(sources, block);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#inline.close();
    await this.#endThread();
  }

  /** Undefined where there are no threads. */
  #liveThread(): MergeThread | undefined {
    if (!this.#hasThreads) return undefined;
    if (this.#thread?.hasEnded) this.#thread = undefined;
    const { clock, resourceLimits = defaultLimits, workerUrl: url = workerUrl } = this.#parts;
    try {
      this.#thread ??= new MergeThread(url, clock, resourceLimits);
    } catch (error) {
      this.#doWithoutThreads(error);
    }
    return this.#thread;
  }

  #doWithoutThreads(error: unknown): void {
    this.#hasThreads = false;
    this.#parts.onNoThreads(error instanceof Error ? error.message : String(error));
  }

  async #endThread(): Promise<void> {
    this.#cancelIdle();
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.end(closedDuringMerge());
  }
}

function closedDuringMerge(): ClosedError {
  return new ClosedError("the database was closed during a merge of blocks");
}
