/**
 * A data directory on a file system that is read-only, as a backup is: it cannot be opened for writing, and says why;
 * it can be read, checked, and imported elsewhere.
 */

import { describe, expect, it } from "vitest";
import { InvalidArgumentError, LockedError, StorageError } from "../../src/model/errors.js";
import { storageFailure } from "../../src/storage/fs/storage-failure.js";
import { checkDirectory } from "../../src/storage/tsdb/check-directory.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, observe, type SimulatedSample } from "../simulation/ledger.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const samples: readonly SimulatedSample[] = [1, 2, 3].map((time) => ({ series: "a", time, value: time }));
const processesOf = (ownPid: number, alive = ownPid) => ({
  ownPid,
  hostName: "here",
  startTimeOf: (pid: number) => (pid === ownPid || pid === alive ? "now" : undefined),
});

function open(fileSystem: MemFileSystem, directory: string, ownPid: number): Promise<Tsdb> {
  const processes = processesOf(ownPid);
  return openTsdb({ directory, fileSystem, clock: new FakeClock(10), processes });
}

/** What process 1 left in `data` when it was killed: a log. Nothing in there can be changed. */
async function mountReadOnly(): Promise<MemFileSystem> {
  const writable = new MemFileSystem();
  const tsdb = await open(writable, "data", 1);
  await commitTo(tsdb.appender(), samples);
  const fileSystem = writable.kill();
  await tsdb.close();
  return refusingWrites(fileSystem, "data");
}

function refusingWrites(fileSystem: MemFileSystem, directory: string): MemFileSystem {
  const { create, remove, makeDirectory, rename, createExclusive } = MemFileSystem.prototype;
  const refuse = (path: string) => {
    if (path.startsWith(directory))
      throw storageFailure("create", path, Object.assign(new TypeError("EROFS"), { code: "EROFS" }));
  };
  return Object.assign(fileSystem, {
    async create(path: string) {
      refuse(path);
      return create.call(fileSystem, path);
    },
    async remove(path: string) {
      refuse(path);
      return remove.call(fileSystem, path);
    },
    async makeDirectory(path: string) {
      refuse(path);
      return makeDirectory.call(fileSystem, path);
    },
    async rename(from: string, to: string) {
      refuse(from);
      return rename.call(fileSystem, from, to);
    },
    async createExclusive(path: string, content: string) {
      // That a file exists is told first.
      if (await fileSystem.readFile(path).catch(() => undefined)) return false;
      refuse(path);
      return createExclusive.call(fileSystem, path, content);
    },
  });
}

/** Everything below a directory, a line for each file. */
async function snapshotOf(fileSystem: MemFileSystem, directory: string): Promise<string[]> {
  const lines: string[] = [];
  for (const name of await fileSystem.list(directory)) {
    const path = `${directory}/${name}`;
    if (name.endsWith("/")) lines.push(...(await snapshotOf(fileSystem, path.slice(0, -1))));
    else lines.push(`${path} ${Buffer.from(await fileSystem.readFile(path)).toString("base64")}`);
  }
  return lines;
}

const openReadOnly = (fileSystem: MemFileSystem, clock = new FakeClock(10)) =>
  openTsdb({ directory: "data", fileSystem, clock, readOnly: true, processes: processesOf(2) });

describe("a database that is only read", () => {
  it("needs no medium that can be written to, and changes nothing", async () => {
    const fileSystem = await mountReadOnly();
    const before = await snapshotOf(fileSystem, "data");
    const tsdb = await openReadOnly(fileSystem);
    expect((await observe(tsdb)).size).toBe(samples.length);
    await tsdb.exchange.exportBlocks({ selectors: [], range: { minTime: 0, maxTime: 9 } }, "out");
    await tsdb.close();
    expect(await snapshotOf(fileSystem, "data")).toEqual(before);
  });

  it("changes nothing where it could: no torn tail, no unfinished block, no maintenance", async () => {
    const writable = new MemFileSystem();
    const first = await open(writable, "data", 1);
    const hour = 3_600_000;
    const spread = [0, 1, 2, 3, 9].map((time) => ({ series: "a", time: time * hour, value: time }));
    for (const each of spread) await commitTo(first.bulkAppender(), [each]);
    await commitTo(
      first.appender(),
      spread.map((each) => ({ ...each, series: "b" })),
    );
    const fileSystem = writable.kill();
    await first.close();
    await fileSystem.makeDirectory("data/01J00000000000000000000009.tmp/chunks");
    const [segment] = (await fileSystem.list("data/wal")).filter((name) => /^\d+$/.test(name));
    const path = `data/wal/${segment}`;
    const bytes = await fileSystem.readFile(path);
    await fileSystem.remove(path);
    const file = await fileSystem.create(path);
    await file.write(Buffer.concat([bytes, Buffer.of(1, 2, 3)]));
    await file.close();
    const withoutLock = async () =>
      (await snapshotOf(fileSystem, "data")).filter((line) => !line.startsWith("data/lock "));
    const before = await withoutLock();

    const clock = new FakeClock(100 * hour);
    const tsdb = await openReadOnly(fileSystem, clock);
    clock.advance(hour);
    expect((await observe(tsdb)).size).toBe(2 * spread.length);
    await tsdb.close();
    expect(await withoutLock()).toEqual(before);
  });

  it("refuses to write", async () => {
    const tsdb = await openReadOnly(await mountReadOnly());
    expect(() => tsdb.appender()).toThrow(InvalidArgumentError);
    expect(() => tsdb.bulkAppender()).toThrow("opened to be read only");
    await expect(tsdb.deleteSeries([], { minTime: 0, maxTime: 1 })).rejects.toThrow(InvalidArgumentError);
    await expect(tsdb.runMaintenance()).rejects.toThrow(InvalidArgumentError);
    await expect(tsdb.clean()).rejects.toThrow(InvalidArgumentError);
    await tsdb.close();
  });

  it("must be there, and be nobody's", async () => {
    const fileSystem = new MemFileSystem();
    await expect(openReadOnly(fileSystem)).rejects.toThrow(StorageError);
    const other = await open(fileSystem, "data", 1);
    const readOnly = openTsdb({
      ...{ directory: "data", fileSystem, clock: new FakeClock(10), readOnly: true },
      processes: processesOf(2, 1),
    });
    await expect(readOnly).rejects.toThrow(LockedError);
    await other.close();
  });
});

describe("a data directory on a read-only file system", () => {
  it("cannot be opened, and says why", async () => {
    const opened = open(await mountReadOnly(), "data", 2);
    await expect(opened).rejects.toThrow(StorageError);
    await expect(opened).rejects.toThrow(/^cannot create data\/lock.*: the file system is read-only$/);
  });

  it("can be checked, and imported, when no process has it", async () => {
    const fileSystem = await mountReadOnly();
    const report = await checkDirectory({ fileSystem, directory: "data", processes: processesOf(2) });
    expect(report.wal).toMatchObject({ samples: samples.length, problems: [] });
    const tsdb = await open(fileSystem, "elsewhere", 2);
    expect(await tsdb.exchange.importDirectory("data")).toMatchObject({
      headSamples: samples.length,
      losses: [],
    });
    expect((await observe(tsdb)).size).toBe(samples.length);
    await tsdb.close();
  });

  it("is refused when a process has it that can write there", async () => {
    const fileSystem = await mountReadOnly();
    const processes = processesOf(2, 1);
    const checked = checkDirectory({ fileSystem, directory: "data", processes });
    await expect(checked).rejects.toThrow(LockedError);
  });
});
