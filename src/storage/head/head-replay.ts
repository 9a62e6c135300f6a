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

import type { AppendColumns } from "../../model/appendable.js";
import { rangesOverlap, type TimeRange, type TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import { decodeChunk } from "../chunk/encode-chunks.js";
import type { FileSystem, ScratchFile } from "../fs/file-system.js";
import { type RecordPlace, type ReplayProgress, type ReplaySummary, replayWal } from "../wal/replay-wal.js";
import { decodeWalRecord, type RefChunk, type RefColumns, type SeriesDefinition } from "../wal/wal-record.js";
import { Head } from "./head.js";
import { StagedSamples } from "./staged-samples.js";

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

export interface ReplayHeadOptions {
  /** See Head. */
  readonly scratch?: ScratchFile | undefined;
  readonly onProgress?: (progress: ReplayProgress) => void;
}

export async function replayHead(
  fileSystem: FileSystem,
  walDirectory: string,
  held: readonly HeldRange[],
  { scratch, onProgress }: ReplayHeadOptions = {},
): Promise<ReplayedHead> {
  const head = new Head(scratch);
  const replay = new HeadReplay(head, held);
  const visit = (payload: Uint8Array, { segment }: RecordPlace) => replay.apply(payload, segment);
  const summary = await replayWal(fileSystem, walDirectory, visit, onProgress);
  return { head, summary, orphanCount: replay.orphanCount };
}

class HeadReplay {
  readonly #head: Head;
  readonly #held: readonly HeldRange[];
  /** Slots by refs that are not the series' own any more. */
  readonly #aliases = new Map<SeriesRef, number>();
  /** Of the record that is being applied. */
  readonly #rows = new StagedSamples();
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
    const held = this.#held.filter(({ walSegment }) => segment < walSegment).map(({ range }) => range);
    for (const definition of record.series) this.#define(definition);
    if (record.kind === "transaction") this.#applySamples(record.samples, held);
    else for (const chunk of record.chunks) this.#applyChunk(chunk, held);
  }

  #define({ ref, labels }: SeriesDefinition): void {
    const { series } = this.#head;
    const known = series.find(labels);
    this.#aliases.delete(ref);
    if (known !== 0 && series.refOf(known) === ref) return;
    const isFree = known === 0 && series.slotOf(ref) === 0;
    const slot = isFree ? this.#head.create(labels, ref) : known || this.#head.create(labels);
    if (!isFree) this.#aliases.set(ref, slot);
    series.reserveThrough(ref);
  }

  #applySamples(samples: RefColumns, held: readonly TimeRange[]): void {
    const slots = new Uint32Array(samples.length);
    for (let row = 0; row < slots.length; row++) {
      slots[row] = this.#slotOf(samples.refs[row] as SeriesRef);
      if (slots[row] === 0) this.orphanCount++;
    }
    this.#applyRows(slots, samples, held);
  }

  /** As it is, when it is newer than what its series has, else sample by sample. */
  #applyChunk({ ref, chunk }: RefChunk, held: readonly TimeRange[]): void {
    const slot = this.#slotOf(ref);
    if (slot === 0) {
      this.orphanCount += chunk.count;
      return;
    }
    const isHeld = held.some((range) => rangesOverlap(range, chunk));
    if (!isHeld && this.#head.applyChunk(slot, chunk)) return;
    const samples = decodeChunk(chunk);
    const slots = new Uint32Array(samples.length).fill(slot);
    this.#applyRows(slots, { ...samples, refs: slots }, held);
  }

  /** Applies the rows that have a slot and that no block holds. */
  #applyRows(slots: Uint32Array, rows: AppendColumns, held: readonly TimeRange[]): void {
    this.#rows.clear();
    let from = 0;
    for (let row = 0; row < slots.length; row++) {
      if (slots[row] !== 0 && !isWithin(held, rows.times[row]!)) continue;
      this.#rows.pushRows(slots, rows, from, row);
      from = row + 1;
    }
    this.#rows.pushRows(slots, rows, from, slots.length);
    this.#head.replayRows(this.#rows);
  }

  #slotOf(ref: SeriesRef): number {
    if (this.#aliases.size > 0) {
      const slot = this.#aliases.get(ref);
      if (slot !== undefined) return slot;
    }
    return this.#head.series.slotOf(ref);
  }
}

function isWithin(ranges: readonly TimeRange[], time: TimestampMs): boolean {
  for (const { minTime, maxTime } of ranges) if (minTime <= time && time <= maxTime) return true;
  return false;
}
