/**
 * LengthSummary: how long something took, each time: number, sum, and quantiles of the last ten minutes.
 */

import type { Clock } from "../model/clock.js";
import type { LengthSummaryStatus } from "./status.js";

/** So many are remembered at most: the last ones. */
const rememberedMax = 1024;
const rememberedMs = 10 * 60_000;

export class LengthSummary implements LengthSummaryStatus {
  readonly #clock: Clock;
  readonly #seconds: number[] = [];
  /** When each was observed, by the monotonic clock. */
  readonly #times: number[] = [];
  count = 0;
  sumSeconds = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  observe(lengthMs: number): void {
    const place = this.count % rememberedMax;
    this.#seconds[place] = lengthMs / 1000;
    this.#times[place] = this.#clock.monotonic();
    this.count++;
    this.sumSeconds += lengthMs / 1000;
  }

  quantiles(ranks: readonly number[]): readonly number[] {
    const since = this.#clock.monotonic() - rememberedMs;
    const recent = this.#seconds.filter((_, i) => this.#times[i]! > since).sort((a, b) => a - b);
    return ranks.map((rank) => recent[Math.max(0, Math.ceil(rank * recent.length) - 1)] ?? Number.NaN);
  }
}
