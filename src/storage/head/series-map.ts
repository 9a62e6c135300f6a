/**
 * SeriesMap: every series of the head, by slot, by ref and by labels.
 *
 *   slot   a small number while the series lives, then given to another one: the index of all columns
 *   ref    what the log, the postings and appenders know a series by; given once in the life of a head
 *   table  open addressing on the hash of the labels: holds slots, probed from the hash to the first free place,
 *          compared by labels, never by hash alone
 *
 * Invariants
 *  1. An appender that holds the ref of a series that has ended finds nothing behind it.
 *  2. The table is at most half full, and its size is a power of two. Removal leaves no gap in a run of probes.
 *  3. Slot 0 and ref 0 are none.
 */

import { assert } from "../../model/assert.js";
import type { Labels } from "../../model/labels.js";
import type { SeriesRef } from "../../model/series.js";
import { compareText } from "../../model/text-order.js";
import { sortInTurns } from "../index/sort-in-turns.js";
import { grown } from "./columns.js";
import { LabelSets } from "./label-sets.js";

const smallestTable = 64;
const refMax = 0xffffffff;
const refBits = 10;
const refsPerPage = 1 << refBits;

/** Slots of consecutive refs. Dropped when all of them have ended. */
interface RefPage {
  readonly slots: Uint32Array;
  live: number;
}

export class SeriesMap {
  readonly #labelSets = new LabelSets();
  readonly #pages: (RefPage | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #nextRef = 1;
  #slotsEnd = 1;
  #size = 0;
  #table = new Uint32Array(smallestTable);
  #refs = new Uint32Array(smallestTable);
  #hashes = new Uint32Array(smallestTable);
  #labelPlaces = new Uint32Array(smallestTable);
  /**
   * The labels that came last with a ref: the same object again needs no comparison. Whoever keeps refs keeps
   * labels too, as a rule, so that this costs a pointer; forgotten with every cut, as a rule may be broken.
   */
  #lastLabels: (Labels | undefined)[] = [];

  get size(): number {
    return this.#size;
  }

  capacity(): { readonly slots: number; readonly symbols: number } {
    return { slots: this.#slotsEnd - 1, symbols: this.#labelSets.symbols.size };
  }

  /** All slots are below this. */
  get slotsEnd(): number {
    return this.#slotsEnd;
  }

  /** The series behind a ref; 0 when it has ended or never was. */
  slotOf(ref: SeriesRef): number {
    const page = ref > refMax ? undefined : this.#pages[ref >>> refBits];
    return page === undefined ? 0 : page.slots[ref & (refsPerPage - 1)]!;
  }

  /** Writes the slots behind the first `length` refs to `slots`; 0 for those that have ended or never were. */
  slotsOf(refs: Uint32Array | Float64Array, length: number, slots: Uint32Array): void {
    for (let i = 0; i < length; i++) slots[i] = this.slotOf(refs[i] as SeriesRef);
  }

  refOf(slot: number): SeriesRef {
    return this.#refs[slot] as SeriesRef;
  }

  isLive(slot: number): boolean {
    return this.#refs[slot] !== 0;
  }

  /** Made anew: the strings are shared, the lists are not. */
  labelsOf(slot: number): Labels {
    return this.#labelSets.at(this.#labelPlaces[slot]!);
  }

  /** The series with these labels; 0 when there is none. `ref` may say where to look first. */
  find(labels: Labels, ref = 0 as SeriesRef): number {
    const hinted = ref === 0 ? 0 : this.slotOf(ref);
    if (hinted !== 0) {
      if (this.#lastLabels[hinted] === labels) return hinted;
      if (this.#hasLabels(hinted, labels)) {
        this.#lastLabels[hinted] = labels;
        return hinted;
      }
    }
    return this.#table[this.#positionOf(labels)]!;
  }

  /** Adds a series under the next free ref, or under the ref that a log gave it. */
  add(labels: Labels, ref = this.#nextRef as SeriesRef): number {
    const position = this.#positionOf(labels);
    assert(this.#table[position] === 0, "a series is added once");
    assert(this.slotOf(ref) === 0, "a series ref is given once");
    assert(ref > 0 && ref <= refMax, "a series ref is a positive 32-bit number");
    const slot = this.#takeSlot();
    this.#refs[slot] = ref;
    this.#hashes[slot] = labels.hash();
    this.#labelPlaces[slot] = this.#labelSets.add(labels);
    this.#bind(ref, slot);
    this.#table[position] = slot;
    this.#size++;
    if (this.#size * 2 > this.#table.length) this.#rebuildTable(this.#table.length * 2);
    return slot;
  }

  /** Makes sure that refs up to this one are not given to new series. */
  reserveThrough(ref: SeriesRef): void {
    this.#nextRef = Math.max(this.#nextRef, ref + 1);
  }

  /** Forgets a series. Its slot will be given to another one, its ref will not. */
  remove(slot: number): void {
    const ref = this.refOf(slot);
    const pageIndex = ref >>> refBits;
    const page = this.#pages[pageIndex]!;
    page.slots[ref & (refsPerPage - 1)] = 0;
    if (--page.live === 0) this.#pages[pageIndex] = undefined;
    this.#closeGap(this.#tablePositionOf(slot));
    this.#labelSets.remove(this.#labelPlaces[slot]!);
    this.#refs[slot] = 0;
    this.#lastLabels[slot] = undefined;
    this.#freeSlots.push(slot);
    this.#size--;
    if (this.#table.length > smallestTable && this.#size * 16 < this.#table.length)
      this.#rebuildTable(this.#table.length / 4);
  }

  forgetLastLabels(): void {
    this.#lastLabels = [];
  }

  /** The live slots. What ends while they are walked is left out, what begins may be. */
  *[Symbol.iterator](): Generator<number> {
    for (let slot = 1; slot < this.#slotsEnd; slot++) if (this.#refs[slot] !== 0) yield slot;
  }

  /** Sorts slots by labels, giving way to others meanwhile. The series must not end before it is done. */
  async sortByLabels(slots: Uint32Array): Promise<Uint32Array> {
    const { symbols } = this.#labelSets;
    const ids = new Uint32Array(symbols.idsEnd);
    let count = 0;
    for (let id = 0; id < ids.length; id++) if (symbols.text(id) !== undefined) ids[count++] = id;
    const texts = (id: number) => symbols.text(id) ?? "";
    const sorted = await sortInTurns(ids.subarray(0, count), (a, b) => compareText(texts(a), texts(b)));
    const ranks = new Uint32Array(ids.length);
    for (let rank = 0; rank < sorted.length; rank++) ranks[sorted[rank]!] = rank;
    return sortInTurns(slots, (a, b) =>
      this.#labelSets.compare(this.#labelPlaces[a]!, this.#labelPlaces[b]!, ranks),
    );
  }

  #takeSlot(): number {
    const slot = this.#freeSlots.pop() ?? this.#slotsEnd++;
    this.#refs = grown(this.#refs, slot + 1);
    this.#hashes = grown(this.#hashes, slot + 1);
    this.#labelPlaces = grown(this.#labelPlaces, slot + 1);
    return slot;
  }

  #bind(ref: SeriesRef, slot: number): void {
    this.reserveThrough(ref);
    const pageIndex = ref >>> refBits;
    while (this.#pages.length <= pageIndex) this.#pages.push(undefined);
    this.#pages[pageIndex] ??= { slots: new Uint32Array(refsPerPage), live: 0 };
    const page = this.#pages[pageIndex]!;
    page.slots[ref & (refsPerPage - 1)] = slot;
    page.live++;
  }

  #hasLabels(slot: number, labels: Labels): boolean {
    return (
      this.#hashes[slot] === labels.hash() >>> 0 && this.#labelSets.equals(this.#labelPlaces[slot]!, labels)
    );
  }

  /** The position in the table of the series with these labels, or the free one where it belongs. */
  #positionOf(labels: Labels): number {
    const mask = this.#table.length - 1;
    let position = labels.hash() & mask;
    for (;;) {
      const slot = this.#table[position]!;
      if (slot === 0 || this.#hasLabels(slot, labels)) return position;
      position = (position + 1) & mask;
    }
  }

  #tablePositionOf(slot: number): number {
    const mask = this.#table.length - 1;
    let position = this.#hashes[slot]! & mask;
    while (this.#table[position] !== slot) position = (position + 1) & mask;
    return position;
  }

  /** Empties a position: moves what was put behind it only because it was taken, and so on. */
  #closeGap(position: number): void {
    const mask = this.#table.length - 1;
    let gap = position;
    for (let next = (gap + 1) & mask; this.#table[next] !== 0; next = (next + 1) & mask) {
      const home = this.#hashes[this.#table[next]!]! & mask;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      this.#table[gap] = this.#table[next]!;
      gap = next;
    }
    this.#table[gap] = 0;
  }

  #rebuildTable(length: number): void {
    const table = new Uint32Array(length);
    const mask = length - 1;
    for (let slot = 1; slot < this.#slotsEnd; slot++) {
      if (this.#refs[slot] === 0) continue;
      let position = this.#hashes[slot]! & mask;
      while (table[position] !== 0) position = (position + 1) & mask;
      table[position] = slot;
    }
    this.#table = table;
  }
}
