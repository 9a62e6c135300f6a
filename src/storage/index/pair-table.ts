/**
 * PairTable: the label pairs of the head as small numbers, each text held once. A series is then a tuple of numbers:
 * what compares, hashes, indexes and logs it looks at no text.
 *
 * Invariants
 *  1. Equal pairs have one number, also while they come as different strings.
 *  2. 0 is no pair. A number that was given back (`free`) is given to another pair.
 */

import { assert } from "../../model/assert.js";
import type { Labels } from "../../model/labels.js";
import { sortTexts } from "../../model/text-order.js";
import { SortedTexts } from "./sorted-texts.js";

/** The pairs of one label name. */
export interface PairsOfName {
  readonly name: string;
  /** By value. */
  readonly pairs: Map<string, number>;
  readonly values: SortedTexts;
}

/** Labels behind so many are looked up by name. */
const lastPairsMax = 64;

export class PairTable {
  /** How often numbers were given back: what knows pairs by number must ask anew when it has changed. */
  freedCount = 0;
  readonly #names = new Map<string, PairsOfName>();
  #sortedNames: readonly string[] | undefined;
  /** By number. */
  readonly #namesOf: (PairsOfName | undefined)[] = [undefined];
  readonly #values: (string | undefined)[] = [undefined];
  readonly #free: number[] = [];
  /** By place in the labels that came last: that of the next ones, as a rule. */
  readonly #lastPairs: number[] = [];

  /** Pairs held. */
  get size(): number {
    return this.#values.length - 1 - this.#free.length;
  }

  /** All numbers are below this. */
  get pairsEnd(): number {
    return this.#values.length;
  }

  isHeld(pair: number): boolean {
    return this.#values[pair] !== undefined;
  }

  nameOf(pair: number): string {
    return this.#namesOf[pair]!.name;
  }

  valueOf(pair: number): string {
    return this.#values[pair]!;
  }

  pairsOf(name: string): PairsOfName | undefined {
    return this.#names.get(name);
  }

  all(): Iterable<PairsOfName> {
    return this.#names.values();
  }

  /** Sorted by bytes. */
  names(): readonly string[] {
    this.#sortedNames ??= sortTexts([...this.#names.keys()]);
    return this.#sortedNames;
  }

  /** The number of a pair, or 0. */
  find(name: string, value: string): number {
    return this.#names.get(name)?.pairs.get(value) ?? 0;
  }

  /** The number of a pair, a new one if there is none. */
  take(name: string, value: string): number {
    const ofName = this.#names.get(name) ?? this.#addName(name);
    return ofName.pairs.get(value) ?? this.#add(ofName, value);
  }

  /** Writes the numbers of the pairs of labels to `into`; returns false when one has none. */
  findAll(labels: Labels, into: Uint32Array): boolean {
    for (let i = 0; i < labels.size; i++) {
      const last = this.#lastAt(i, labels);
      const pair = last !== 0 ? last : this.find(labels.nameAt(i), labels.valueAt(i));
      if (pair === 0) return false;
      into[i] = pair;
      if (i < lastPairsMax) this.#lastPairs[i] = pair;
    }
    return true;
  }

  /** As `findAll`; gives numbers to pairs that have none. */
  takeAll(labels: Labels, into: Uint32Array): void {
    for (let i = 0; i < labels.size; i++) {
      const last = this.#lastAt(i, labels);
      const pair = last !== 0 ? last : this.take(labels.nameAt(i), labels.valueAt(i));
      into[i] = pair;
      if (i < lastPairsMax) this.#lastPairs[i] = pair;
    }
  }

  /** Forgets a pair that nobody has. */
  free(pair: number): void {
    const ofName = this.#namesOf[pair];
    assert(ofName !== undefined, "a pair is given back once");
    const value = this.#values[pair]!;
    ofName.pairs.delete(value);
    ofName.values.remove(value);
    this.#namesOf[pair] = undefined;
    this.#values[pair] = undefined;
    this.#free.push(pair);
    this.freedCount++;
    if (ofName.pairs.size > 0) return;
    this.#names.delete(ofName.name);
    this.#sortedNames = undefined;
  }

  /** The pair that was at this place the last time, if it is the one of these labels, else 0. */
  #lastAt(place: number, labels: Labels): number {
    const last = this.#lastPairs[place];
    if (last === undefined || this.#values[last] !== labels.valueAt(place)) return 0;
    return this.#namesOf[last]!.name === labels.nameAt(place) ? last : 0;
  }

  #addName(name: string): PairsOfName {
    const own = ownText(name);
    const ofName = { name: own, pairs: new Map<string, number>(), values: new SortedTexts() };
    this.#names.set(own, ofName);
    this.#sortedNames = undefined;
    return ofName;
  }

  #add(ofName: PairsOfName, value: string): number {
    const pair = this.#free.pop() ?? this.#values.length;
    const own = ownText(value);
    this.#namesOf[pair] = ofName;
    this.#values[pair] = own;
    ofName.pairs.set(own, pair);
    ofName.values.add(own);
    return pair;
  }
}

/** A copy: a part of a larger text, such as a request, would keep all of it alive. */
function ownText(text: string): string {
  return Buffer.from(text).toString();
}
