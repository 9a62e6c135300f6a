/**
 * LabelSets: the labels of all series of the head, as numbers in shared pages.
 *
 * Layout of a set, 32-bit words: the number of its list of names, then the id of each value. Its place is the index of
 * its first word, counted through all pages; no set crosses a page. Places of removed sets are given to sets of the same
 * size.
 */

import { Labels } from "../../model/labels.js";
import { NameLists } from "./name-lists.js";
import { SymbolTable } from "./symbol-table.js";

const pageBits = 16;
const pageWords = 1 << pageBits;

export class LabelSets {
  readonly symbols = new SymbolTable();
  readonly #nameLists = new NameLists(this.symbols);
  readonly #pages: Uint32Array[] = [];
  /** The next free word, and how many there are behind it in the last page. */
  #next = 0;
  #wordsLeft = 0;
  /** By number of labels. */
  readonly #freePlaces = new Map<number, number[]>();

  add(labels: Labels): number {
    const place = this.#takePlace(labels.size);
    const page = this.#pages[place >>> pageBits]!;
    let at = place & (pageWords - 1);
    page[at++] = this.#nameLists.take(labels);
    for (let i = 0; i < labels.size; i++) page[at++] = this.symbols.intern(labels.valueAt(i));
    return place;
  }

  remove(place: number): void {
    const page = this.#pages[place >>> pageBits]!;
    const at = place & (pageWords - 1);
    const names = page[at]!;
    const size = this.#nameLists.ids(names).length;
    for (let i = 1; i <= size; i++) this.symbols.release(page[at + i]!);
    this.#nameLists.release(names);
    const free = this.#freePlaces.get(size);
    if (free === undefined) this.#freePlaces.set(size, [place]);
    else free.push(place);
  }

  at(place: number): Labels {
    const page = this.#pages[place >>> pageBits]!;
    const at = place & (pageWords - 1);
    const names = this.#nameLists.names(page[at]!);
    // Of exactly this size: a list that grows has room for seventeen.
    const values = new Array<string>(names.length);
    for (let i = 0; i < names.length; i++) values[i] = this.symbols.text(page[at + 1 + i]!)!;
    return Labels.fromSorted(names, values);
  }

  equals(place: number, labels: Labels): boolean {
    const page = this.#pages[place >>> pageBits]!;
    const at = place & (pageWords - 1);
    if (!this.#nameLists.equals(page[at]!, labels)) return false;
    for (let i = 0; i < labels.size; i++)
      if (this.symbols.text(page[at + 1 + i]!) !== labels.valueAt(i)) return false;
    return true;
  }

  /** The order of two sets as Labels.compare has it, given the rank of each symbol in the order of texts. */
  compare(a: number, b: number, ranks: Uint32Array): number {
    const pageA = this.#pages[a >>> pageBits]!;
    const pageB = this.#pages[b >>> pageBits]!;
    const atA = a & (pageWords - 1);
    const atB = b & (pageWords - 1);
    const namesA = this.#nameLists.ids(pageA[atA]!);
    const namesB = this.#nameLists.ids(pageB[atB]!);
    const length = Math.min(namesA.length, namesB.length);
    for (let i = 0; i < length; i++) {
      if (namesA[i] !== namesB[i]) return ranks[namesA[i]!]! - ranks[namesB[i]!]!;
      const valueA = pageA[atA + 1 + i]!;
      const valueB = pageB[atB + 1 + i]!;
      if (valueA !== valueB) return ranks[valueA]! - ranks[valueB]!;
    }
    return namesA.length - namesB.length;
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
