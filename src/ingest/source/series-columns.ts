/**
 * SeriesColumns: what pushes by columns read of each series of a list, by its number in the list, so that a sample
 * of a series without a life cycle costs no look at an object of its own.
 *
 * Copies of what SourceSeries say: taken when a push meets a number for the first time, or when it was given to another
 * series meanwhile, which the turns of the list tell.
 */

import type { TimestampMs } from "../../model/sample.js";
import type { PushColumns } from "../push/push.js";
import type { SeriesList } from "../push/series-list.js";
import type { Source } from "./source.js";
import type { SourceSeries } from "./source-series.js";

const smallest = 64;

/** What holds for the rows of a push that need no look. */
export interface PlainRows {
  /** Of the push. */
  readonly number: number;
  /** In this minute, or later, their series were met. */
  readonly seenFrom: number;
  readonly latestTime: TimestampMs;
}

export class SeriesColumns {
  /** SeriesRefs; 0 for none. */
  refs = new Uint32Array(0);
  /** Whose the series is: of `sources`. */
  sourceNumbers = new Uint32Array(0);
  /** The minute of the last push that had it. */
  seenMinutes = new Uint32Array(0);
  /** The turn of the number when it was learnt; 0 for never. */
  turns = new Uint32Array(0);
  readonly sources: Source[] = [];
  /** By number of the source, the last push that has met it and found it without a life cycle. */
  plainPushes = new Float64Array(0);
  /** As `plainPushes`, the last push that has found it with a life cycle, and needs no look at those of its series that live. */
  livePushes = new Float64Array(0);
  readonly #list: SeriesList;
  /** 1 for a series without an object of its own that is counted. */
  #shared = new Uint8Array(0);
  readonly #numbers = new Map<Source, number>();
  #lastNumber = 0;
  /** Where `forgetIdle` goes on. */
  #swept = 0;

  constructor(list: SeriesList) {
    this.#list = list;
  }

  /** Makes room for all numbers of the list. */
  reserve(): void {
    const { length } = this.#list;
    if (length <= this.refs.length) return;
    const capacity = Math.max(length, smallest, Math.ceil(this.refs.length * 1.5));
    const { refs, sourceNumbers, seenMinutes, turns } = this;
    const shared = this.#shared;
    this.#shared = new Uint8Array(capacity);
    this.#shared.set(shared);
    this.refs = new Uint32Array(capacity);
    this.sourceNumbers = new Uint32Array(capacity);
    this.seenMinutes = new Uint32Array(capacity);
    this.turns = new Uint32Array(capacity);
    this.refs.set(refs);
    this.sourceNumbers.set(sourceNumbers);
    this.seenMinutes.set(seenMinutes);
    this.turns.set(turns);
  }

  /**
   * Copies the refs of rows, from `from` on, to `refs`, up to the first that must be looked at: it is of a series that
   * was not met for a while, or of a source that the push has not met, or not live although its source has a life cycle,
   * or lies too far in the future. Returns that row.
   */
  copyPlainRefs(rows: PushColumns, from: number, push: PlainRows, refs: Uint32Array): number {
    const { seriesIndexes, times, length } = rows;
    const { refs: knownRefs, sourceNumbers, seenMinutes, turns, plainPushes, livePushes } = this;
    const turnsNow = this.#list.turns;
    const { number, seenFrom, latestTime } = push;
    let row = from;
    for (; row < length; row++) {
      const index = seriesIndexes[row]!;
      if (turns[index] !== turnsNow[index] || seenMinutes[index]! < seenFrom) break;
      if (times[row]! > latestTime) break;
      const source = sourceNumbers[index]!;
      if (plainPushes[source] !== number && (livePushes[source] !== number || !this.#isLive(index))) break;
      refs[row] = knownRefs[index]!;
    }
    return row;
  }

  /** Copies what the series says, which has a source. Returns whether it is one of `countShared` from now on. */
  learn(number: number, series: SourceSeries): boolean {
    if (this.sources[this.sourceNumbers[number]!] !== series.source)
      this.sourceNumbers[number] = this.#numberOf(series.source!);
    this.turns[number] = this.#list.turns[number]!;
    this.refs[number] = series.ref;
    this.seenMinutes[number] = series.lastSeenMinute;
    const wasShared = this.#shared[number] === 1;
    this.#shared[number] = series.isShared ? 1 : 0;
    return series.isShared && !wasShared;
  }

  /** As `learn`, of a number that the list has just given to a series without an object of its own. */
  learnShared(
    number: number,
    shared: SourceSeries,
    seen: { readonly ref: number; readonly minute: number },
  ): void {
    this.reserve();
    this.sourceNumbers[number] = this.#numberOf(shared.source!);
    this.turns[number] = this.#list.turns[number]!;
    this.refs[number] = seen.ref;
    this.seenMinutes[number] = seen.minute;
    this.#shared[number] = 1;
  }

  /** The series without objects of their own: how many there are of each source. */
  countShared(): ReadonlyMap<Source, number> {
    const counts = new Map<Source, number>();
    for (let number = 0; number < this.#list.length; number++) {
      if (this.#shared[number] !== 1) continue;
      const source = this.sources[this.sourceNumbers[number]!]!;
      counts.set(source, (counts.get(source) ?? 0) + 1);
    }
    return counts;
  }

  /** Forgets a series; when it is pushed again it is learnt again. Returns whether it was one of `countShared`. */
  forget(number: number): boolean {
    const wasShared = this.#shared[number] === 1;
    this.turns[number] = 0;
    this.#shared[number] = 0;
    return wasShared;
  }

  /** As `forget`, of those of `countShared` among the next `count` that were not seen since a minute. */
  forgetIdle(before: number, count: number, onForgotten: (source: Source) => void): void {
    const { length } = this.#list;
    for (const end = Math.min(length, this.#swept + count); this.#swept < end; this.#swept++) {
      const isIdle = this.#shared[this.#swept] === 1 && this.seenMinutes[this.#swept]! <= before;
      if (isIdle && this.forget(this.#swept)) onForgotten(this.sources[this.sourceNumbers[this.#swept]!]!);
    }
    if (this.#swept === length) this.#swept = 0;
  }

  /** The push has met the series, whose source has no life cycle. */
  notePlain(number: number, push: number): void {
    this.plainPushes[this.sourceNumbers[number]!] = push;
  }

  /** The push has met the series, whose source has a life cycle. */
  noteLive(number: number, push: number): void {
    this.livePushes[this.sourceNumbers[number]!] = push;
  }

  #isLive(number: number): boolean {
    return (this.#list.at(number) as SourceSeries).isLive;
  }

  #numberOf(source: Source): number {
    if (this.sources[this.#lastNumber] === source) return this.#lastNumber;
    let number = this.#numbers.get(source);
    if (number === undefined) {
      number = this.sources.push(source) - 1;
      this.#numbers.set(source, number);
      this.#reserveSources();
    }
    this.#lastNumber = number;
    return number;
  }

  #reserveSources(): void {
    if (this.sources.length <= this.plainPushes.length) return;
    const { plainPushes, livePushes } = this;
    this.plainPushes = new Float64Array(2 * plainPushes.length + smallest);
    this.livePushes = new Float64Array(2 * plainPushes.length + smallest);
    this.plainPushes.set(plainPushes);
    this.livePushes.set(livePushes);
  }
}
