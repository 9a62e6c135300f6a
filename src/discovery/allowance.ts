/**
 * Allowance: how many lines of a log may be written: some at once, and then one at a time.
 */

import type { Clock } from "../model/clock.js";

export interface AllowanceLimits {
  readonly burst: number;
  /** Until there is one more. */
  readonly refillMs: number;
}

export class Allowance {
  readonly #clock: Clock;
  readonly #limits: AllowanceLimits;
  #left: number;
  #countedAt: number;

  constructor(clock: Clock, limits: AllowanceLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#left = limits.burst;
    this.#countedAt = clock.monotonic();
  }

  /** Takes one; 0 when there was one, else the milliseconds until there is. */
  take(): number {
    const { burst, refillMs } = this.#limits;
    const now = this.#clock.monotonic();
    const refills = Math.floor((now - this.#countedAt) / refillMs);
    this.#left = Math.min(burst, this.#left + refills);
    this.#countedAt += refills * refillMs;
    if (this.#left === 0) return this.#countedAt + refillMs - now;
    this.#left--;
    return 0;
  }
}
