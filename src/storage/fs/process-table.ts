/**
 * ProcessTable: which processes live, as far as the directory lock must know. Tests play it.
 */

import { readFileSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessTable {
  readonly ownPid: number;
  readonly hostName: string;
  /**
   * When a process of this machine started, as text that tells it from every other process that has or had its
   * pid; "" when it lives but that cannot be known; undefined when there is no such process, or one that has ended and
   * that its parent has not noticed yet (a zombie): it can neither write nor be stopped.
   */
  startTimeOf(pid: number): string | undefined;
}

export const machineProcesses: ProcessTable = {
  ownPid: process.pid,
  hostName: hostname(),
  startTimeOf(pid) {
    if (!isAlive(pid)) return undefined;
    const startTime = startTimeFromProc(pid);
    // Without /proc a process knows at least its own start.
    return startTime === "" && pid === process.pid ? `own:${performance.timeOrigin}` : startTime;
  },
};

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * The boot of the machine and the clock tick of the start: field 22 of /proc/PID/stat (3 is the state, 20 the number of
 * threads), counted behind the name in parentheses, which may hold anything. "" where there is no /proc.
 */
function startTimeFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, threads, ticks] = [fields[0], fields[17], fields[19]];
    // While more threads are counted than the first one, some of them are still writing.
    if (state === "Z" && Number(threads) <= 1) return undefined;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return ticks === undefined ? "" : `${boot}:${ticks}`;
  } catch {
    return "";
  }
}
