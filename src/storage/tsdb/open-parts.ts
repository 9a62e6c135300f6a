/**
 * openParts: the parts of a database, opened in this order: lock, blocks, head (a replay of the log), log.
 *
 * Nothing that is broken keeps the rest from opening: it is set aside, or left out of the replay, and told.
 */

import type { Clock } from "../../model/clock.js";
import { InvalidArgumentError } from "../../model/errors.js";
import type { BlockReader } from "../block/block-reader.js";
import { openBlocks } from "../block/open-blocks.js";
import { SeriesCache } from "../block/series-cache.js";
import { headScratchPath, isTemporaryName, joinPath, SNAPSHOTS_NAME, walPath } from "../fs/data-directory.js";
import { acquireDirectoryLock, type DirectoryLock, lockForReading } from "../fs/directory-lock.js";
import type { FileSystem } from "../fs/file-system.js";
import { makeDurableDirectory } from "../fs/make-durable-directory.js";
import type { Head } from "../head/head.js";
import { type HeldRange, type ReplayedHead, replayHead } from "../head/head-replay.js";
import { Journals } from "../journal.js";
import { hasPrometheusHead } from "../prometheus/prometheus-directory.js";
import type { ReplayProgress } from "../wal/replay-wal.js";
import { Wal, type WalOptions } from "../wal/wal.js";
import type { TsdbSettings } from "./tsdb-options.js";

const progressToldEveryMs = 1000;
const refusalsToldEveryMs = 60_000;

export interface OpenParts {
  readonly settings: TsdbSettings;
  /** Undefined where nothing is written and the file system is read-only. */
  readonly lock: DirectoryLock | undefined;
  readonly head: Head;
  readonly wal: Wal;
  readonly journals: Journals;
  readonly blocks: readonly BlockReader[];
  /** Of these blocks and those that come. */
  readonly cache: SeriesCache;
  /** What was lost or set aside, in words. */
  readonly losses: readonly string[];
}

/** Gives the lock back when it rejects. */
export async function openParts(settings: TsdbSettings): Promise<OpenParts> {
  const { fileSystem, directory, processes } = settings;
  await refusePrometheus(fileSystem, directory);
  if (!settings.readOnly) await makeDurableDirectory(fileSystem, directory);
  const lock = await (settings.readOnly ? lockForReading : acquireDirectoryLock)(
    fileSystem,
    directory,
    processes,
  );
  try {
    if (!settings.readOnly) await removeUnfinished(settings);
    return await openLocked(settings, lock);
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

/** Its log is in another format and under the same names as ours. */
async function refusePrometheus(fileSystem: FileSystem, directory: string): Promise<void> {
  if (await hasPrometheusHead(fileSystem, directory))
    throw new InvalidArgumentError(
      `${directory} is the data folder of a Prometheus; choose another directory and import this one into it, ` +
        `as by \`narthex import ${directory} --data DIR\``,
    );
}

/** Removes what a crash left under temporary names, of blocks and of snapshots. */
async function removeUnfinished({ fileSystem, directory, onEvent }: TsdbSettings): Promise<void> {
  let count = 0;
  const hasSnapshots = (await fileSystem.list(directory)).includes(`${SNAPSHOTS_NAME}/`);
  for (const place of hasSnapshots ? [directory, joinPath(directory, SNAPSHOTS_NAME)] : [directory]) {
    const names = (await fileSystem.list(place)).filter(isTemporaryName);
    for (const name of names) await fileSystem.remove(joinPath(place, name.replace(/\/$/, "")));
    if (names.length > 0) await fileSystem.syncDirectory(place);
    count += names.length;
  }
  if (count > 0) onEvent({ level: "info", message: "removed unfinished blocks", facts: { count } });
}

async function openLocked(settings: TsdbSettings, lock: DirectoryLock | undefined): Promise<OpenParts> {
  const { fileSystem, directory, readOnly, clock, durability, durabilityIntervalMs, onEvent } = settings;
  const walDirectory = walPath(directory);
  const cache = new SeriesCache();
  const { blocks, losses } = await openBlocks(fileSystem, directory, { cache, readOnly });
  const scratch = readOnly ? undefined : fileSystem.createScratch(headScratchPath(directory));
  try {
    const held = heldRanges(blocks);
    const replayed = await replayHead(fileSystem, walDirectory, held, {
      scratch,
      onProgress: progressTeller(clock, onEvent),
    });
    const allLosses = [...losses, ...lossesOf(replayed)];
    tellReplay(replayed, allLosses, onEvent);
    const onTrouble = troubleTeller(clock, onEvent);
    const walOptions = {
      fileSystem,
      directory: walDirectory,
      readOnly,
      durability,
      durabilityIntervalMs,
      clock,
    };
    const wal = await Wal.open(
      { ...walOptions, onTrouble },
      Math.max(replayed.summary.lastSegment + 1, ...held.map(({ walSegment }) => walSegment)),
    );
    const onLoss = (message: string) => {
      allLosses.push(message);
      onEvent({ level: "error", message });
    };
    const journals = new Journals({ ...walOptions, directory, onLoss });
    return { settings, lock, head: replayed.head, wal, journals, blocks, cache, losses: allLosses };
  } catch (error) {
    scratch?.close();
    await Promise.allSettled(blocks.map((block) => block.close()));
    throw error;
  }
}

/** Tells of a replay that takes longer than a second how far it is, each second. */
function progressTeller(clock: Clock, onEvent: TsdbSettings["onEvent"]): (progress: ReplayProgress) => void {
  let toldAt = clock.monotonic();
  return ({ bytes, ofBytes }) => {
    const now = clock.monotonic();
    if (now - toldAt < progressToldEveryMs) return;
    toldAt = now;
    const percent = Math.floor((100 * bytes) / Math.max(1, ofBytes));
    onEvent({ level: "info", message: "replaying the log", facts: { percent, bytes, ofBytes } });
  };
}

/** On a disk that is almost full, every other write may succeed: this is told once in a while. */
function troubleTeller(clock: Clock, onEvent: TsdbSettings["onEvent"]): NonNullable<WalOptions["onTrouble"]> {
  let toldAt = -Infinity;
  let isTold = false;
  return (error) => {
    if (error === undefined) {
      if (isTold) onEvent({ level: "info", message: "writes are accepted again" });
      isTold = false;
    } else if (error.code === "poisoned") onEvent({ level: "error", message: error.message });
    else if (!isTold && clock.monotonic() - toldAt >= refusalsToldEveryMs) {
      onEvent({ level: "error", message: `writes are refused until there is room: ${error.message}` });
      toldAt = clock.monotonic();
      isTold = true;
    }
  };
}

export function heldRanges(blocks: readonly BlockReader[]): readonly HeldRange[] {
  return blocks.flatMap(({ meta: { narthex }, range }) =>
    narthex === undefined ? [] : [{ range, walSegment: narthex.walSegment }],
  );
}

function lossesOf({ summary, orphanCount }: ReplayedHead): readonly string[] {
  const losses = summary.corruptions.map(
    ({ file, offset, bytes, message }) =>
      `${file} at byte ${offset}: ${message}; ${bytes} bytes could not be read`,
  );
  if (orphanCount > 0) losses.push(`${orphanCount} samples of the log are of series whose names were lost`);
  return losses;
}

function tellReplay(
  { head, summary }: ReplayedHead,
  losses: readonly string[],
  onEvent: TsdbSettings["onEvent"],
): void {
  const { segments, records, bytes, tornBytes } = summary;
  if (records > 0)
    onEvent({
      level: "info",
      message: "replayed the log",
      facts: { segments, records, bytes, samples: head.sampleCount },
    });
  if (tornBytes > 0)
    onEvent({
      level: "info",
      message: "cut off a write at the end of the log that was never acknowledged",
      facts: { bytes: tornBytes },
    });
  for (const loss of losses) onEvent({ level: "error", message: loss });
}
