/**
 * RowMemory: the series of each origin by number, and the bytes of earlier bodies that stand for them. One for each
 * protocol, since the same bytes may mean something else in another.
 *
 * Invariants
 *  1. What was remembered for an origin is seen by that origin alone, and goes with it.
 *  2. When all of it has more than `sizeMaxBytes`, everything is forgotten, and learnt again. Bodies under way go on with
 *     what they have until nothing of theirs waits.
 */

import { ByteKeys } from "./byte-keys.js";
import type { PushOrigin } from "./push.js";
import { SeriesList } from "./series-list.js";

const defaultSizeMaxBytes = 64 * 1024 * 1024;

export class RowMemory {
  readonly #sizeMaxBytes: number;
  #byOrigin = new WeakMap<PushOrigin, KnownRows>();
  #sizeBytes = 0;

  constructor(sizeMaxBytes = defaultSizeMaxBytes) {
    this.#sizeMaxBytes = sizeMaxBytes;
  }

  /** To be asked for by each body, and again by one that goes on for long. */
  of(origin: PushOrigin): KnownRows {
    if (this.#sizeBytes > this.#sizeMaxBytes) {
      this.#byOrigin = new WeakMap();
      this.#sizeBytes = 0;
    }
    let known = this.#byOrigin.get(origin);
    if (known === undefined) {
      known = { keys: new ByteKeys(), series: new SeriesList(), nodes: [] };
      this.#byOrigin.set(origin, known);
      this.#sizeBytes += known.keys.sizeBytes;
    }
    return known;
  }

  /** So many bytes more are held. */
  noteSize(sizeBytes: number): void {
    this.#sizeBytes += sizeBytes;
  }
}

/** What is known of one origin. */
export interface KnownRows {
  readonly keys: ByteKeys;
  readonly series: SeriesList;
  /** What a protocol remembers of those keys that are not series, but stand around some; by number, from 0. */
  readonly nodes: unknown[];
}
