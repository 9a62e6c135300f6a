/**
 * eventually: waits until what a test expects of sockets, processes and timers has come.
 *
 * One patience for all tests, far beyond what a busy machine needs: nobody waits that long but a test that fails. It looks
 * less often after a while, so that what it waits for has the processor.
 */

import { setTimeout as sleep } from "node:timers/promises";

const patienceMs = 60_000;
const longestPauseMs = 250;

/** Resolves when `check` no longer throws; rejects with what it threw last. */
export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  const end = performance.now() + patienceMs;
  for (let pauseMs = 10; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await sleep(pauseMs);
  }
}
