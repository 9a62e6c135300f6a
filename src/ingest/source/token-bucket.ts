/**
 * TokenBucket: so many a second in the mean, some seconds' worth at once. What one taker takes may be more than there
 * is: the debt is then paid off before the next one may take, so that a body larger than the bucket passes once.
 */

import type { TimestampMs } from "../../model/sample.js";

/** A full bucket holds this much of its rate. */
const burstSeconds = 10;

export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  readonly #debtMax: number;
  #tokens: number;
  #asOf: TimestampMs;

  /** `perSecond` may be Infinity. A debt beyond `debtMaxSeconds` of the rate is forgiven. */
  constructor(perSecond: number, now: TimestampMs, debtMaxSeconds = Infinity) {
    this.#perMs = perSecond / 1000;
    this.#capacity = Math.max(1, perSecond * burstSeconds);
    this.#debtMax = perSecond * debtMaxSeconds;
    this.#tokens = this.#capacity;
    this.#asOf = now;
  }

  /** 0 when something may be taken, else after how long it may. */
  waitMs(now: TimestampMs): number {
    if (this.#capacity === Infinity) return 0;
    this.#fill(now);
    return this.#tokens > 0 ? 0 : Math.floor(-this.#tokens / this.#perMs) + 1;
  }

  /** How much of it was there; the rest is debt. */
  take(amount: number, now: TimestampMs): number {
    if (this.#capacity === Infinity) return amount;
    this.#fill(now);
    const covered = Math.min(amount, Math.max(0, this.#tokens));
    this.#tokens = Math.max(this.#tokens - amount, -this.#debtMax);
    return covered;
  }

  /** Whether it is as if it had never been used. */
  isFull(now: TimestampMs): boolean {
    if (this.#capacity === Infinity) return true;
    this.#fill(now);
    return this.#tokens >= this.#capacity;
  }

  /** A clock that was set back fills nothing, and takes nothing away. */
  #fill(now: TimestampMs): void {
    const elapsedMs = Math.max(0, now - this.#asOf);
    this.#asOf = now;
    this.#tokens = Math.min(this.#capacity, this.#tokens + elapsedMs * this.#perMs);
  }
}
