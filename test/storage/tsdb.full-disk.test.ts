import { describe, expect, it } from "vitest";
import { DiskFullError, PoisonedError, StorageError, WriteRefusedError } from "../../src/model/errors.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { storageFailure } from "../../src/storage/fs/storage-failure.js";
import type { TsdbEvent, TsdbOptions } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, type Ledger, observe, stage } from "../simulation/ledger.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import { seededRandom } from "../support/seeded-random.js";

const window = 10_000;
let processes = 0;

/** Opens a database whose ULIDs, clock and processes are its own. */
function opener(fileSystem: MemFileSystem, events: TsdbEvent[] = []) {
  const clock = new FakeClock(100 * window);
  const random = seededRandom(7);
  const open = (options: Partial<TsdbOptions> = {}): Promise<Tsdb> => {
    const ownPid = ++processes;
    return openTsdb({
      directory: "data",
      fileSystem,
      clock,
      blockDurationMs: window,
      randomBytes: (sizeBytes) => Uint8Array.from({ length: sizeBytes }, () => 256 * random()),
      onEvent: (event) => events.push(event),
      processes: {
        ownPid,
        hostName: "test",
        startTimeOf: (other) => (other === ownPid ? "now" : undefined),
      },
      ...options,
    });
  };
  return { open, clock };
}

/** A sample of each of two series every second. */
const samplesIn = (from: number, to: number) =>
  Array.from({ length: 2 * ((to - from) / 1000) }, (_, i) => ({
    series: i % 2 === 0 ? "even" : "odd",
    time: from + 1000 * (i >> 1),
    value: i,
  }));

async function sizeIn(tsdb: Tsdb): Promise<number> {
  return (await observe(tsdb)).size;
}

const messagesOf = (events: readonly TsdbEvent[]) =>
  events.map(({ level, message }) => `${level}: ${message}`);

async function temporariesIn(fileSystem: MemFileSystem): Promise<readonly string[]> {
  const names: string[] = [];
  for (const directory of ["data", "data/wal"]) names.push(...(await fileSystem.list(directory)));
  return names.filter((name) => name.includes(".tmp"));
}

describe("a commit on a full disk", () => {
  it("rejects and leaves nothing; reads go on, and so do commits when there is room", async () => {
    const fileSystem = new MemFileSystem();
    const events: TsdbEvent[] = [];
    const { open, clock } = opener(fileSystem, events);
    const tsdb = await open();
    await commitTo(tsdb.appender(), samplesIn(0, 5000));
    fileSystem.failAfter(0, "ENOSPC");
    for (let i = 0; i < 3; i++) {
      const refused = commitTo(tsdb.appender(), [{ series: "new", time: 1, value: 1 }]);
      await expect(refused).rejects.toThrow(WriteRefusedError);
      await expect(refused).rejects.toThrow("no space left");
    }
    expect(tsdb.status).toBe("open");
    expect(tsdb.describe().writeTrouble).toMatchObject({ kind: "refused", since: clock.now() });
    expect(await sizeIn(tsdb)).toBe(10);
    fileSystem.heal();
    await commitTo(tsdb.appender(), [{ series: "new", time: 2, value: 2 }]);
    expect(tsdb.describe().writeTrouble).toBeUndefined();
    expect(messagesOf(events)).toEqual([
      expect.stringMatching(
        /^error: writes are refused until there is room: no space left: cannot write data\/wal/,
      ),
      "info: writes are accepted again",
    ]);
    const before = await observe(tsdb);
    const reopened = await opener(fileSystem.kill()).open();
    expect(await observe(reopened)).toEqual(before);
    expect(reopened.describe().losses).toEqual([]);
  });

  it("tells of a disk that takes every other write once in a minute", async () => {
    const fileSystem = new MemFileSystem();
    const events: TsdbEvent[] = [];
    const { open } = opener(fileSystem, events);
    const tsdb = await open();
    for (let i = 0; i < 20; i++) {
      if (i % 2 === 0) fileSystem.failAfter(0, "ENOSPC");
      else fileSystem.heal();
      await commitTo(tsdb.appender(), samplesIn(i * 1000, i * 1000 + 1000)).catch(() => undefined);
    }
    expect(events.length).toBe(2);
  });

  it("says that it is poisoned, and since when", async () => {
    const fileSystem = new MemFileSystem();
    const { open, clock } = opener(fileSystem);
    const tsdb = await open();
    fileSystem.failAfter(0, "sync");
    await expect(commitTo(tsdb.appender(), samplesIn(0, 1000))).rejects.toThrow(PoisonedError);
    expect(tsdb.describe().writeTrouble).toMatchObject({ kind: "poisoned", since: clock.now() });
  });
});

/** A database with some windows to cut, then some blocks to compact. */
async function withWork(fileSystem: MemFileSystem, events: TsdbEvent[]) {
  const { open } = opener(fileSystem, events);
  const tsdb = await open();
  await commitTo(tsdb.appender(), samplesIn(0, 12 * window));
  return { tsdb, before: await observe(tsdb) };
}

/** Reads everything, reopens after a kill, and reads everything again. */
async function expectWhole(tsdb: Tsdb, fileSystem: MemFileSystem, before: Ledger): Promise<void> {
  expect(await observe(tsdb)).toEqual(before);
  const reopened = await opener(fileSystem.kill()).open();
  expect(await observe(reopened)).toEqual(before);
  expect(reopened.describe().losses).toEqual([]);
}

describe("maintenance on a full disk", () => {
  it("leaves everything readable and nothing behind, wherever it fails, and is done when there is room", async () => {
    let failed = 0;
    for (let steps = 0; ; steps += 2) {
      const fileSystem = new MemFileSystem();
      const events: TsdbEvent[] = [];
      const { tsdb, before } = await withWork(fileSystem, events);
      const started = fileSystem.operations;
      fileSystem.failAfter(steps, "ENOSPC");
      await tsdb.runMaintenance().catch((error: unknown) => expect(error).toBeInstanceOf(StorageError));
      const isPast = fileSystem.operations - started < steps;
      fileSystem.heal();
      if (isPast) break;
      const isTold = messagesOf(events).some((message) => /^(error|warning).*no space/.test(message));
      if (isTold) failed++;
      expect(await temporariesIn(fileSystem)).toEqual([]);
      await expectWhole(tsdb, fileSystem, before);

      await tsdb.runMaintenance();
      const { blocks, walBytes } = tsdb.describe();
      expect(blocks.length).toBeGreaterThan(0);
      expect(blocks.length).toBeLessThan(11);
      expect(walBytes).toBeLessThan(2000);
      await expectWhole(tsdb, fileSystem, before);
      await tsdb.close();
    }
    expect(failed).toBeGreaterThan(20);
  });

  it("does not begin a cut that would not fit", async () => {
    const fileSystem = new MemFileSystem();
    const events: TsdbEvent[] = [];
    const { tsdb, before } = await withWork(fileSystem, events);
    fileSystem.free = 100;
    await expect(tsdb.runMaintenance()).rejects.toThrow(DiskFullError);
    expect(messagesOf(events).at(-1)).toMatch(
      /^error: cutting the head failed, and will be tried again: no space left: a cut needs about \d+ bytes, and 100 are free in data$/,
    );
    expect(tsdb.describe().blocks).toEqual([]);
    fileSystem.free = 1_000_000;
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks.length).toBeGreaterThan(0);
    await expectWhole(tsdb, fileSystem, before);
  });

  it("puts off a compaction that would not fit, says so once, and drops what is too old all the same", async () => {
    const fileSystem = new MemFileSystem();
    const events: TsdbEvent[] = [];
    const { open, clock } = opener(fileSystem, events);
    const tsdb = await open({ retentionMs: 40 * window });
    // Enough for a cut of one window, and too little for two blocks.
    fileSystem.free = 800;
    await commitTo(tsdb.appender(), samplesIn(clock.now() - 38 * window, clock.now() - 37 * window));
    for (let pass = 0; pass < 12; pass++) {
      await commitTo(tsdb.appender(), samplesIn(clock.now(), clock.now() + window));
      clock.advance(window);
      await tsdb.runMaintenance();
    }
    const before = await observe(tsdb);
    const blockCount = tsdb.describe().blocks.length;
    expect(blockCount).toBeGreaterThan(7);
    expect(messagesOf(events)).toContain("info: dropped old blocks");
    const told = messagesOf(events).filter((message) => message.includes("put off"));
    expect(new Set(told).size).toBe(told.length);
    expect(told[0]).toMatch(
      /^warning: a compaction is put off until there is room: no space left: a compaction needs about \d+ bytes, and 800 are free in data$/,
    );
    fileSystem.free = Infinity;
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks.length).toBeLessThan(blockCount);
    await expectWhole(tsdb, fileSystem, before);
  });

  it("leaves nothing of a snapshot or an import that did not fit", async () => {
    const fileSystem = new MemFileSystem();
    const { tsdb, before } = await withWork(fileSystem, []);
    const imported = tsdb.bulkAppender();
    stage(imported, samplesIn(50 * window, 51 * window));
    for (const task of [
      () => tsdb.exchange.snapshot({ directory: "data/snapshots/one" }),
      () => imported.commit(),
    ]) {
      fileSystem.failAfter(6, "ENOSPC");
      await expect(task()).rejects.toThrow(DiskFullError);
      fileSystem.heal();
      expect(await temporariesIn(fileSystem)).toEqual([]);
    }
    expect(await fileSystem.list("data/snapshots")).toEqual([]);
    await expectWhole(tsdb, fileSystem, before);
  });
});

describe("a read that fails", () => {
  it("fails the queries that need the file, naming it, and nothing else", async () => {
    const fileSystem = new MemFileSystem();
    const { tsdb, before } = await withWork(fileSystem, []);
    await tsdb.runMaintenance();
    const files = new Set<string>();
    fileSystem.onOperation = ({ kind, path }) => {
      if (kind !== "read" || !path.includes("/chunks/")) return;
      files.add(path);
      if (path === [...files][0])
        throw storageFailure("read", path, Object.assign(new Error(), { code: "EIO" }));
    };
    const failing = observe(tsdb);
    await expect(failing).rejects.toThrow(StorageError);
    await expect(failing).rejects.toThrow(
      /^cannot read data\/\w+\/chunks\/000001: the device reports an input\/output error$/,
    );
    const newest = await observe(tsdb, { minTime: 11 * window, maxTime: ALL_TIME.maxTime });
    expect(newest.size).toBe(20);
    await commitTo(tsdb.appender(), [{ series: "even", time: 13 * window, value: 1 }]);
    fileSystem.onOperation = undefined;
    expect((await observe(tsdb)).size).toBe(before.size + 1);
  });
});

describe("a replay", () => {
  it("that takes longer than a second says how far it is", async () => {
    const fileSystem = new MemFileSystem();
    const { open } = opener(fileSystem);
    const tsdb = await open();
    for (let i = 0; i < 20; i++) await commitTo(tsdb.appender(), samplesIn(i * 1000, (i + 1) * 1000));
    const events: TsdbEvent[] = [];
    const { open: openAgain, clock } = opener(fileSystem.kill(), events);
    const slow = {
      now: () => clock.now(),
      schedule: clock.schedule.bind(clock),
      monotonic: () => (time += 300),
    };
    let time = 0;
    await openAgain({ clock: slow });
    const percents = events.flatMap(({ message, facts }) =>
      message === "replaying the log" ? [Number(facts!.percent)] : [],
    );
    expect(percents.length).toBeGreaterThan(3);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(percents.at(-1)).toBeLessThanOrEqual(100);
    expect(messagesOf(events).at(-1)).toBe("info: replayed the log");
  });

  it("that is quick says nothing of it", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await opener(fileSystem).open();
    await commitTo(tsdb.appender(), [{ series: "even", time: 1, value: 1 }]);
    const events: TsdbEvent[] = [];
    await opener(fileSystem.kill(), events).open();
    expect(messagesOf(events)).toEqual(["info: replayed the log"]);
  });
});
