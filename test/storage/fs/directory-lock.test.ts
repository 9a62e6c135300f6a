import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { LockedError } from "../../../src/model/errors.js";
import { acquireDirectoryLock, type DirectoryLock } from "../../../src/storage/fs/directory-lock.js";
import { nodeFileSystem } from "../../../src/storage/fs/node-file-system.js";
import { machineProcesses, type ProcessTable } from "../../../src/storage/fs/process-table.js";
import { eventually } from "../../support/eventually.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";

/** A machine with these processes, as pid to start time. */
function machine(startTimes: Record<number, string>, ownPid: number, hostName = "attic"): ProcessTable {
  return { ownPid, hostName, startTimeOf: (pid) => startTimes[pid] };
}

async function withLock(content: string): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("data");
  await fileSystem.createExclusive("data/lock", content);
  return fileSystem;
}

const holder = (pid: number, startTime: string, host = "attic") =>
  `${JSON.stringify({ pid, host, startTime })}\n`;

describe("acquireDirectoryLock", () => {
  it("refuses a second process and names the first, until it is released", async () => {
    const fileSystem = await withLock(holder(7, "t7"));
    const processes = machine({ 7: "t7", 8: "t8" }, 8);
    const error = await acquireDirectoryLock(fileSystem, "data", processes).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(LockedError);
    expect(error).toMatchObject({ pid: 7, directory: "data" });
    await fileSystem.remove("data/lock");
    const lock = await acquireDirectoryLock(fileSystem, "data", processes);
    await expect(acquireDirectoryLock(fileSystem, "data", processes)).rejects.toMatchObject({ pid: 8 });
    await lock.release();
    await lock.release();
    expect(await fileSystem.list("data")).toEqual([]);
  });

  it.each([
    ["whose pid is gone", holder(7, "t7")],
    ["whose pid started at another time: pid 1 of a restarted container", holder(8, "earlier")],
    ["that cannot be read", '{"pid":'],
    ["that is empty", ""],
    ["with nonsense in it", '{"pid":-1,"host":"attic","startTime":"x"}'],
  ])("takes over a lock %s", async (_what, content) => {
    const fileSystem = await withLock(content);
    const lock = await acquireDirectoryLock(fileSystem, "data", machine({ 8: "t8" }, 8));
    expect(new TextDecoder().decode(await fileSystem.readFile("data/lock"))).toBe(holder(8, "t8"));
    expect(await fileSystem.list("data")).toEqual(["lock"]);
    await lock.release();
  });

  it("does not take over where it cannot look: another host, or a start time that is not known", async () => {
    const elsewhere = await withLock(holder(7, "t7", "cellar"));
    await expect(acquireDirectoryLock(elsewhere, "data", machine({ 8: "t8" }, 8))).rejects.toThrow(
      "process 7 on cellar",
    );
    const unknown = await withLock(holder(7, "t7"));
    await expect(acquireDirectoryLock(unknown, "data", machine({ 7: "", 8: "t8" }, 8))).rejects.toThrow(
      LockedError,
    );
  });

  it("takes over from a process that died while it took over", async () => {
    const fileSystem = await withLock(holder(7, "t7"));
    await fileSystem.createExclusive("data/lock.7.t7", holder(6, "t6"));
    await acquireDirectoryLock(fileSystem, "data", machine({ 8: "t8" }, 8));
    expect(new TextDecoder().decode(await fileSystem.readFile("data/lock"))).toBe(holder(8, "t8"));
    expect(await fileSystem.list("data")).toEqual(["lock"]);
  });

  it("gives the lock of a dead process to one of many takers, whatever their order", async () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seededRandom(seed);
      const shared = await withLock(holder(7, "t7"));
      if (seed % 2 === 0) await shared.createExclusive("data/lock.7.t7", holder(6, "t6"));
      const processes = { 1: "t1", 2: "t2", 3: "t3", 4: "t4" };
      const held: number[] = [];
      const attempts = Object.keys(processes).map(async (pid) => {
        try {
          const lock = await acquireDirectoryLock(
            slowed(shared, random),
            "data",
            machine(processes, Number(pid)),
          );
          held.push(Number(pid));
          return lock;
        } catch (error) {
          expect(error, `seed ${seed}`).toBeInstanceOf(LockedError);
          return undefined;
        }
      });
      const locks = (await Promise.all(attempts)).filter((lock): lock is DirectoryLock => lock !== undefined);
      expect(locks.length, `seed ${seed}: held by ${held}`).toBe(1);
      expect(await shared.list("data")).toEqual(["lock"]);
    }
  });
});

describe("machineProcesses", () => {
  it("knows itself, and that a process which ended is gone", async () => {
    expect(machineProcesses.startTimeOf(process.pid)).toBeTruthy();
    expect(machineProcesses.startTimeOf(process.pid)).toBe(machineProcesses.startTimeOf(process.pid));
    const child = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => child.on("close", resolve));
    expect(machineProcesses.startTimeOf(child.pid!)).toBeUndefined();
  });

  it.skipIf(process.platform !== "linux")("takes a zombie for a process that has ended", async () => {
    // The shell starts a process and becomes another one, which never asks for its children. A shell would: the child ends after that.
    const parent = spawn("sh", ["-c", "sleep 600 & echo $!; exec sleep 600"]);
    try {
      const [line] = (await once(parent.stdout, "data")) as [Buffer];
      const zombie = Number(line.toString());
      const stat = (pid: number) => readFileSync(`/proc/${pid}/stat`, "latin1");
      await eventually(() => expect(stat(parent.pid!)).toContain("(sleep)"));
      process.kill(zombie, "SIGKILL");
      await eventually(() => expect(stat(zombie)).toMatch(/\) Z /));
      expect(machineProcesses.startTimeOf(zombie)).toBeUndefined();
      expect(machineProcesses.startTimeOf(parent.pid!)).toBeTruthy();
    } finally {
      parent.kill("SIGKILL");
    }
  });

  it("locks a real directory", async () => {
    const directory = await mkdtemp(`${tmpdir()}/narthex-lock-`);
    const lock = await acquireDirectoryLock(nodeFileSystem, directory);
    await expect(acquireDirectoryLock(nodeFileSystem, directory)).rejects.toMatchObject({ pid: process.pid });
    await lock.release();
    await (await acquireDirectoryLock(nodeFileSystem, directory)).release();
    await rm(directory, { recursive: true });
  });
});

/** The same files, with up to eight turns of the microtask queue before and after each operation. */
function slowed(fileSystem: MemFileSystem, random: () => number): MemFileSystem {
  const pause = async () => {
    for (let turns = Math.floor(random() * 8); turns > 0; turns--) await null;
  };
  return new Proxy(fileSystem, {
    get(target, name: keyof MemFileSystem) {
      const member = target[name];
      if (typeof member !== "function") return member;
      return async (...parameters: never[]) => {
        await pause();
        const result: unknown = await (member as (...p: never[]) => unknown).apply(target, parameters);
        await pause();
        return result;
      };
    },
  });
}
