/**
 * TsdbQuerier: one read view over the head and all blocks.
 *
 * Each call takes the blocks and the head as they are and asks all of them before it first yields, so that it
 * sees a sample in a block or in the head while a cut moves it from one to the other: for a moment in both,
 * never in none.
 */

import { ClosedError } from "../model/errors.js";
import type { Matcher } from "../model/matcher.js";
import type { Querier, Queryable, SelectHints } from "../model/queryable.js";
import { rangesOverlap, type TimeRange } from "../model/sample.js";
import type { Series } from "../model/series.js";
import { sortTexts } from "../model/text-order.js";

/** A part of the database: the head or a block. */
export interface StoragePart extends Queryable {
  /** Times of its samples; undefined when it has none. */
  readonly range: TimeRange | undefined;
}

/** The parts as they are now, in order of precedence: of two samples with one time, the earlier part's counts. */
export type ReadParts = <T>(read: (parts: readonly StoragePart[]) => Promise<T>) => Promise<T>;

export class TsdbQuerier implements Querier {
  readonly #range: TimeRange;
  readonly #readParts: ReadParts;
  #isOpen = true;

  /** `readParts` runs a read on the present parts, and keeps them open until it settles. */
  constructor(range: TimeRange, readParts: ReadParts) {
    this.#range = range;
    this.#readParts = readParts;
  }

  async select(matchers: readonly Matcher[], hints: SelectHints = {}): Promise<readonly Series[]> {
    const lists = await this.#ask(hints.range, (querier) => querier.select(matchers, hints));
    return mergeSeries(lists);
  }

  async labelNames(matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    return mergeTexts(await this.#ask(undefined, (querier) => querier.labelNames(matchers)));
  }

  async labelValues(name: string, matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    return mergeTexts(await this.#ask(undefined, (querier) => querier.labelValues(name, matchers)));
  }

  close(): void {
    this.#isOpen = false;
  }

  /** Asks every part that may have samples in the range, all in this tick. */
  #ask<T>(range: TimeRange | undefined, question: (querier: Querier) => Promise<T>): Promise<readonly T[]> {
    if (!this.#isOpen) throw new ClosedError("the querier was closed before this call");
    const wanted = range ?? this.#range;
    return this.#readParts((parts) => {
      const overlapping = parts.filter(
        (part) => part.range !== undefined && rangesOverlap(part.range, wanted),
      );
      return allSettled(overlapping.map((part) => question(part.querier(this.#range))));
    });
  }
}

/** As Promise.all, but a failure is told only when nothing reads any more: the parts may be closed then. */
export async function allSettled<T>(answers: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(answers);
  return Promise.all(answers);
}

/** Lists in label order to one list; chunks of a series in the order of the lists. */
export function mergeSeries(lists: readonly (readonly Series[])[]): readonly Series[] {
  if (lists.length < 2) return lists[0] ?? [];
  const middle = lists.length >>> 1;
  return mergeTwo(mergeSeries(lists.slice(0, middle)), mergeSeries(lists.slice(middle)));
}

function mergeTwo(first: readonly Series[], second: readonly Series[]): readonly Series[] {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const merged: Series[] = [];
  let i = 0;
  let j = 0;
  while (i < first.length && j < second.length) {
    const a = first[i]!;
    const b = second[j]!;
    const order = a.labels.compare(b.labels);
    merged.push(order < 0 ? a : order > 0 ? b : { labels: a.labels, chunks: [...a.chunks, ...b.chunks] });
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return merged.concat(first.slice(i), second.slice(j));
}

function mergeTexts(lists: readonly (readonly string[])[]): readonly string[] {
  return lists.length === 1 ? lists[0]! : sortTexts([...new Set(lists.flat())]);
}
