/**
 * replayHead: the log to a head, at open.
 *
 * Refs in the log are those of the process that wrote it. A series that ended and came back has two of them: the
 * first one stays, the other becomes an alias for the rest of the replay.
 *
 * Applying a record twice changes nothing, so a checkpoint may hold samples that a later segment repeats. A
 * conflict is decided as when it was committed, because the order of records is the same; the outcome was told
 * then and is not told again.
 *
 * Replayed series count as not named yet: the first record that uses one names it again. So what this process
 * acknowledges does not rest on old records, which a failed sync may have left in the cache only.
 */

import type { TimeRange, TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import type { FileSystem } from "../fs/file-system.js";
import { type ReplaySummary, replayWal } from "../wal/replay-wal.js";
import { decodeWalRecord, type RefColumns, type SeriesDefinition } from "../wal/wal-record.js";
import { Head } from "./head.js";
import type { MemorySeries } from "./memory-series.js";

/** A block holds all samples of `range` from log segments before `walSegment`. */
export interface HeldRange {
  readonly range: TimeRange;
  readonly walSegment: number;
}

export interface ReplayedHead {
  readonly head: Head;
  readonly summary: ReplaySummary;
  /** Samples whose series was named in a part of the log that could not be read: they are lost with it. */
  readonly orphanCount: number;
}

export async function replayHead(
  fileSystem: FileSystem,
  walDirectory: string,
  held: readonly HeldRange[],
): Promise<ReplayedHead> {
  const head = new Head();
  const replay = new HeadReplay(head, held);
  const summary = await replayWal(fileSystem, walDirectory, (payload, { segment }) =>
    replay.apply(payload, segment),
  );
  return { head, summary, orphanCount: replay.orphanCount };
}

class HeadReplay {
  readonly #head: Head;
  readonly #held: readonly HeldRange[];
  readonly #aliases = new Map<SeriesRef, MemorySeries>();
  orphanCount = 0;

  constructor(head: Head, held: readonly HeldRange[]) {
    this.#head = head;
    this.#held = held;
  }

  /** Applies one record that stands in `segment`. Throws CorruptionError when it cannot be understood. */
  apply(payload: Uint8Array, segment: number): void {
    const record = decodeWalRecord(payload);
    if (record.kind === "tombstones") {
      this.#head.deleteSamples(record.matchers, record.range);
      return;
    }
    for (const definition of record.series) this.#define(definition);
    this.#applySamples(record.samples, segment);
  }

  #define({ ref, labels }: SeriesDefinition): void {
    const known = this.#head.series.find(labels);
    this.#aliases.delete(ref);
    if (known?.ref === ref) return;
    const isFree = known === undefined && this.#head.series.at(ref) === undefined;
    const series = isFree ? this.#head.create(labels, ref) : (known ?? this.#head.create(labels));
    if (!isFree) this.#aliases.set(ref, series);
    this.#head.series.reserveThrough(ref);
  }

  #applySamples({ refs, times, values, length }: RefColumns, segment: number): void {
    const held = this.#held.filter(({ walSegment }) => segment < walSegment).map(({ range }) => range);
    for (let i = 0; i < length; i++) {
      const series = this.#seriesOf(refs[i] as SeriesRef);
      if (series === undefined) this.orphanCount++;
      else if (!isWithin(held, times[i]!)) this.#head.apply(series, times[i]!, values, i);
    }
  }

  #seriesOf(ref: SeriesRef): MemorySeries | undefined {
    return this.#aliases.get(ref) ?? this.#head.series.at(ref);
  }
}

function isWithin(ranges: readonly TimeRange[], time: TimestampMs): boolean {
  for (const { minTime, maxTime } of ranges) if (minTime <= time && time <= maxTime) return true;
  return false;
}
