/**
 * SortedTexts: the keys of a map in byte order, sorted when somebody asks; those added since the last time are then put
 * in between, so that a growing map of many keys is not sorted again for each.
 */

import { compareText, sortTexts } from "../../model/text-order.js";

/** A map or set: what is in order is what it has. */
interface Keys {
  readonly size: number;
  keys(): Iterable<string>;
}

/** From this share of added keys on, sorting all is faster. */
const sortedFromShare = 1 / 16;

export class SortedTexts {
  /** Undefined until somebody asks. */
  #sorted: readonly string[] | undefined;
  #added: string[] = [];
  /** Of those in order or added; left out when somebody asks, or when they are many. */
  #removed = new Set<string>();

  /** To be called for each key that is added to the map. */
  add(text: string): void {
    if (this.#sorted !== undefined && !this.#removed.delete(text)) this.#added.push(text);
  }

  /** To be called for each key that is removed from the map. */
  remove(text: string): void {
    if (this.#sorted === undefined) return;
    this.#removed.add(text);
    if (this.#removed.size * 2 > this.#sorted.length + this.#added.length) this.#leaveOut();
  }

  /** The keys in order: borrowed, and never changed. */
  sorted(keys: Keys): readonly string[] {
    this.#leaveOut();
    if (this.#sorted === undefined || this.#added.length > keys.size * sortedFromShare)
      this.#sorted = sortTexts([...keys.keys()]);
    else if (this.#added.length > 0) this.#sorted = merged(this.#sorted, sortTexts(this.#added));
    this.#added = [];
    return this.#sorted;
  }

  #leaveOut(): void {
    if (this.#removed.size === 0) return;
    const isLeft = (text: string) => !this.#removed.has(text);
    this.#sorted = this.#sorted?.filter(isLeft);
    this.#added = this.#added.filter(isLeft);
    this.#removed = new Set();
  }
}

/** The index of the first text that is not before `text`, from `low` on. */
export function indexOfTextFrom(sorted: readonly string[], text: string, low = 0): number {
  let first = low;
  let end = sorted.length;
  while (first < end) {
    const middle = (first + end) >>> 1;
    if (compareText(sorted[middle]!, text) < 0) first = middle + 1;
    else end = middle;
  }
  return first;
}

/** `few` in their places between `many`. */
function merged(many: readonly string[], few: readonly string[]): readonly string[] {
  const result: string[] = [];
  let from = 0;
  for (const text of few) {
    const to = indexOfTextFrom(many, text, from);
    while (from < to) result.push(many[from++]!);
    result.push(text);
  }
  while (from < many.length) result.push(many[from++]!);
  return result;
}
