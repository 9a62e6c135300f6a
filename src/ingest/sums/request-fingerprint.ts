/**
 * RequestFingerprint: what tells two requests with the same idempotency key apart. It is kept in a journal, so it is
 * defined by docs/format/sums.md, not by what hashes labels in memory: that may change with any version.
 */

import type { Labels } from "../../model/labels.js";

/** Of the definition. */
export const fingerprintVersion = 1;

const basis = 0x811c9dc5;
const prime = 0x01000193;
const textEnd = 0xff;

export class RequestFingerprint {
  #value = basis;
  readonly #amount = new Float64Array(1);
  readonly #words = new Uint32Array(this.#amount.buffer);

  get value(): number {
    return this.#value;
  }

  /** In the order of the request. */
  add(labels: Labels, amount: number): void {
    this.#amount[0] = amount;
    for (const word of [hashLabels(labels), this.#words[0]!, this.#words[1]!])
      this.#value = Math.imul(this.#value ^ word, prime) >>> 0;
  }
}

function hashLabels(labels: Labels): number {
  let hash = basis;
  for (let i = 0; i < labels.size; i++) hash = hashText(hashText(hash, labels.nameAt(i)), labels.valueAt(i));
  return hash === 0 ? 1 : hash;
}

function hashText(seed: number, text: string): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), prime);
  return Math.imul(hash ^ textEnd, prime);
}
