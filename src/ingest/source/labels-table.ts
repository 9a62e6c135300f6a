/**
 * LabelsTable: what belongs to label sets, found by hash and compared in full. Entries may be added and deleted while
 * it is walked.
 */

import type { Labels } from "../../model/labels.js";

export class LabelsTable<T> {
  readonly #entries = new Map<number, Entry<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(labels: Labels): T | undefined {
    let entry = this.#entries.get(labels.hash());
    while (entry !== undefined && !entry.labels.equals(labels)) entry = entry.next;
    return entry?.value;
  }

  /** Adds, or replaces what is there. */
  set(labels: Labels, value: T): void {
    const hash = labels.hash();
    const first = this.#entries.get(hash);
    for (let entry = first; entry !== undefined; entry = entry.next) {
      if (!entry.labels.equals(labels)) continue;
      entry.value = value;
      return;
    }
    this.#entries.set(hash, { labels, value, next: first });
    this.#size++;
  }

  delete(labels: Labels): void {
    const hash = labels.hash();
    const first = this.#entries.get(hash);
    let before: Entry<T> | undefined;
    for (let entry = first; entry !== undefined; before = entry, entry = entry.next) {
      if (!entry.labels.equals(labels)) continue;
      if (before !== undefined) before.next = entry.next;
      else if (entry.next !== undefined) this.#entries.set(hash, entry.next);
      else this.#entries.delete(hash);
      this.#size--;
      return;
    }
  }

  *[Symbol.iterator](): Generator<readonly [Labels, T]> {
    for (const first of this.#entries.values()) {
      for (let entry: Entry<T> | undefined = first; entry !== undefined; entry = entry.next)
        yield [entry.labels, entry.value];
    }
  }

  *values(): Generator<T> {
    for (const [, value] of this) yield value;
  }
}

interface Entry<T> {
  readonly labels: Labels;
  value: T;
  /** Other labels with the same hash. */
  next: Entry<T> | undefined;
}
