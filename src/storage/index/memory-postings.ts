/**
 * MemoryPostings: the inverted index of the head, from label pair to the refs of the series that have it.
 *
 * Pairs are numbers of a PairTable, and lists stand in an array by them: to add a series looks at no text. A pair lives
 * as long as its list.
 *
 * Invariants
 *  1. Lists handed out never change: an append writes behind their end, everything else makes a new list.
 *  2. A pair that a single series has is held as the bare ref, without a list: labels that are unique per
 *     series (an instance, a container) then cost one map entry each.
 *  3. Sorted values that were handed out do not change either: see SortedTexts.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { assert } from "../../model/assert.js";
import type { Labels } from "../../model/labels.js";
import type { SeriesRef } from "../../model/series.js";
import { PairTable } from "./pair-table.js";
import { lowerBound, NO_POSTINGS, type Postings, subtract } from "./postings.js";
import type { PostingsSource } from "./select-postings.js";

export class MemoryPostings implements PostingsSource {
  readonly labels: PostingsSource["labels"];
  readonly #pairs: PairTable;
  readonly #all = new RefList();
  /** By number of the pair; nothing for one that no series has yet. */
  readonly #lists: (number | RefList | undefined)[] = [];
  #scratch = new Uint32Array(64);

  /** `labels` gives those of a series that was added, where that is possible. */
  constructor(labels?: PostingsSource["labels"], pairs = new PairTable()) {
    this.labels = labels;
    this.#pairs = pairs;
  }

  /** Number of series. */
  get size(): number {
    return this.#all.view().length;
  }

  /** Adds a series. Refs added in increasing order are appended; any other order is right, but slow. */
  add(ref: SeriesRef, labels: Labels): void {
    if (labels.size > this.#scratch.length) this.#scratch = new Uint32Array(2 * labels.size);
    this.#pairs.takeAll(labels, this.#scratch);
    this.addPairs(ref, this.#scratch, 0, labels.size);
  }

  /** As `add`, of a series with the pairs from `from` to `to`, excluded. */
  addPairs(ref: SeriesRef, pairs: Uint32Array, from: number, to: number): void {
    assert(ref > 0 && ref <= 0xffffffff, "a series ref is a positive 32-bit number");
    this.#all.add(ref);
    const lists = this.#lists;
    for (let i = from; i < to; i++) {
      const pair = pairs[i]!;
      while (lists.length <= pair) lists.push(undefined);
      const list = lists[pair];
      if (list === undefined) lists[pair] = ref;
      else if (typeof list !== "number") list.add(ref);
      else if (list !== ref) lists[pair] = RefList.of(list, ref);
    }
  }

  /**
   * Removes series, which must not be added again, from every list, in turns. Walks the whole index, so remove many at
   * once, and await it before the next. What is added meanwhile stays.
   */
  async remove(refs: Iterable<SeriesRef>): Promise<void> {
    const gone = Uint32Array.from(refs).sort();
    if (gone.length === 0) return;
    this.#all.replace(subtract(this.#all.view(), gone).slice());
    let work = 0;
    for (let pair = 1; pair < this.#pairs.pairsEnd; pair++) {
      const list = this.#lists[pair];
      if (this.#pairs.isHeld(pair) && (list === undefined || isLeftEmpty(list, gone))) {
        this.#lists[pair] = undefined;
        this.#pairs.free(pair);
      }
      work += list === undefined || typeof list === "number" ? 1 : 1 + list.view().length / refsPerList;
      if (work < listsPerTurn) continue;
      work = 0;
      await nextTurn();
    }
  }

  all(): Postings {
    return this.#all.view();
  }

  postings(name: string, value: string): Postings {
    const list = this.#lists[this.#pairs.find(name, value)];
    if (list === undefined) return NO_POSTINGS;
    return typeof list === "number" ? Uint32Array.of(list) : list.view();
  }

  /** Whether some series that has the label, with this value if one is given, passes the test. */
  some(name: string, value: string | undefined, test: (ref: SeriesRef) => boolean): boolean {
    const pairs = this.#pairs.pairsOf(name)?.pairs;
    if (pairs === undefined) return false;
    if (value !== undefined) return someOf(this.#lists[pairs.get(value) ?? 0], test);
    for (const pair of pairs.values()) if (someOf(this.#lists[pair], test)) return true;
    return false;
  }

  labelValues(name: string): readonly string[] {
    const ofName = this.#pairs.pairsOf(name);
    return ofName === undefined ? [] : ofName.values.sorted(ofName.pairs);
  }

  labelValueCount(name: string): number {
    return this.#pairs.pairsOf(name)?.pairs.size ?? 0;
  }

  labelNames(): readonly string[] {
    return this.#pairs.names();
  }
}

/** Lists that are looked at between two turns of the event loop; so many refs count as one more. */
const listsPerTurn = 4096;
const refsPerList = 32;

/** A growing list of refs: the first `#length` entries count. */
class RefList {
  #refs: Postings = NO_POSTINGS;
  #length = 0;

  static of(a: number, b: number): RefList {
    const list = new RefList();
    list.add(a);
    list.add(b);
    return list;
  }

  view(): Postings {
    return this.#refs.subarray(0, this.#length);
  }

  add(ref: number): void {
    if (this.#length === 0 || ref > this.#refs[this.#length - 1]!) this.#append(ref);
    else this.#insert(ref);
  }

  replace(refs: Postings): void {
    this.#refs = refs;
    this.#length = refs.length;
  }

  #append(ref: number): void {
    if (this.#length === this.#refs.length) {
      const grown = new Uint32Array(Math.max(4, this.#length * 2));
      grown.set(this.#refs);
      this.#refs = grown;
    }
    this.#refs[this.#length++] = ref;
  }

  #insert(ref: number): void {
    const at = lowerBound(this.#refs, ref, 0, this.#length);
    if (this.#refs[at] === ref) return;
    const refs = new Uint32Array(this.#length + 1);
    refs.set(this.#refs.subarray(0, at));
    refs[at] = ref;
    refs.set(this.#refs.subarray(at, this.#length), at + 1);
    this.replace(refs);
  }
}

function someOf(list: number | RefList | undefined, test: (ref: SeriesRef) => boolean): boolean {
  if (list === undefined) return false;
  if (typeof list === "number") return test(list as SeriesRef);
  return list.view().some((ref) => test(ref as SeriesRef));
}

/** Takes out what is gone, unless that is all. */
function isLeftEmpty(list: number | RefList, gone: Postings): boolean {
  if (typeof list === "number") return gone[lowerBound(gone, list, 0, gone.length)] === list;
  const refs = list.view();
  const kept = subtract(refs, gone);
  // A copy of the right size, so that the memory of what is gone is freed.
  if (kept.length > 0 && kept.length < refs.length) list.replace(kept.slice());
  return kept.length === 0;
}
