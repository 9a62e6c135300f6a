/**
 * Clock: the only source of time and of timers. Tests and the simulator pass their own.
 */

export interface Clock {
  /** Milliseconds since the epoch, UTC, an integer. May step back when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start, with a fraction; never goes back. For measuring durations. */
  monotonic(): number;
  /** Calls `task` once after `delayMs`; the returned function cancels. Does not keep the process alive. */
  schedule(delayMs: number, task: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
