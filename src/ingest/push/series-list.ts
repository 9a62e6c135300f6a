/**
 * SeriesList: the series of an origin by number, as a reader of bodies knows them.
 *
 * A number may be given to another series, once nobody uses it any more. `turns` says how often each was given: whoever
 * keeps what was learnt of a number compares turns, and need not touch the series itself, which is seldom in a cache.
 */

import type { PushSeries } from "./push.js";

const smallest = 64;

export class SeriesList {
  readonly #series: PushSeries[] = [];
  /** Numbers that stand for no series any more. */
  readonly #free: number[] = [];
  #turns = new Uint32Array(smallest);

  constructor(series: readonly PushSeries[] = []) {
    for (const one of series) this.append(one);
  }

  get length(): number {
    return this.#series.length;
  }

  /** By number, 0 for one that was never given; borrowed until the next series comes. */
  get turns(): Uint32Array {
    return this.#turns;
  }

  at(number: number): PushSeries {
    return this.#series[number]!;
  }

  /** Returns the number of the series: one that is free, or the next. */
  add(series: PushSeries): number {
    const number = this.#free.pop();
    if (number === undefined) return this.append(series);
    this.#series[number] = series;
    this.#turns[number]!++;
    return number;
  }

  /** As `add`, behind all others. */
  append(series: PushSeries): number {
    const number = this.#series.push(series) - 1;
    if (number === this.#turns.length) this.#grow();
    this.#turns[number] = 1;
    return number;
  }

  /** Another object stands for the series from now on. */
  replace(number: number, series: PushSeries): void {
    this.#series[number] = series;
    this.#turns[number]!++;
  }

  /** The number stands for its series no longer than until it is given to another. */
  release(number: number): void {
    this.#free.push(number);
  }

  /** With the numbers as they are now. */
  copy(): SeriesList {
    return new SeriesList(this.#series);
  }

  #grow(): void {
    const turns = new Uint32Array(2 * this.#turns.length);
    turns.set(this.#turns);
    this.#turns = turns;
  }
}
