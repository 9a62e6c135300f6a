/**
 * LabelSets: the labels of all series of the head, as ids of symbols in shared pages.
 *
 * Layout of a set, 32-bit words: size, then name and value of each label. Its place is the index of its first word,
 * counted through all pages; no set crosses a page. Places of removed sets are given to sets of the same size.
 */

import { Labels } from "../../model/labels.js";
import { SymbolTable } from "./symbol-table.js";

const pageBits = 16;
const pageWords = 1 << pageBits;

export class LabelSets {
  readonly symbols = new SymbolTable();
  readonly #pages: Uint32Array[] = [];
  /** The next free word, and how many there are behind it in the last page. */
  #next = 0;
  #wordsLeft = 0;
  #lastNames: readonly string[] = [];
  /** By number of labels. */
  readonly #freePlaces = new Map<number, number[]>();

  add(labels: Labels): number {
    const place = this.#takePlace(labels.size);
    const page = this.#pages[place >>> pageBits]!;
    let at = place & (pageWords - 1);
    page[at++] = labels.size;
    for (let i = 0; i < labels.size; i++) {
      page[at++] = this.symbols.intern(labels.nameAt(i));
      page[at++] = this.symbols.intern(labels.valueAt(i));
    }
    return place;
  }

  remove(place: number): void {
    const page = this.#pages[place >>> pageBits]!;
    const at = place & (pageWords - 1);
    const size = page[at]!;
    for (let i = 1; i <= size * 2; i++) this.symbols.release(page[at + i]!);
    const free = this.#freePlaces.get(size);
    if (free === undefined) this.#freePlaces.set(size, [place]);
    else free.push(place);
  }

  at(place: number): Labels {
    const page = this.#pages[place >>> pageBits]!;
    const at = place & (pageWords - 1);
    const size = page[at]!;
    const values: string[] = [];
    for (let i = 0; i < size; i++) values.push(this.symbols.text(page[at + 2 + i * 2]!)!);
    return Labels.fromSorted(this.#namesAt(page, at, size), values);
  }

  /** Neighbours in label order have the same names, as a rule: one list for all of them. */
  #namesAt(page: Uint32Array, at: number, size: number): readonly string[] {
    const last = this.#lastNames;
    let same = 0;
    while (same < size && last[same] === this.symbols.text(page[at + 1 + same * 2]!)) same++;
    if (same === size && last.length === size) return last;
    const names: string[] = [];
    for (let i = 0; i < size; i++) names.push(this.symbols.text(page[at + 1 + i * 2]!)!);
    this.#lastNames = names;
    return names;
  }

  equals(place: number, labels: Labels): boolean {
    const page = this.#pages[place >>> pageBits]!;
    let at = place & (pageWords - 1);
    const size = page[at++]!;
    if (size !== labels.size) return false;
    for (let i = 0; i < size; i++) {
      if (this.symbols.text(page[at++]!) !== labels.nameAt(i)) return false;
      if (this.symbols.text(page[at++]!) !== labels.valueAt(i)) return false;
    }
    return true;
  }

  /** The order of two sets as Labels.compare has it, given the rank of each symbol in the order of texts. */
  compare(a: number, b: number, ranks: Uint32Array): number {
    const pageA = this.#pages[a >>> pageBits]!;
    const pageB = this.#pages[b >>> pageBits]!;
    const atA = a & (pageWords - 1);
    const atB = b & (pageWords - 1);
    const length = 2 * Math.min(pageA[atA]!, pageB[atB]!);
    for (let i = 1; i <= length; i++) {
      const idA = pageA[atA + i]!;
      const idB = pageB[atB + i]!;
      if (idA !== idB) return ranks[idA]! - ranks[idB]!;
    }
    return pageA[atA]! - pageB[atB]!;
  }

  #takePlace(size: number): number {
    const free = this.#freePlaces.get(size)?.pop();
    if (free !== undefined) return free;
    const words = 1 + 2 * size;
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
