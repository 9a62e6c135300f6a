/**
 * HeadCut: what a block takes over of the head. Taken first, dropped when the block is there; in between it can be
 * read any number of times, and commits and queries go on.
 *
 * Memory: 20 bytes per series, and the labels and chunk places of one series at a time.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { TimestampMs } from "../../model/sample.js";
import type { EncodedChunk, Series } from "../../model/series.js";
import type { Head } from "./head.js";

/** What is handled between two turns of the event loop, each chunk out of order counted as a series. */
const seriesPerTurn = 256;
const none: readonly EncodedChunk[] = [];

export class HeadCut {
  readonly #head: Head;
  /** Of the series that had samples below the end, in label order. */
  readonly #slots: Uint32Array;
  /** By slot: see TakenChunks. */
  readonly #newest: Float64Array;
  readonly #outOfOrder: ReadonlyMap<number, readonly EncodedChunk[]>;

  private constructor(
    head: Head,
    slots: Uint32Array,
    newest: Float64Array,
    outOfOrder: ReadonlyMap<number, readonly EncodedChunk[]>,
  ) {
    this.#head = head;
    this.#slots = slots;
    this.#newest = newest;
    this.#outOfOrder = outOfOrder;
  }

  /** Takes all samples below `end`. No series may end, and nothing be deleted, until they are dropped or left. */
  static async take(head: Head, end: TimestampMs): Promise<HeadCut> {
    const slots = new Uint32Array(head.series.slotsEnd);
    const newest = new Float64Array(head.series.slotsEnd);
    const outOfOrder = new Map<number, readonly EncodedChunk[]>();
    let count = 0;
    let work = 0;
    for (let slot = 1; slot < slots.length; slot++) {
      if (++work >= seriesPerTurn) {
        work = 0;
        await nextTurn();
      }
      if (!head.series.isLive(slot) || head.samples.minTimeOf(slot) >= end) continue;
      const taken = head.samples.takeBelow(slot, end);
      slots[count++] = slot;
      newest[slot] = taken.newest;
      work += taken.outOfOrder.length;
      if (taken.outOfOrder.length > 0) outOfOrder.set(slot, taken.outOfOrder);
    }
    const sorted = await head.series.sortByLabels(slots.slice(0, count));
    return new HeadCut(head, sorted, newest, outOfOrder);
  }

  /** In label order. */
  *[Symbol.iterator](): Generator<Series> {
    const { series, samples } = this.#head;
    for (const slot of this.#slots)
      yield { labels: series.labelsOf(slot), chunks: samples.takenChunks(this.#taken(slot)) };
  }

  /** Drops what was taken, ends the series that have become idle, and frees what that leaves. */
  async drop(): Promise<void> {
    const { series, samples } = this.#head;
    let dropped = 0;
    let work = 0;
    for (const slot of this.#slots) {
      const taken = this.#taken(slot);
      dropped += samples.sampleCountOf(slot);
      samples.dropTaken(slot, taken);
      dropped -= samples.sampleCountOf(slot);
      work += 1 + taken.outOfOrder.length;
      if (work < seriesPerTurn) continue;
      work = 0;
      await nextTurn();
    }
    await this.#head.countOut(dropped);
    await this.#head.endIdleSeries();
    for (let slot = 1; slot < series.slotsEnd; slot++) {
      if (slot % seriesPerTurn === 0) await nextTurn();
      if (series.isLive(slot)) samples.moveFromSparseSlabs(slot);
    }
  }

  #taken(slot: number): { readonly newest: number; readonly outOfOrder: readonly EncodedChunk[] } {
    return { newest: this.#newest[slot]!, outOfOrder: this.#outOfOrder.get(slot) ?? none };
  }
}
