/**
 * ReferenceLabelPairs: label fields in the usual form as numbers of label pairs, the oracle of
 * assembly/_label-pairs.ts.
 */

import type { LabelPair } from "./remote-write-kernel.js";

const textSizeMax = 124;
const pairsMax = 64;

export class ReferenceLabelPairs {
  /** By number, from 1. */
  readonly #pairs: LabelPair[] = [];
  readonly #numbers = new Map<string, number>();

  pair(number: number): LabelPair {
    return this.#pairs[number - 1]!;
  }

  /** Of the pairs, in order; undefined when the labels have another form, or no metric name. */
  split(labels: Uint8Array, limits: { readonly sizeMax: number; readonly labelsMax: number }) {
    const found = splitLabels(labels, Math.min(limits.sizeMax, textSizeMax));
    if (found === undefined || found.length > Math.min(limits.labelsMax, pairsMax)) return undefined;
    const isNamed = found.some(({ name }) => name === "__name__");
    return isNamed ? found.map((pair) => this.#numberOf(pair)) : undefined;
  }

  #numberOf(pair: LabelPair): number {
    const key = JSON.stringify([pair.name, pair.value]);
    const number = this.#numbers.get(key) ?? this.#pairs.push(pair);
    this.#numbers.set(key, number);
    return number;
  }
}

function splitLabels(labels: Uint8Array, most: number): readonly LabelPair[] | undefined {
  const pairs: LabelPair[] = [];
  let nameBefore = "";
  for (let at = 0; at < labels.length; ) {
    if (labels[at] !== 0x0a) return undefined;
    let size = labels[at + 1] ?? 0;
    at += 2;
    if (size >= 0x80) {
      const high = labels[at++] ?? 0xff;
      if (high >= 0x80) return undefined;
      size = (size & 0x7f) | (high << 7);
    }
    const end = at + size;
    const name = textOf(labels, at, 0x0a, most);
    const value = name && textOf(labels, at + 2 + name.length, 0x12, most);
    if (!name || !value || name.length + value.length + 4 !== size || end > labels.length) return undefined;
    if (name <= nameBefore) return undefined;
    pairs.push({ name, value });
    nameBefore = name;
    at = end;
  }
  return pairs;
}

/** The text of a field with this tag; undefined when it is not there, empty, too long, or not ASCII. */
function textOf(bytes: Uint8Array, at: number, tag: number, most: number): string | undefined {
  const size = bytes[at + 1] ?? 0;
  if (bytes[at] !== tag || size === 0 || size > most) return undefined;
  let text = "";
  for (const byte of bytes.subarray(at + 2, at + 2 + size)) {
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text.length === size ? text : undefined;
}
