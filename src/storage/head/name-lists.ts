/**
 * NameLists: the label names of the series of the head, as numbered lists, each held once. The series of a metric, and
 * those of a fleet, have the same names: a series then keeps a number in their place.
 *
 * A number is used as long as some series holds it (`take`, `release`) and given again afterwards.
 */

import { assert } from "../../model/assert.js";
import type { Labels } from "../../model/labels.js";
import type { SymbolTable } from "./symbol-table.js";

interface NameList {
  /** The strings of the symbol table: shared by the labels of all series that have them. */
  readonly names: readonly string[];
  readonly ids: readonly number[];
  readonly key: string;
  holders: number;
}

export class NameLists {
  readonly #symbols: SymbolTable;
  readonly #lists: (NameList | undefined)[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #free: number[] = [];
  /** The list that was taken last: that of the next series, as a rule. */
  #last = 0;

  constructor(symbols: SymbolTable) {
    this.#symbols = symbols;
  }

  names(number: number): readonly string[] {
    return this.#lists[number]!.names;
  }

  /** Ids of the names. */
  ids(number: number): readonly number[] {
    return this.#lists[number]!.ids;
  }

  /** Whether these are the names of the labels. */
  equals(number: number, labels: Labels): boolean {
    const { names } = this.#lists[number]!;
    if (names.length !== labels.size) return false;
    for (let i = 0; i < names.length; i++) if (names[i] !== labels.nameAt(i)) return false;
    return true;
  }

  /** The number of the names of these labels, held once more. */
  take(labels: Labels): number {
    if (this.#lists[this.#last] === undefined || !this.equals(this.#last, labels)) {
      const key = keyOf(labels);
      this.#last = this.#numbers.get(key) ?? this.#add(labels, key);
    }
    this.#lists[this.#last]!.holders++;
    return this.#last;
  }

  release(number: number): void {
    const list = this.#lists[number];
    assert(list !== undefined, "a list of names is released as often as it was taken");
    if (--list.holders > 0) return;
    for (const id of list.ids) this.#symbols.release(id);
    this.#numbers.delete(list.key);
    this.#lists[number] = undefined;
    this.#free.push(number);
  }

  #add(labels: Labels, key: string): number {
    const ids = Array.from({ length: labels.size }, (_, i) => this.#symbols.intern(labels.nameAt(i)));
    const names = ids.map((id) => this.#symbols.text(id)!);
    const number = this.#free.pop() ?? this.#lists.length;
    this.#lists[number] = { names, ids, key, holders: 0 };
    this.#numbers.set(key, number);
    return number;
  }
}

/** Lengths say where each name ends. */
function keyOf(labels: Labels): string {
  let key = "";
  for (let i = 0; i < labels.size; i++) key += `${labels.nameAt(i).length}:${labels.nameAt(i)}`;
  return key;
}
