/**
 * OriginMemory: what the texts of earlier bodies of an origin were, as readers find it by the bytes that stand for a
 * series: so that a series that comes in every body is looked up once, not made of its labels each time.
 *
 * Invariants
 *  1. What was remembered for an origin is seen by that origin alone, and goes with it.
 *  2. All texts together have no more than `textMax` characters: then everything is forgotten, and learnt again.
 */

import type { PushOrigin } from "./push.js";

/** Characters of the texts of one protocol. */
const defaultTextMax = 32 * 1024 * 1024;

export class OriginMemory<Value> {
  readonly #textMax: number;
  #byOrigin = new WeakMap<PushOrigin, Map<string, Value>>();
  #text = 0;

  constructor(textMax = defaultTextMax) {
    this.#textMax = textMax;
  }

  /** To be asked for by each body. */
  of(origin: PushOrigin): KnownTexts<Value> {
    let values = this.#valuesOf(origin);
    let all = this.#byOrigin;
    const current = () => {
      if (all !== this.#byOrigin) {
        all = this.#byOrigin;
        values = this.#valuesOf(origin);
      }
      return values;
    };
    return {
      get: (text) => current().get(text),
      set: (text, value) => {
        this.noteText(text.length);
        current().set(text, value);
      },
    };
  }

  /** So many characters are kept besides, in a value. */
  noteText(length: number): void {
    this.#text += length;
    if (this.#text <= this.#textMax) return;
    this.#byOrigin = new WeakMap();
    this.#text = length;
  }

  #valuesOf(origin: PushOrigin): Map<string, Value> {
    const known = this.#byOrigin.get(origin);
    if (known !== undefined) return known;
    const values = new Map<string, Value>();
    this.#byOrigin.set(origin, values);
    return values;
  }
}

/** What one origin's texts were. */
export interface KnownTexts<Value> {
  get(text: string): Value | undefined;
  set(text: string, value: Value): void;
}
