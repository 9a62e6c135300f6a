/**
 * GroupExpiry: finds groups that are over, with one timer for all.
 */

import type { Clock } from "../../model/clock.js";
import type { TimestampMs } from "../../model/sample.js";
import { DueQueue } from "../source/due-queue.js";
import type { Group } from "./group.js";

/** The longest delay that Node's timers take. */
const delayMaxMs = 2 ** 31 - 1;

export class GroupExpiry {
  readonly #clock: Clock;
  readonly #onOver: (groups: readonly Group[]) => void;
  readonly #due = new DueQueue<Group>();
  #cancelTimer: () => void = () => {};
  #isClosed = false;

  /** `onOver` is given groups whose time may have moved on since they were scheduled by the caller, but not before. */
  constructor(clock: Clock, onOver: (groups: readonly Group[]) => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** To be called when the time of a group has changed; `at` is when to look at it, if not then. */
  schedule(group: Group, at: TimestampMs = group.expiresAt): void {
    if (at === Infinity || this.#isClosed) return;
    this.#due.schedule(group, at);
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
  }

  #arm(): void {
    const next = this.#due.nextAt;
    this.#cancelTimer();
    if (next === undefined || this.#isClosed) return;
    const delayMs = Math.min(Math.max(0, next - this.#clock.now()), delayMaxMs);
    this.#cancelTimer = this.#clock.schedule(delayMs, () => this.#look());
  }

  #look(): void {
    const now = this.#clock.now();
    const over: Group[] = [];
    const later: Group[] = [];
    for (let group = this.#due.take(now); group !== undefined; group = this.#due.take(now))
      (group.expiresAt <= now ? over : later).push(group);
    for (const group of later) this.schedule(group);
    this.#arm();
    if (over.length > 0) this.#onOver(over);
  }
}
