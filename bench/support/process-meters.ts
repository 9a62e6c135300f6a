/**
 * What a benchmark reads of processes: of its own the memory after a garbage collection, time, and how long the event
 * loop stood; of others the CPU time.
 */

import { readFileSync } from "node:fs";
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

/** User and system time of a process so far; Linux counts in hundredths of a second. 0 where there is no /proc. */
export function cpuSecondsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

/** Memory of a process that lies in RAM: now, without what files back, and the most so far. Needs Linux. */
export function memoryOf(pid: number): {
  readonly residentMiB: number;
  readonly anonymousMiB: number;
  readonly highestMiB: number;
} {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const mebibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return {
    residentMiB: mebibytes("VmRSS"),
    anonymousMiB: mebibytes("RssAnon"),
    highestMiB: mebibytes("VmHWM"),
  };
}

/**
 * CPU time that the main thread has had, in ms, by Linux' scheduler: that of other threads and of other processes does
 * not count. To be called there.
 */
export function mainThreadCpuMs(): number {
  const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ");
  return Number(nanoseconds) / 1e6;
}

/** Watches the main thread until it is stopped: the turns of its event loop, in its own CPU time. */
export class TurnWatch {
  readonly #turns: number[] = [];
  readonly #timer: NodeJS.Timeout;
  #last = mainThreadCpuMs();

  constructor() {
    this.#timer = setInterval(() => {
      const now = mainThreadCpuMs();
      this.#turns.push(now - this.#last);
      this.#last = now;
    }, 1);
  }

  /** The longest turn, and how many took longer than 10 ms. */
  stop(): { readonly longestMs: number; readonly over10Ms: number } {
    clearInterval(this.#timer);
    return { longestMs: Math.max(...this.#turns), over10Ms: this.#turns.filter((ms) => ms > 10).length };
  }
}
