/**
 * LabelBuilder: a label set while rules change it: the labels it began with, and what was set and deleted since.
 */

import { Labels } from "../model/labels.js";

export class LabelBuilder {
  readonly #base: Labels;
  /** In the order in which they were first set; created with the first change, which most series never see. */
  #set: Map<string, string> | undefined;
  #deleted: Set<string> | undefined;

  constructor(base: Labels) {
    this.#base = base;
  }

  /** The empty string when there is no such label. */
  get(name: string): string {
    const value = this.#set?.get(name);
    if (value !== undefined) return value;
    return this.#deleted?.has(name) ? "" : this.#base.get(name);
  }

  /** An empty value deletes. */
  set(name: string, value: string): void {
    if (value === "") {
      this.delete(name);
      return;
    }
    this.#set ??= new Map();
    this.#set.set(name, value);
  }

  delete(name: string): void {
    this.#set?.delete(name);
    this.#deleted ??= new Set();
    this.#deleted.add(name);
  }

  /** A copy of what there is: first the labels that were never touched, then those that were set. */
  entries(): readonly (readonly [name: string, value: string])[] {
    const entries: (readonly [string, string])[] = [];
    for (const pair of this.#base) {
      if (!this.#deleted?.has(pair[0]) && !this.#set?.has(pair[0])) entries.push(pair);
    }
    return this.#set === undefined ? entries : entries.concat([...this.#set]);
  }

  /** The very labels it began with, when nothing is different in the end. */
  build(): Labels {
    return this.#isChanged() ? Labels.from(this.entries()) : this.#base;
  }

  #isChanged(): boolean {
    for (const [name, value] of this.#set ?? []) if (this.#base.get(name) !== value) return true;
    for (const name of this.#deleted ?? []) {
      if (!this.#set?.has(name) && this.#base.has(name)) return true;
    }
    return false;
  }
}
