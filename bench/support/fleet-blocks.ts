/**
 * The fleet as blocks in a folder that is kept between runs, and cheap copies of it: blocks never change, so a
 * copy is a folder of hard links.
 */

import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../src/model/clock.js";
import { ulidSource } from "../../src/storage/block/ulid.js";
import { cutBlocks } from "../../src/storage/compaction/cut-blocks.js";
import {
  DEFAULT_BLOCK_DURATION_MS,
  DEFAULT_BLOCK_SAMPLES_MAX,
} from "../../src/storage/compaction/plan-block-ranges.js";
import { nodeFileSystem } from "../../src/storage/fs/node-file-system.js";
import { FLEET_VERSION, fleet } from "./fleet.js";

/** The folder of the fleet's blocks; they are made when they are not there yet. */
export async function fleetBlocks(): Promise<string> {
  const directory = join(tmpdir(), "narthex-bench", `fleet-${FLEET_VERSION}`);
  if (existsSync(directory)) return directory;
  console.log(`making the data set in ${directory}; it is kept for the next run`);
  mkdirSync(dirname(directory), { recursive: true });
  const unfinished = mkdtempSync(`${directory}-`);
  await cutBlocks(nodeFileSystem, unfinished, fleet(), {
    blockDurationMs: DEFAULT_BLOCK_DURATION_MS,
    samplesMax: DEFAULT_BLOCK_SAMPLES_MAX,
    recentFrom: Number.POSITIVE_INFINITY,
    newUlid: ulidSource(systemClock, randomBytes),
  });
  renameSync(unfinished, directory);
  return directory;
}

/** A folder with the same files, to be removed by who asked for it. */
export function linkedCopy(directory: string): string {
  const copy = mkdtempSync(join(tmpdir(), "narthex-bench", "copy-"));
  for (const path of readdirSync(directory, { recursive: true, encoding: "utf8", withFileTypes: true })) {
    if (!path.isFile()) continue;
    const from = join(path.parentPath, path.name);
    const to = join(copy, from.slice(directory.length));
    mkdirSync(dirname(to), { recursive: true });
    linkSync(from, to);
  }
  return copy;
}

export function removeCopy(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
