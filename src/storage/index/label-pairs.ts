/**
 * sortLabelPairs: the labels of all series in the order of postings: by name, by value, and within one pair by series.
 *
 * Two counting sorts, by value and then by name, each of which keeps the order of equals.
 *
 * Memory: 12 bytes per label, 8 per pair, and 4 per symbol.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { IndexContent } from "./index-content.js";

/** Labels visited between two turns of the event loop. */
const labelsPerTurn = 1 << 15;

/** A label pair, with the places of its series in `LabelPairs.series`. */
export interface LabelPair {
  readonly nameId: number;
  readonly valueId: number;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** `ranks` holds for each symbol id the place of its text in byte order. */
export async function sortLabelPairs(content: IndexContent, ranks: Uint32Array): Promise<LabelPairs> {
  const { labelIds } = content;
  const byValue = await countingSort(content.labelCount, ranks.length, (i) => ranks[labelIds[2 * i + 1]!]!);
  const order = await countingSort(
    content.labelCount,
    ranks.length,
    (i) => ranks[labelIds[2 * byValue[i]!]!]!,
  );
  for (let i = 0; i < order.length; i++) {
    if (i % labelsPerTurn === labelsPerTurn - 1) await nextTurn();
    order[i] = byValue[order[i]!]!;
  }
  return new LabelPairs(labelIds, order, {
    starts: await startsOfPairs(labelIds, order),
    seriesOf: await seriesOfLabels(content, byValue),
  });
}

export class LabelPairs {
  readonly #labelIds: Uint32Array;
  /** Numbers of labels, in order. */
  readonly #order: Uint32Array;
  /** By pair, the place of its first label in the order. */
  readonly #starts: readonly number[];
  /** By number of label. */
  readonly #seriesOf: Uint32Array;

  constructor(
    labelIds: Uint32Array,
    order: Uint32Array,
    { starts, seriesOf }: { readonly starts: readonly number[]; readonly seriesOf: Uint32Array },
  ) {
    this.#labelIds = labelIds;
    this.#order = order;
    this.#starts = starts;
    this.#seriesOf = seriesOf;
  }

  /** The number of the series at a place; those of one pair increase. */
  seriesAt(place: number): number {
    return this.#seriesOf[this.#order[place]!]!;
  }

  /** By name, then by value, in byte order. */
  *[Symbol.iterator](): Generator<LabelPair> {
    for (const [pair, from] of this.#starts.entries()) {
      const label = this.#order[from]!;
      const to = this.#starts[pair + 1] ?? this.#order.length;
      yield { nameId: this.#labelIds[2 * label]!, valueId: this.#labelIds[2 * label + 1]!, from, to };
    }
  }
}

async function startsOfPairs(labelIds: Uint32Array, order: Uint32Array): Promise<readonly number[]> {
  const starts: number[] = [];
  let nameId = -1;
  let valueId = -1;
  for (let place = 0; place < order.length; place++) {
    if (place % labelsPerTurn === labelsPerTurn - 1) await nextTurn();
    const label = order[place]!;
    if (labelIds[2 * label] === nameId && labelIds[2 * label + 1] === valueId) continue;
    nameId = labelIds[2 * label]!;
    valueId = labelIds[2 * label + 1]!;
    starts.push(place);
  }
  return starts;
}

/** The numbers below `count` in the order of their keys, which are below `keyCount`. */
async function countingSort(
  count: number,
  keyCount: number,
  keyOf: (number: number) => number,
): Promise<Uint32Array> {
  const next = new Uint32Array(keyCount + 1);
  for (let i = 0; i < count; i++) {
    if (i % labelsPerTurn === labelsPerTurn - 1) await nextTurn();
    next[keyOf(i) + 1]!++;
  }
  for (let key = 1; key <= keyCount; key++) next[key]! += next[key - 1]!;
  const sorted = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    if (i % labelsPerTurn === labelsPerTurn - 1) await nextTurn();
    sorted[next[keyOf(i)]!++] = i;
  }
  return sorted;
}

/** By number of label; `into` is overwritten. */
async function seriesOfLabels(content: IndexContent, into: Uint32Array): Promise<Uint32Array> {
  let label = 0;
  for (let series = 0; series < content.seriesCount; series++) {
    if (series % labelsPerTurn === labelsPerTurn - 1) await nextTurn();
    for (const end = content.labelsEnd(series) / 2; label < end; label++) into[label] = series;
  }
  return into;
}
