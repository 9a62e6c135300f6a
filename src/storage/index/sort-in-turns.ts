/**
 * sortInTurns: a merge sort that gives way to others between its turns, for more numbers than fit into one.
 */

import { setImmediate as nextTurn } from "node:timers/promises";

/** Numbers moved between two turns of the event loop. */
const numbersPerTurn = 16_384;
/** Runs of this length are sorted at once. */
const runLength = 2048;

/** Sorts in place or into another array, which it returns. Equal numbers keep their order. */
export async function sortInTurns(
  numbers: Uint32Array,
  compare: (a: number, b: number) => number,
): Promise<Uint32Array> {
  let moved = 0;
  const giveWay = async (count: number) => {
    moved += count;
    if (moved < numbersPerTurn) return;
    moved = 0;
    await nextTurn();
  };
  for (let from = 0; from < numbers.length; from += runLength) {
    numbers.subarray(from, from + runLength).sort(compare);
    // Sorting a run takes as many comparisons as merging its numbers eleven times.
    await giveWay(8 * runLength);
  }
  let source = numbers;
  let target: Uint32Array = new Uint32Array(numbers.length);
  for (let length = runLength; length < numbers.length; length *= 2) {
    for (let from = 0; from < numbers.length; from += 2 * length) {
      const merge = new Merge(source, target, from, length);
      while (!merge.isDone) await giveWay(merge.move(numbersPerTurn, compare));
    }
    [source, target] = [target, source];
  }
  return source;
}

/** Two sorted neighbours of at most `length` numbers, being merged. */
class Merge {
  readonly #source: Uint32Array;
  readonly #target: Uint32Array;
  readonly #middle: number;
  readonly #end: number;
  #left: number;
  #right: number;
  #at: number;

  constructor(source: Uint32Array, target: Uint32Array, from: number, length: number) {
    this.#source = source;
    this.#target = target;
    this.#middle = Math.min(from + length, source.length);
    this.#end = Math.min(from + 2 * length, source.length);
    this.#left = from;
    this.#right = this.#middle;
    this.#at = from;
  }

  get isDone(): boolean {
    return this.#at === this.#end;
  }

  /** Moves at most `countMax` numbers and returns how many. */
  move(countMax: number, compare: (a: number, b: number) => number): number {
    const source = this.#source;
    const stop = Math.min(this.#end, this.#at + countMax);
    const from = this.#at;
    while (this.#at < stop) {
      const takesLeft =
        this.#right === this.#end ||
        (this.#left < this.#middle && compare(source[this.#left]!, source[this.#right]!) <= 0);
      this.#target[this.#at++] = takesLeft ? source[this.#left++]! : source[this.#right++]!;
    }
    return this.#at - from;
  }
}
