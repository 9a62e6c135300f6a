/**
 * LabelSets: the labels of all series of the head, as numbers of their pairs in shared pages.
 *
 * Layout of a set, 32-bit words: the number of its labels, then the pairs, in the order of the labels. Its place is the
 * index of its first word, counted through all pages; no set crosses a page. Places of removed sets are given to sets of
 * the same size.
 */

import { Labels } from "../../model/labels.js";
import type { PairTable } from "../index/pair-table.js";

const pageBits = 16;
const pageWords = 1 << pageBits;

export class LabelSets {
  readonly #table: PairTable;
  readonly #pages: Uint32Array[] = [];
  /** The next free word, and how many there are behind it in the last page. */
  #next = 0;
  #wordsLeft = 0;
  /** By number of labels. */
  readonly #freePlaces = new Map<number, number[]>();
  /** Of the labels that were asked for last: of the next ones, as a rule. */
  #names: readonly string[] = [];

  constructor(table: PairTable) {
    this.#table = table;
  }

  /** Of the pairs from `from` to `to`, excluded. */
  add(pairs: Uint32Array, from: number, to: number): number {
    const place = this.#takePlace(to - from);
    const page = this.pageOf(place);
    let at = this.indexIn(place);
    page[at++] = to - from;
    for (let i = from; i < to; i++) page[at++] = pairs[i]!;
    return place;
  }

  remove(place: number): void {
    const size = this.sizeOf(place);
    const free = this.#freePlaces.get(size);
    if (free === undefined) this.#freePlaces.set(size, [place]);
    else free.push(place);
  }

  /** The page of a set: its pairs stand behind `indexIn`, `sizeOf` of them. */
  pageOf(place: number): Uint32Array {
    return this.#pages[place >>> pageBits]!;
  }

  indexIn(place: number): number {
    return place & (pageWords - 1);
  }

  sizeOf(place: number): number {
    return this.pageOf(place)[this.indexIn(place)]!;
  }

  /** Copies the pairs of a set to `into`, from `at` on. Returns the end of them. */
  copyTo(into: Uint32Array, at: number, place: number): number {
    const page = this.pageOf(place);
    const from = this.indexIn(place) + 1;
    const size = page[from - 1]!;
    for (let i = 0; i < size; i++) into[at + i] = page[from + i]!;
    return at + size;
  }

  at(place: number): Labels {
    const table = this.#table;
    const page = this.pageOf(place);
    const at = this.indexIn(place) + 1;
    const size = page[at - 1]!;
    const last = this.#names;
    // Of exactly this size: a list that grows has room for seventeen.
    const values = new Array<string>(size);
    let isSame = last.length === size;
    for (let i = 0; i < size; i++) {
      values[i] = table.valueOf(page[at + i]!);
      isSame &&= last[i] === table.nameOf(page[at + i]!);
    }
    if (!isSame) this.#names = values.map((_, i) => table.nameOf(page[at + i]!));
    return Labels.fromSorted(this.#names, values);
  }

  /** Whether a set has the pairs from `from` to `to`, excluded. */
  hasPairs(place: number, pairs: Uint32Array, from: number, to: number): boolean {
    const page = this.pageOf(place);
    let at = this.indexIn(place);
    if (page[at++] !== to - from) return false;
    for (let i = from; i < to; i++) if (page[at++] !== pairs[i]) return false;
    return true;
  }

  equals(place: number, labels: Labels): boolean {
    const table = this.#table;
    const page = this.pageOf(place);
    let at = this.indexIn(place);
    if (page[at++] !== labels.size) return false;
    for (let i = 0; i < labels.size; i++) {
      const pair = page[at++]!;
      if (table.valueOf(pair) !== labels.valueAt(i) || table.nameOf(pair) !== labels.nameAt(i)) return false;
    }
    return true;
  }

  /** The order of two sets as Labels.compare has it, given the rank of each pair by name and value. */
  compare(a: number, b: number, ranks: Uint32Array): number {
    const pageA = this.pageOf(a);
    const pageB = this.pageOf(b);
    let atA = this.indexIn(a);
    let atB = this.indexIn(b);
    const sizeA = pageA[atA++]!;
    const sizeB = pageB[atB++]!;
    for (let left = Math.min(sizeA, sizeB); left > 0; left--) {
      const pairA = pageA[atA++]!;
      const pairB = pageB[atB++]!;
      if (pairA !== pairB) return ranks[pairA]! - ranks[pairB]!;
    }
    return sizeA - sizeB;
  }

  #takePlace(size: number): number {
    const free = this.#freePlaces.get(size)?.pop();
    if (free !== undefined) return free;
    const words = 1 + size;
    if (words > this.#wordsLeft) this.#addPage(words);
    const place = this.#next;
    this.#next += words;
    this.#wordsLeft -= words;
    return place;
  }

  /** A set that no page can hold gets a longer one for itself. */
  #addPage(words: number): void {
    this.#next = this.#pages.length * pageWords;
    this.#wordsLeft = Math.max(pageWords, words);
    this.#pages.push(new Uint32Array(this.#wordsLeft));
  }
}
