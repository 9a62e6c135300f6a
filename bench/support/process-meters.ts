/**
 * What a benchmark reads of its own process: memory after a garbage collection, time, and how long the event loop stood.
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

export interface Measured {
  readonly ms: number;
  readonly cpuMs: number;
  /** The longest time for which no other turn of the event loop could come, in CPU time: others do not count. */
  readonly stallMs: number;
}

export async function measure(work: () => Promise<unknown>): Promise<Measured> {
  const cpu = process.cpuUsage();
  let stallMs = 0;
  let isDone = false;
  const began = performance.now();
  let last = cpu.user + cpu.system;
  const look = () => {
    const { user, system } = process.cpuUsage();
    stallMs = Math.max(stallMs, (user + system - last) / 1000);
    last = user + system;
    if (!isDone) setImmediate(look);
  };
  setImmediate(look);
  await work();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  isDone = true;
  look();
  return { ms, cpuMs: (user + system) / 1000, stallMs };
}
