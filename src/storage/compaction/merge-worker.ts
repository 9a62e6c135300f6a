/**
 * The entry point of the thread that merges blocks: it answers one request after the other until it is ended.
 *
 * It opens the sources by themselves, reads their tombstones from the disk, and stages the result; names and
 * publication are the main thread's. What is no TsdbError is our bug: it ends the thread, and the main thread goes on.
 */

import { parentPort } from "node:worker_threads";
import { assert } from "../../model/assert.js";
import { systemClock } from "../../model/clock.js";
import { TsdbError } from "../../model/errors.js";
import type { BlockMeta } from "../block/block-meta.js";
import { BlockReader } from "../block/block-reader.js";
import { blockPath } from "../fs/data-directory.js";
import { nodeFileSystem } from "../fs/node-file-system.js";
import { type CompactedBlock, stageCompaction } from "./compact-blocks.js";
import { encodeFailure, type SentFailure } from "./sent-failure.js";

/** What the main thread sends. */
export interface MergeRequest {
  readonly directory: string;
  /** ULIDs. */
  readonly sources: readonly string[];
  readonly block: CompactedBlock;
}

/** What it is told: "ready" once, then for each request "alive" now and then, and one of the last two. */
export type MergeReply =
  | { readonly kind: "ready" }
  | { readonly kind: "alive" }
  | { readonly kind: "merged"; readonly meta: BlockMeta | undefined }
  | { readonly kind: "failed"; readonly failure: SentFailure };

const aliveToldEveryMs = 10_000;

assert(parentPort !== null, "this is the entry point of a thread");
const port = parentPort;
port.on("message", (request: MergeRequest) => void answer(request));
send({ kind: "ready" });

async function answer(request: MergeRequest): Promise<void> {
  const stopTelling = tellThatAlive();
  const reply = await merge(request);
  stopTelling();
  send(reply);
}

async function merge({ directory, sources, block }: MergeRequest): Promise<MergeReply> {
  const opened: BlockReader[] = [];
  try {
    for (const ulid of sources)
      opened.push(await BlockReader.open(nodeFileSystem, blockPath(directory, ulid)));
    return { kind: "merged", meta: await stageCompaction(nodeFileSystem, directory, opened, block) };
  } catch (error) {
    if (!(error instanceof TsdbError)) throw error;
    return { kind: "failed", failure: encodeFailure(error) };
  } finally {
    for (const source of opened) await source.close();
  }
}

function tellThatAlive(): () => void {
  let cancel = () => {};
  const schedule = () => {
    cancel = systemClock.schedule(aliveToldEveryMs, () => {
      send({ kind: "alive" });
      schedule();
    });
  };
  schedule();
  return () => cancel();
}

function send(reply: MergeReply): void {
  port.postMessage(reply);
}
