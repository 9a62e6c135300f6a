/**
 * acquireDirectoryLock: one process, once, has a data directory.
 *
 * The file `lock` names its holder: {"pid":7,"host":"attic","startTime":"..."} on one line. A holder is dead when its
 * pid is gone, or when the pid started at another time (pid 1 of a container that was restarted). A holder on
 * another host cannot be looked at and counts as alive. Content that cannot be read was left by a power loss.
 *
 * Taking over from a dead holder. Only the process that holds the *successor file* of a dead holder, named after it
 * and created exclusively, may replace its lock:
 *
 *   lock: dead 7 ── create lock.7.tick exclusively ── is `lock` still the dead 7's? ── rename it to lock
 *                       │ exists: its holder lives: refused              │ no: remove it, begin again
 *                       └ exists: its holder died too: take over from that one, by its own successor file
 *
 * While a process holds the successor file of `lock`'s holder, nobody else can change `lock`, so that the check
 * before the rename stays true; a slow process that read the old `lock` fails at this check. A chain of takers that
 * died is checked as a whole.
 */

import { LockedError } from "../../model/errors.js";
import { lockPath } from "./data-directory.js";
import type { FileSystem } from "./file-system.js";
import { machineProcesses, type ProcessTable } from "./process-table.js";
import { isNotFound, systemErrorCode } from "./storage-failure.js";

export interface DirectoryLock {
  /** Gives the directory free. May be called again. */
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly startTime: string;
}

/** Rejects with LockedError, which names the pid, when a live process (this one included) has the directory. */
export async function acquireDirectoryLock(
  fileSystem: FileSystem,
  directory: string,
  processes: ProcessTable = machineProcesses,
): Promise<DirectoryLock> {
  const path = lockPath(directory);
  const own: Holder = {
    pid: processes.ownPid,
    host: processes.hostName,
    startTime: processes.startTimeOf(processes.ownPid) ?? "",
  };
  const content = `${JSON.stringify(own)}\n`;
  while (!(await fileSystem.createExclusive(path, content))) {
    if (await takeOver(fileSystem, directory, content, processes)) break;
  }
  let isHeld = true;
  return {
    async release() {
      if (!isHeld) return;
      isHeld = false;
      await fileSystem.remove(path);
    },
  };
}

/**
 * As acquireDirectoryLock, for somebody who only reads: undefined, without a lock, where the file system is read-only,
 * as that of a backup may be, and no live process has the directory.
 */
export async function lockForReading(
  fileSystem: FileSystem,
  directory: string,
  processes: ProcessTable = machineProcesses,
): Promise<DirectoryLock | undefined> {
  try {
    return await acquireDirectoryLock(fileSystem, directory, processes);
  } catch (error) {
    if (systemErrorCode(error) === "EROFS") return undefined;
    throw error;
  }
}

/** False when the lock changed meanwhile: the caller begins again. */
async function takeOver(
  fileSystem: FileSystem,
  directory: string,
  content: string,
  processes: ProcessTable,
): Promise<boolean> {
  /** `lock`, its successor file, the successor file of that one's holder, ..., with what was read in each. */
  const chain: { readonly path: string; readonly content: string }[] = [];
  let path = lockPath(directory);
  do {
    const found = await contentOf(fileSystem, path);
    if (found === undefined) return false;
    const holder = parseHolder(found);
    if (holder !== undefined && isLive(holder, processes))
      throw new LockedError(
        directory,
        holder.pid,
        holder.host === processes.hostName ? undefined : holder.host,
      );
    chain.push({ path, content: found });
    path = successorPath(directory, holder, chain.length);
  } while (!(await fileSystem.createExclusive(path, content)));

  for (const link of chain) {
    if ((await contentOf(fileSystem, link.path)) === link.content) continue;
    await fileSystem.remove(path);
    return false;
  }
  await fileSystem.rename(path, lockPath(directory));
  for (const link of chain.slice(1)) await fileSystem.remove(link.path);
  return true;
}

function isLive(holder: Holder, processes: ProcessTable): boolean {
  if (holder.host !== processes.hostName) return true;
  const startTime = processes.startTimeOf(holder.pid);
  if (startTime === undefined) return false;
  return startTime === "" || holder.startTime === "" || startTime === holder.startTime;
}

/** The name may hold letters, digits, "." and "-" only; `depth` sets holders apart that cannot be read. */
function successorPath(directory: string, holder: Holder | undefined, depth: number): string {
  const name = holder === undefined ? `unreadable.${depth}` : `${holder.pid}.${holder.startTime}`;
  return `${lockPath(directory)}.${name.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`;
}

async function contentOf(fileSystem: FileSystem, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await fileSystem.readFile(path));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function parseHolder(content: string): Holder | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { pid, host, startTime } = parsed as Partial<Record<keyof Holder, unknown>>;
  if (typeof pid !== "number" || typeof host !== "string" || typeof startTime !== "string") return undefined;
  return Number.isInteger(pid) && pid > 0 ? { pid, host, startTime } : undefined;
}
