/**
 * eventually: waits until what a test expects of sockets, processes and timers has come.
 *
 * One patience for all tests, far beyond what a busy machine needs: nobody waits that long but a test that fails.
 */

import { vi } from "vitest";

const patienceMs = 60_000;

/** Resolves when `check` no longer throws; rejects with what it threw last. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, patienceMs);
}
