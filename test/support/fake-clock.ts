/**
 * FakeClock: a Clock that a test moves by hand.
 */

import type { Clock } from "../../src/model/clock.js";

export class FakeClock implements Clock {
  #now: number;
  #timers: { at: number; task: () => void }[] = [];

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  schedule(delayMs: number, task: () => void): () => void {
    const timer = { at: this.#now + delayMs, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** When the next timer is due; undefined when none is set. */
  get nextDue(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map(({ at }) => at));
  }

  /** Somebody sets it, back or ahead; timers stay as far away as they were. */
  set(time: number): void {
    this.#timers = this.#timers.map((timer) => ({ ...timer, at: timer.at - this.#now + time }));
    this.#now = time;
  }

  /** Moves the time and runs every timer that comes due, in order. */
  advance(durationMs: number): void {
    const end = this.#now + durationMs;
    for (let due = this.nextDue; due !== undefined && due <= end; due = this.nextDue) {
      this.#now = Math.max(this.#now, due);
      const timer = this.#timers.find(({ at }) => at === due)!;
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.task();
    }
    this.#now = end;
  }
}
