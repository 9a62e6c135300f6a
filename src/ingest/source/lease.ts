/**
 * Leases: how long after a push the next one is missed, and how the interval between pushes is learnt when nobody
 * says it. Pure.
 *
 *   push ───── interval ───── due ───── interval ───── second due ── tolerance ── missed
 */

import type { TimestampMs } from "../../model/sample.js";

/** For sources of which nobody knows the interval yet: an instant selector forgets their samples at the same age. */
export const provisionalIntervalMs = 5 * 60_000;

/** Two missed pushes end a lease, give or take a tenth of the interval. */
export function leaseDurationMs(intervalMs: number): number {
  return 2 * intervalMs + Math.min(30_000, Math.max(1000, intervalMs / 10));
}

/** Pushes closer together than this are parts of one: a sender that splits what it has. */
const burstMs = 1000;
/** Shorter ones are not learnt: a lease of less would be missed by a hiccup of the network. */
const learntIntervalMinMs = 5000;
const gapsKept = 9;
const gapsNeeded = 2;

/** Learns the interval from the last pushes: the median of the gaps between them, after at least three pushes. */
export class IntervalLearner {
  readonly #gaps: number[] = [];
  #lastPush: TimestampMs | undefined;
  #learntMs: number | undefined;

  get intervalMs(): number | undefined {
    return this.#learntMs;
  }

  observe(push: TimestampMs): void {
    const last = this.#lastPush;
    if (last !== undefined && push - last < burstMs) return;
    this.#lastPush = push;
    if (last === undefined) return;
    this.#gaps.push(push - last);
    if (this.#gaps.length > gapsKept) this.#gaps.shift();
    if (this.#gaps.length >= gapsNeeded) this.#learntMs = Math.max(learntIntervalMinMs, median(this.#gaps));
  }
}

/** Of an even number the greater of the two in the middle: a lease is rather too long. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
