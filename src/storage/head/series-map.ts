/**
 * SeriesMap: every series of the head, by slot, by ref and by labels.
 *
 *   slot   a small number while the series lives, then given to another one: the index of all columns
 *   ref    what the log, the postings and appenders know a series by; given once in the life of a head
 *   pairs  its labels as numbers of a PairTable: a series is a tuple of them (LabelSets)
 *   table  open addressing on the hash of the pairs: holds slots, probed from the hash to the first free place,
 *          compared by pairs, never by hash alone
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
import { PairTable } from "../index/pair-table.js";
import { sortInTurns } from "../index/sort-in-turns.js";
import type { LoggedSeries } from "../wal/wal-record.js";
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
  /** Pairs of series that ended stay until MemoryPostings has forgotten these. */
  readonly pairs: PairTable;
  readonly #labelSets: LabelSets;
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
  /** Pairs of the labels at hand. */
  #scratch = new Uint32Array(smallestTable);

  constructor(pairs = new PairTable()) {
    this.pairs = pairs;
    this.#labelSets = new LabelSets(pairs);
  }

  get size(): number {
    return this.#size;
  }

  capacity(): { readonly slots: number; readonly pairs: number } {
    return { slots: this.#slotsEnd - 1, pairs: this.pairs.size };
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

  /** Calls `take` with the page and the places of the pairs of a series. */
  withPairs(slot: number, take: (page: Uint32Array, from: number, to: number) => void): void {
    const place = this.#labelPlaces[slot]!;
    const from = this.#labelSets.indexIn(place) + 1;
    take(this.#labelSets.pageOf(place), from, from + this.#labelSets.sizeOf(place));
  }

  /** The series in the first `length` slots, for a record of the log. */
  logged(slots: ArrayLike<number>, length = slots.length): LoggedSeries {
    const refs = new Float64Array(length);
    const ends = new Uint32Array(length);
    let end = 0;
    for (let i = 0; i < length; i++) {
      refs[i] = this.#refs[slots[i]!]!;
      end += this.#labelSets.sizeOf(this.#labelPlaces[slots[i]!]!);
      ends[i] = end;
    }
    const pairs = new Uint32Array(end);
    end = 0;
    for (let i = 0; i < length; i++) end = this.#labelSets.copyTo(pairs, end, this.#labelPlaces[slots[i]!]!);
    return { length, refs, ends, pairs, table: this.pairs };
  }

  /** The series with these labels; 0 when there is none. `ref` may say where to look first. */
  find(labels: Labels, ref = 0 as SeriesRef): number {
    const hinted = ref === 0 ? 0 : this.slotOf(ref);
    if (hinted !== 0) {
      if (this.#lastLabels[hinted] === labels) return hinted;
      if (this.#labelSets.equals(this.#labelPlaces[hinted]!, labels)) {
        this.#lastLabels[hinted] = labels;
        return hinted;
      }
    }
    const pairs = this.#scratchFor(labels.size);
    return this.pairs.findAll(labels, pairs) ? this.findPairs(pairs, 0, labels.size) : 0;
  }

  /** The series with the pairs from `from` to `to`, excluded; 0 when there is none. */
  findPairs(pairs: Uint32Array, from: number, to: number): number {
    return this.#table[this.#positionOf(hashOf(pairs, from, to), pairs, from, to)]!;
  }

  /** Adds a series under the next free ref, or under the ref that a log gave it. */
  add(labels: Labels, ref?: SeriesRef): number {
    const pairs = this.#scratchFor(labels.size);
    this.pairs.takeAll(labels, pairs);
    return this.addPairs(pairs, 0, labels.size, ref);
  }

  /** As `add`, of a series with the pairs from `from` to `to`, excluded. */
  addPairs(pairs: Uint32Array, from: number, to: number, ref = this.#nextRef as SeriesRef): number {
    const hash = hashOf(pairs, from, to);
    const position = this.#positionOf(hash, pairs, from, to);
    assert(this.#table[position] === 0, "a series is added once");
    assert(this.slotOf(ref) === 0, "a series ref is given once");
    assert(ref > 0 && ref <= refMax, "a series ref is a positive 32-bit number");
    const slot = this.#takeSlot();
    this.#refs[slot] = ref;
    this.#hashes[slot] = hash;
    this.#labelPlaces[slot] = this.#labelSets.add(pairs, from, to);
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
    const { pairs } = this;
    const held = new Uint32Array(pairs.pairsEnd);
    let count = 0;
    for (let pair = 1; pair < held.length; pair++) if (pairs.isHeld(pair)) held[count++] = pair;
    const sorted = await sortInTurns(held.subarray(0, count), (a, b) => {
      const [nameA, nameB] = [pairs.nameOf(a), pairs.nameOf(b)];
      return nameA === nameB ? compareText(pairs.valueOf(a), pairs.valueOf(b)) : compareText(nameA, nameB);
    });
    const ranks = new Uint32Array(held.length);
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

  #scratchFor(size: number): Uint32Array {
    if (size > this.#scratch.length) this.#scratch = new Uint32Array(2 * size);
    return this.#scratch;
  }

  /** The position in the table of the series with these pairs, or the free one where it belongs. */
  #positionOf(hash: number, pairs: Uint32Array, from: number, to: number): number {
    const mask = this.#table.length - 1;
    let position = hash & mask;
    for (;;) {
      const slot = this.#table[position]!;
      if (slot === 0) return position;
      if (this.#hashes[slot] === hash && this.#labelSets.hasPairs(this.#labelPlaces[slot]!, pairs, from, to))
        return position;
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

/** As an unsigned number. Not stored; whom it tells apart depends on the numbers of pairs, which no sender chooses. */
function hashOf(pairs: Uint32Array, from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i++) {
    hash = Math.imul(hash ^ pairs[i]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
