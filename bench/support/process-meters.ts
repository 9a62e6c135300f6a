/**
 * What a benchmark reads of its own process: memory after a garbage collection, and how long the event loop stood.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Heap, array buffers and what else is outside of the heap, in bytes. */
export function memoryInUse(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  // `external` counts the array buffers, too.
  return heapUsed + external;
}

/** Runs `work` and returns the longest time in ms for which no other turn of the event loop could come. */
export async function longestStall(work: () => Promise<unknown>): Promise<{ ms: number; stallMs: number }> {
  let stallMs = 0;
  let isDone = false;
  const began = performance.now();
  let last = began;
  const look = () => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last);
    last = now;
    if (!isDone) setImmediate(look);
  };
  setImmediate(look);
  await work();
  const ms = performance.now() - began;
  isDone = true;
  look();
  return { ms, stallMs };
}
