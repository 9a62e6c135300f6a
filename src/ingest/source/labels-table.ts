/**
 * LabelsTable: what belongs to label sets, found by hash and compared in full. Entries may be added and deleted while
 * it is walked.
 *
 * Entries are numbered; `#table` has their numbers, open addressing by hash, at most half full, 0 for none. A table of a
 * few entries has none: there may be a hundred thousand of those, and all of their entries are looked at as fast.
 */

import type { Labels } from "../../model/labels.js";

const untabledMax = 8;

export class LabelsTable<T> {
  /** Of entry i + 1; undefined where one was deleted. */
  #labels: (Labels | undefined)[] = [];
  #values: (T | undefined)[] = [];
  #free: number[] = [];
  #table: Int32Array | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(labels: Labels): T | undefined {
    const entry = this.#entryOf(labels);
    return entry === 0 ? undefined : this.#values[entry - 1];
  }

  /** Adds, or replaces what is there. */
  set(labels: Labels, value: T): void {
    const table = this.#table;
    const position = table === undefined ? 0 : this.#positionOf(table, labels);
    const known = table === undefined ? this.#entryOf(labels) : table[position]!;
    if (known !== 0) {
      this.#values[known - 1] = value;
      return;
    }
    const entry = this.#free.pop() ?? this.#labels.length + 1;
    this.#labels[entry - 1] = labels;
    this.#values[entry - 1] = value;
    this.#size++;
    if (table !== undefined) table[position] = entry;
    if (this.#size * 2 > (table?.length ?? 2 * untabledMax)) this.#rebuild();
  }

  delete(labels: Labels): void {
    const entry = this.#entryOf(labels);
    if (entry === 0) return;
    if (this.#table !== undefined) this.#closeGap(this.#table, this.#positionOf(this.#table, labels));
    this.#labels[entry - 1] = undefined;
    this.#values[entry - 1] = undefined;
    this.#free.push(entry);
    this.#size--;
    if (this.#size > 0) return;
    this.#labels = [];
    this.#values = [];
    this.#free = [];
    this.#table = undefined;
  }

  *[Symbol.iterator](): Generator<readonly [Labels, T]> {
    for (let i = 0; i < this.#labels.length; i++) {
      const labels = this.#labels[i];
      if (labels !== undefined) yield [labels, this.#values[i]!];
    }
  }

  *values(): Generator<T> {
    for (const [, value] of this) yield value;
  }

  /** The number of the entry; 0 when there is none. */
  #entryOf(labels: Labels): number {
    if (this.#table !== undefined) return this.#table[this.#positionOf(this.#table, labels)]!;
    for (let i = 0; i < this.#labels.length; i++) if (this.#labels[i]?.equals(labels)) return i + 1;
    return 0;
  }

  /** The position of the entry, or the free one where it belongs. */
  #positionOf(table: Int32Array, labels: Labels): number {
    const mask = table.length - 1;
    let position = labels.hash() & mask;
    for (;;) {
      const entry = table[position]!;
      if (entry === 0 || this.#labels[entry - 1]!.equals(labels)) return position;
      position = (position + 1) & mask;
    }
  }

  /** Empties a position: moves what was put behind it only because it was taken, and so on. */
  #closeGap(table: Int32Array, position: number): void {
    const mask = table.length - 1;
    let gap = position;
    for (let next = (gap + 1) & mask; table[next] !== 0; next = (next + 1) & mask) {
      const home = this.#labels[table[next]! - 1]!.hash() & mask;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      table[gap] = table[next]!;
      gap = next;
    }
    table[gap] = 0;
  }

  #rebuild(): void {
    const table = new Int32Array(this.#table === undefined ? 4 * untabledMax : this.#table.length * 2);
    for (let i = 0; i < this.#labels.length; i++) {
      const labels = this.#labels[i];
      if (labels !== undefined) table[this.#positionOf(table, labels)] = i + 1;
    }
    this.#table = table;
  }
}
