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
  readonly #list: SeriesList;
  readonly #numbers = new Map<Source, number>();

  constructor(list: SeriesList) {
    this.#list = list;
  }

  /** Makes room for all numbers of the list. */
  reserve(): void {
    const { length } = this.#list;
    if (length <= this.refs.length) return;
    const capacity = Math.max(length, smallest, Math.ceil(this.refs.length * 1.5));
    const { refs, sourceNumbers, seenMinutes, turns } = this;
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
   * was not met for a while, or of a source with a life cycle, or lies too far in the future. Returns that row.
   */
  copyPlainRefs(rows: PushColumns, from: number, push: PlainRows, refs: Uint32Array): number {
    const { seriesIndexes, times, length } = rows;
    const { refs: knownRefs, sourceNumbers, seenMinutes, turns, plainPushes } = this;
    const turnsNow = this.#list.turns;
    const { number, seenFrom, latestTime } = push;
    let row = from;
    for (; row < length; row++) {
      const index = seriesIndexes[row]!;
      if (turns[index] !== turnsNow[index] || seenMinutes[index]! < seenFrom) break;
      if (plainPushes[sourceNumbers[index]!] !== number || times[row]! > latestTime) break;
      refs[row] = knownRefs[index]!;
    }
    return row;
  }

  /** Copies what the series says, which has a source. */
  learn(number: number, series: SourceSeries): void {
    if (this.sources[this.sourceNumbers[number]!] !== series.source)
      this.sourceNumbers[number] = this.#numberOf(series.source!);
    this.turns[number] = this.#list.turns[number]!;
    this.refs[number] = series.ref;
    this.seenMinutes[number] = series.lastSeenMinute;
  }

  /** The push has met the series, whose source has no life cycle. */
  notePlain(number: number, push: number): void {
    this.plainPushes[this.sourceNumbers[number]!] = push;
  }

  #numberOf(source: Source): number {
    let number = this.#numbers.get(source);
    if (number === undefined) {
      number = this.sources.push(source) - 1;
      this.#numbers.set(source, number);
      this.#reserveSources();
    }
    return number;
  }

  #reserveSources(): void {
    if (this.sources.length <= this.plainPushes.length) return;
    const { plainPushes } = this;
    this.plainPushes = new Float64Array(2 * plainPushes.length + smallest);
    this.plainPushes.set(plainPushes);
  }
}
