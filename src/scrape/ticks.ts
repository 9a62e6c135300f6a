/**
 * Ticks: what is due at the same millisecond begins together, by one timer. Loops are due at multiples of a tenth of a
 * second (see `firstDelayMs`), so that scrapes come in small groups: each then finds the code and the caches of the
 * processor warm, the event loop wakes less often, and the log writes their commits at once (GatheredCommits).
 */

import type { Clock } from "../model/clock.js";
import type { TimestampMs } from "../model/sample.js";

/** `now` is the same for all that begin together: none is late because of those before it. */
type Task = (now: TimestampMs) => void;

interface Tick {
  readonly tasks: Set<Task>;
  readonly cancelTimer: () => void;
}

export class Ticks {
  readonly #clock: Clock;
  readonly #ticks = new Map<TimestampMs, Tick>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `task` once at `due`, by the machine's clock as it is set now; the returned function cancels. */
  at(due: TimestampMs, task: Task): () => void {
    let tick = this.#ticks.get(due);
    if (tick === undefined) {
      const delayMs = Math.max(0, due - this.#clock.now());
      tick = { tasks: new Set(), cancelTimer: this.#clock.schedule(delayMs, () => this.#begin(due)) };
      this.#ticks.set(due, tick);
    }
    const { tasks, cancelTimer } = tick;
    tasks.add(task);
    return () => {
      if (!tasks.delete(task) || tasks.size > 0 || this.#ticks.get(due)?.tasks !== tasks) return;
      this.#ticks.delete(due);
      cancelTimer();
    };
  }

  #begin(due: TimestampMs): void {
    const tasks = this.#ticks.get(due)?.tasks ?? [];
    this.#ticks.delete(due);
    const now = this.#clock.now();
    for (const task of tasks) task(now);
  }
}
