/**
 * What signals do to a process that serves: it closes, and reads its configuration again.
 */

import type { DatabaseEvent } from "../api.js";

/** Waits for one of the signals, closes, and resolves with the exit code; a second one ends the process at once. */
export function closeOnSignal(
  served: { close(): Promise<void> },
  signals: readonly NodeJS.Signals[],
  onEvent: (event: DatabaseEvent) => void,
): Promise<number> {
  return new Promise((resolve) => {
    let received = 0;
    const stop = (signal: NodeJS.Signals) => {
      received++;
      if (received > 1) process.exit(1);
      onEvent({ level: "info", message: "closing; a second signal ends at once", facts: { signal } });
      served.close().then(
        () => resolve(0),
        (error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error);
          onEvent({ level: "error", message: `closing failed: ${reason}` });
          resolve(1);
        },
      );
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

/** Reads the configuration again on each SIGHUP. What comes of it is told as events. */
export function reloadOnSignal(served: { reload(): Promise<void> }): void {
  process.on("SIGHUP", () => {
    served.reload().catch(() => {});
  });
}
