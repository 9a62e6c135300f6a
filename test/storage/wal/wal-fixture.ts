/**
 * What the WAL tests share: a log in memory, and reading back what it holds.
 */

import type { FileSystem } from "../../../src/storage/fs/file-system.js";
import { type ReplaySummary, replayWal } from "../../../src/storage/wal/replay-wal.js";
import { Wal, type WalOptions } from "../../../src/storage/wal/wal.js";
import { FakeClock } from "../../support/fake-clock.js";

export const DIRECTORY = "data/wal";

export function openWal(
  fileSystem: FileSystem,
  options: Partial<WalOptions> = {},
  firstSegment = 1,
): Promise<Wal> {
  const defaults = { durability: "commit", durabilityIntervalMs: 100, clock: new FakeClock() } as const;
  return Wal.open({ fileSystem, directory: DIRECTORY, ...defaults, ...options }, firstSegment);
}

export const payloadOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export interface Replayed extends ReplaySummary {
  readonly texts: readonly string[];
}

export async function replayTexts(fileSystem: FileSystem): Promise<Replayed> {
  const texts: string[] = [];
  const summary = await replayWal(fileSystem, DIRECTORY, (payload) =>
    texts.push(new TextDecoder().decode(payload)),
  );
  return { ...summary, texts };
}

/** Lets everything run that waits for microtasks only, as all of MemFileSystem does. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await null;
}
