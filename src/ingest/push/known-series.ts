/**
 * KnownPushSeries: the series of one body by the texts that stand for them, with the help of what earlier bodies of the
 * same origin had. What is refused is remembered for this body only: it costs no memory afterwards, and may be taken the
 * next time.
 */

import type { KnownTexts, OriginMemory } from "./origin-memory.js";
import type { Push, PushSeries } from "./push.js";

/** Characters of refused texts that a body remembers before it starts afresh. */
const refusedTextMax = 4 * 1024 * 1024;

export type SeriesMemory = OriginMemory<PushSeries>;

export class KnownPushSeries {
  readonly #known: KnownTexts<PushSeries>;
  readonly #refused = new Map<string, PushSeries>();
  #refusedText = 0;

  constructor(push: Push, memory: SeriesMemory) {
    this.#known = memory.of(push.origin);
  }

  get(text: string): PushSeries | undefined {
    return this.#known.get(text) ?? this.#refused.get(text);
  }

  /** Returns the series. */
  set(text: string, series: PushSeries): PushSeries {
    if (series.refusal === undefined) this.#known.set(text, series);
    else this.#refuse(text, series);
    return series;
  }

  #refuse(text: string, series: PushSeries): void {
    this.#refusedText += text.length;
    if (this.#refusedText > refusedTextMax) {
      this.#refused.clear();
      this.#refusedText = text.length;
    }
    this.#refused.set(text, series);
  }
}
