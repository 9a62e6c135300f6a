/**
 * HastyClock: the machine's clock, on which a pause of a second takes a few milliseconds; it remembers how long it was told
 * to wait.
 */

import { type Clock, systemClock } from "../../src/model/clock.js";

const factor = 200;

export class HastyClock implements Clock {
  readonly delays: number[] = [];
  /** Longer delays are deadlines, which are as they are. */
  longestMs = 30_000;

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  schedule(delayMs: number, task: () => void): () => void {
    this.delays.push(delayMs);
    return systemClock.schedule(delayMs <= this.longestMs ? delayMs / factor : delayMs, task);
  }
}
