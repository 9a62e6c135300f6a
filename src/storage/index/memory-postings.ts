/**
 * MemoryPostings: the inverted index of the head, from label pair to the refs of the series that have it.
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
import { sortTexts } from "../../model/text-order.js";
import { lowerBound, NO_POSTINGS, type Postings, subtract } from "./postings.js";
import type { PostingsSource } from "./select-postings.js";
import { SortedTexts } from "./sorted-texts.js";

export class MemoryPostings implements PostingsSource {
  readonly labels: PostingsSource["labels"];
  readonly #all = new RefList();
  readonly #names = new Map<string, ValueTable>();
  #sortedNames: readonly string[] | undefined;
  /** By place in the labels of the series that was added last. */
  readonly #lastTables: ValueTable[] = [];

  /** `labels` gives those of a series that was added, where that is possible. */
  constructor(labels?: PostingsSource["labels"]) {
    this.labels = labels;
  }

  /** Number of series. */
  get size(): number {
    return this.#all.view().length;
  }

  /** Adds a series. Refs added in increasing order are appended; any other order is right, but slow. */
  add(ref: SeriesRef, labels: Labels): void {
    assert(ref > 0 && ref <= 0xffffffff, "a series ref is a positive 32-bit number");
    this.#all.add(ref);
    for (let i = 0; i < labels.size; i++) addTo(this.#tableAt(i, labels.nameAt(i)), labels.valueAt(i), ref);
  }

  /**
   * Removes series, which must not be added again, from every list, in turns. Walks the whole index, so remove many at
   * once, and await it before the next. What is added meanwhile stays.
   */
  async remove(refs: Iterable<SeriesRef>): Promise<void> {
    const gone = Uint32Array.from(refs).sort();
    if (gone.length === 0) return;
    this.#all.replace(subtract(this.#all.view(), gone).slice());
    for (const [name, table] of this.#names) {
      await removeFrom(table, gone);
      if (table.lists.size > 0) continue;
      this.#lastTables.length = 0;
      this.#names.delete(name);
      this.#sortedNames = undefined;
    }
  }

  all(): Postings {
    return this.#all.view();
  }

  /** The table of a name, which stands at the same place in most label sets. */
  #tableAt(place: number, name: string): ValueTable {
    const last = this.#lastTables[place];
    if (last !== undefined && last.name === name) return last;
    let table = this.#names.get(name);
    if (table === undefined) {
      table = { name, lists: new Map(), values: new SortedTexts() };
      this.#names.set(name, table);
      this.#sortedNames = undefined;
    }
    if (place < lastTablesMax) this.#lastTables[place] = table;
    return table;
  }

  postings(name: string, value: string): Postings {
    const list = this.#names.get(name)?.lists.get(value);
    if (list === undefined) return NO_POSTINGS;
    return typeof list === "number" ? Uint32Array.of(list) : list.view();
  }

  /** Whether some series that has the label, with this value if one is given, passes the test. */
  some(name: string, value: string | undefined, test: (ref: SeriesRef) => boolean): boolean {
    const lists = this.#names.get(name)?.lists;
    if (lists === undefined) return false;
    if (value !== undefined) return someOf(lists.get(value), test);
    for (const list of lists.values()) if (someOf(list, test)) return true;
    return false;
  }

  labelValues(name: string): readonly string[] {
    const table = this.#names.get(name);
    return table === undefined ? [] : table.values.sorted(table.lists);
  }

  labelValueCount(name: string): number {
    return this.#names.get(name)?.lists.size ?? 0;
  }

  labelNames(): readonly string[] {
    this.#sortedNames ??= sortTexts([...this.#names.keys()]);
    return this.#sortedNames;
  }
}

/** Labels behind so many are looked up by name. */
const lastTablesMax = 64;

/** Lists that are looked at between two turns of the event loop; so many refs count as one more. */
const listsPerTurn = 4096;
const refsPerList = 32;

/** The lists of one label by value, and the values in order. */
interface ValueTable {
  readonly name: string;
  readonly lists: Map<string, number | RefList>;
  readonly values: SortedTexts;
}

/** A growing list of refs: the first `#length` entries count. */
class RefList {
  #refs: Postings = NO_POSTINGS;
  #length = 0;

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
      grown.set(this.view());
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

function addTo(table: ValueTable, value: string, ref: number): void {
  const list = table.lists.get(value);
  if (list === undefined) {
    table.lists.set(value, ref);
    table.values.add(value);
  } else if (typeof list !== "number") {
    list.add(ref);
  } else if (list !== ref) {
    const grown = new RefList();
    grown.add(list);
    grown.add(ref);
    table.lists.set(value, grown);
  }
}

async function removeFrom({ lists, values }: ValueTable, gone: Postings): Promise<void> {
  let work = 0;
  for (const [value, list] of lists) {
    if (isLeftEmpty(list, gone)) {
      lists.delete(value);
      values.remove(value);
    }
    work += typeof list === "number" ? 1 : 1 + list.view().length / refsPerList;
    if (work < listsPerTurn) continue;
    work = 0;
    await nextTurn();
  }
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
