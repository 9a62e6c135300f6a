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
   * pid; "" when it lives but that cannot be known; undefined when there is no such process.
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
 * The boot of the machine and the clock tick of the start: field 22 of /proc/PID/stat, counted behind the name in
 * parentheses, which may hold anything. "" where there is no /proc.
 */
function startTimeFromProc(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return ticks === undefined ? "" : `${boot}:${ticks}`;
  } catch {
    return "";
  }
}
