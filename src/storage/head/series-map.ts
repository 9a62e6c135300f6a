/**
 * SeriesMap: every series of the head, by ref (an array) and by labels (open addressing on their hash).
 *
 * The table holds refs, 0 for a free slot; a series is found by probing from its hash until a free slot, and
 * compared by labels, never by hash alone. Removal is rare and comes in bulk (a cut), so the table is then built
 * anew instead of keeping tombstones.
 *
 * Invariants
 *  1. A ref is given once in the life of a head: an appender that holds an ended ref finds nothing behind it.
 *  2. The table is at most half full, and its size is a power of two.
 */

import { assert } from "../../model/assert.js";
import type { Labels } from "../../model/labels.js";
import type { SeriesRef } from "../../model/series.js";
import { MemorySeries } from "./memory-series.js";

const smallestTable = 64;

export class SeriesMap {
  /** Indexed by ref; ended refs are undefined. Index 0 is never used. */
  #byRef: (MemorySeries | undefined)[] = [undefined];
  #table = new Uint32Array(smallestTable);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The series behind a ref; undefined when it has ended or never was. */
  at(ref: SeriesRef): MemorySeries | undefined {
    return this.#byRef[ref];
  }

  find(labels: Labels): MemorySeries | undefined {
    const ref = this.#table[this.#slotOf(labels)]!;
    return ref === 0 ? undefined : this.#byRef[ref];
  }

  /** Adds a series under the next free ref, or under the ref that a log gave it. */
  add(labels: Labels, ref = this.#byRef.length as SeriesRef): MemorySeries {
    assert(this.#byRef[ref] === undefined, "a series ref is given once");
    const slot = this.#slotOf(labels);
    assert(this.#table[slot] === 0, "a series is added once");
    this.reserveThrough(ref);
    const series = new MemorySeries(ref, labels);
    this.#byRef[ref] = series;
    this.#table[slot] = ref;
    this.#size++;
    if (this.#size * 2 > this.#table.length) this.#rebuildTable(this.#table.length * 2);
    return series;
  }

  /** Makes sure that refs up to this one are not given to new series. */
  reserveThrough(ref: SeriesRef): void {
    while (this.#byRef.length <= ref) this.#byRef.push(undefined);
  }

  /** Forgets series; their refs stay unused. */
  remove(ended: readonly MemorySeries[]): void {
    if (ended.length === 0) return;
    for (const series of ended) this.#byRef[series.ref] = undefined;
    this.#size -= ended.length;
    let length = smallestTable;
    while (length < this.#size * 2) length *= 2;
    this.#rebuildTable(length);
  }

  *[Symbol.iterator](): Generator<MemorySeries> {
    for (const series of this.#byRef) if (series !== undefined) yield series;
  }

  /** The slot that holds the series with these labels, or the free one where it belongs. */
  #slotOf(labels: Labels): number {
    const mask = this.#table.length - 1;
    let slot = labels.hash() & mask;
    for (;;) {
      const ref = this.#table[slot]!;
      if (ref === 0 || this.#byRef[ref]!.labels.equals(labels)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #rebuildTable(length: number): void {
    this.#table = new Uint32Array(length);
    for (const series of this) this.#table[this.#slotOf(series.labels)] = series.ref;
  }
}
