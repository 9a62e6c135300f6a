import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ClosedError, LockedError, PoisonedError } from "../../src/model/errors.js";
import { Labels } from "../../src/model/labels.js";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { NO_SERIES } from "../../src/model/series.js";
import { mergeChunks } from "../../src/storage/chunk/sort-samples.js";
import type { TsdbEvent, TsdbOptions } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { SeededRandom } from "../simulation/random.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const hour = 3_600_000;
const x = Labels.from({ __name__: "x" });
const y = Labels.from({ __name__: "y" });

interface Opening extends Partial<TsdbOptions> {
  readonly fileSystem: MemFileSystem;
  readonly events?: TsdbEvent[];
}

function open({ events, ...options }: Opening): Promise<Tsdb> {
  return openTsdb({
    directory: "data",
    clock: new FakeClock(1000 * hour),
    randomBytes: (size) => new Uint8Array(size),
    onEvent: (event) => events?.push(event),
    ...options,
  });
}

async function commit(tsdb: Tsdb, rows: readonly [labels: Labels, time: number, value: number][]) {
  const appender = tsdb.appender();
  for (const [labels, time, value] of rows) appender.append(NO_SERIES, labels, time, value);
  return appender.commit();
}

/** Every visible sample of a series. */
async function samplesOf(tsdb: Tsdb, labels: Labels, range = ALL_TIME): Promise<[number, number][]> {
  const querier = tsdb.querier(range);
  const series = await querier.select([new Matcher("__name__", "=", labels.get("__name__"))]);
  querier.close();
  const found = series.find((each) => each.labels.equals(labels));
  if (found === undefined) return [];
  const { times, values, length } = mergeChunks(found.chunks);
  return Array.from({ length }, (_, i): [number, number] => [times[i]!, values[i]!]);
}

/** A sample every ten minutes for so many hours. */
function hoursOf(labels: Labels, from: number, to: number): [Labels, number, number][] {
  const rows: [Labels, number, number][] = [];
  for (let time = from * hour; time < to * hour; time += hour / 6) rows.push([labels, time, time / hour]);
  return rows;
}

const withoutLabels = (rows: readonly [Labels, number, number][]) =>
  rows.map(([, time, value]): [number, number] => [time, value]);

describe("Tsdb", () => {
  it("lets a deletion wait for a cut that has taken the samples already, at whatever step that is", async () => {
    const rows = [...hoursOf(x, 990, 1000), ...hoursOf(y, 990, 1000)];
    const left = withoutLabels(hoursOf(x, 990, 1000)).filter(
      ([time]) => time < 993 * hour || time > 999 * hour,
    );
    for (let step = 0; step < 40; step += 3) {
      const fileSystem = new MemFileSystem();
      const tsdb = await open({ fileSystem });
      await commit(tsdb, rows);
      let deletion: Promise<void> | undefined;
      const begin = fileSystem.operations;
      fileSystem.onOperation = ({ index }) => {
        if (index < begin + step) return;
        deletion ??= tsdb.deleteSeries([new Matcher("__name__", "=", "x")], {
          minTime: 993 * hour,
          maxTime: 999 * hour,
        });
      };
      await tsdb.runMaintenance();
      fileSystem.onOperation = undefined;
      await deletion;
      expect(deletion).toBeDefined();
      expect(await samplesOf(tsdb, x)).toEqual(left);
      expect((await samplesOf(tsdb, y)).length).toBe(60);
      await tsdb.close();
      const reopened = await open({ fileSystem });
      expect(await samplesOf(reopened, x)).toEqual(left);
      await reopened.close();
    }
  });

  it("leaves a checkpoint when it is closed, and no log; nothing new is nothing to write", async () => {
    const fileSystem = new MemFileSystem();
    const rows = [...hoursOf(x, 990, 1000), [x, 995.05 * hour, 7]] as [Labels, number, number][];
    const tsdb = await open({ fileSystem });
    await commit(tsdb, rows);
    await tsdb.close();
    expect(await fileSystem.list("data/wal")).toEqual(["checkpoint.00000001"]);
    for (let i = 0; i < 2; i++) {
      const reopened = await open({ fileSystem });
      expect(reopened.describe().headSamples).toBe(61);
      expect(reopened.describe().walBytes).toBe(
        (await fileSystem.readFile("data/wal/checkpoint.00000001")).length,
      );
      expect(await samplesOf(reopened, x)).toEqual(withoutLabels(rows).sort(([a], [b]) => a - b));
      await reopened.close();
    }
    expect(await fileSystem.list("data/wal")).toEqual(["checkpoint.00000001"]);
  });

  it("gives back after reopening what was committed, and nothing else", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open({ fileSystem });
    await commit(tsdb, [
      [x, 10, 1],
      [y, 20, 2],
      [x, -5, 3],
    ]);
    const rolledBack = tsdb.appender();
    rolledBack.append(NO_SERIES, y, 30, 3);
    rolledBack.rollback();
    await tsdb.close();
    const reopened = await open({ fileSystem });
    expect(await samplesOf(reopened, x)).toEqual([
      [-5, 3],
      [10, 1],
    ]);
    expect(await samplesOf(reopened, y)).toEqual([[20, 2]]);
    expect(reopened.describe()).toMatchObject({ headSeries: 2, headSamples: 3, losses: [] });
    await reopened.close();
  });

  it("cuts complete windows into blocks, late samples among them, and keeps the rest", async () => {
    const fileSystem = new MemFileSystem();
    const events: TsdbEvent[] = [];
    const tsdb = await open({ fileSystem, events });
    const rows = [...hoursOf(x, 100, 105.1), ...hoursOf(y, 104, 105.1)];
    await commit(tsdb, rows);
    await commit(tsdb, [
      [x, 101 * hour + 1, 7],
      [x, 3, 8],
    ]);
    await tsdb.runMaintenance();
    const { blocks, headRange, headSamples } = tsdb.describe();
    expect(blocks.map(({ samples, range }) => [samples, range.maxTime])).toEqual([
      [14, 102 * hour - hour / 6],
      [12, 104 * hour - hour / 6],
    ]);
    expect(headSamples).toBe(14);
    expect(headRange).toEqual({ minTime: 104 * hour, maxTime: 105 * hour });
    expect(events.map(({ message }) => message)).toEqual(["cut the head into blocks"]);

    const expected = [...withoutLabels(hoursOf(x, 100, 105.1)), [101 * hour + 1, 7], [3, 8]].sort(
      ([a], [b]) => a! - b!,
    );
    expect(await samplesOf(tsdb, x)).toEqual(expected);
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks.length).toBe(2);
    await tsdb.close();

    const reopened = await open({ fileSystem });
    expect(await samplesOf(reopened, x)).toEqual(expected);
    expect(reopened.describe()).toMatchObject({ headSamples: 14, losses: [] });
    expect((await fileSystem.list("data/wal")).length).toBeLessThan(4);
    await reopened.close();
  });

  it("does not bring back what a block holds when a crash comes before the log is truncated", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open({ fileSystem });
    await commit(tsdb, hoursOf(x, 0, 5.1));
    let atCheckpoint: MemFileSystem | undefined;
    fileSystem.onOperation = ({ kind, path }) => {
      if (kind === "create" && path.includes("checkpoint")) atCheckpoint ??= fileSystem.kill();
    };
    await tsdb.runMaintenance();
    const reopened = await open({ fileSystem: withoutLock(atCheckpoint!) });
    expect(reopened.describe().blocks.length).toBe(2);
    expect(reopened.describe().headSamples).toBe(7);
    await commit(reopened, [[x, hour + 1, 5]]);
    expect((await samplesOf(reopened, x)).length).toBe(32);
    await reopened.close();
    await tsdb.close();
  });

  it("lets a querier that was made before a cut see all of it afterwards", async () => {
    const tsdb = await open({ fileSystem: new MemFileSystem() });
    const rows = hoursOf(x, 0, 5.1);
    await commit(tsdb, rows);
    const querier = tsdb.querier(ALL_TIME);
    const before = querier.select([]);
    const cutting = tsdb.runMaintenance();
    for (let i = 0; i < 50; i++) {
      const [series] = await querier.select([]);
      expect(mergeChunks(series!.chunks).length).toBe(rows.length);
    }
    await cutting;
    for (const found of [await before, await querier.select([])])
      expect(mergeChunks(found[0]!.chunks).length).toBe(rows.length);
    querier.close();
    await expect(querier.select([])).rejects.toThrow(ClosedError);
    await tsdb.close();
  });

  it("accepts commits during a cut, also for windows that are being cut", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open({ fileSystem });
    await commit(tsdb, hoursOf(x, 0, 5.1));
    const cutting = tsdb.runMaintenance();
    const late: [Labels, number, number][] = [];
    for (let i = 1; i < 40; i++) {
      const row: [Labels, number, number] = [i % 2 === 0 ? x : y, hour + i, i];
      late.push(row);
      await commit(tsdb, [row]);
    }
    await cutting;
    const expectAll = async (each: Tsdb) => {
      expect((await samplesOf(each, x)).length).toBe(31 + 19);
      expect(await samplesOf(each, y)).toEqual(withoutLabels(late.filter(([labels]) => labels === y)));
    };
    await expectAll(tsdb);
    await tsdb.close();
    const reopened = await open({ fileSystem });
    await expectAll(reopened);
    await reopened.close();
  });

  it("never lets a block keep half of a transaction that a power loss takes", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const fileSystem = new MemFileSystem();
      const tsdb = await open({ fileSystem, durability: "none" });
      await commit(tsdb, hoursOf(x, 0, 5.1));
      let crashed: MemFileSystem | undefined;
      const commits: Promise<unknown>[] = [];
      fileSystem.onOperation = ({ kind, path }) => {
        if (kind === "create" && path.includes("checkpoint")) crashed ??= fileSystem.crash(random.next);
        // The log ends a segment, so this transaction goes to the next one; the cut waits until it is applied.
        if (kind === "sync" && path.includes("wal") && commits.length < 5) {
          const i = commits.length;
          const isBelowEnd: [Labels, number, number] = [y, i, i];
          commits.push(commit(tsdb, [isBelowEnd, [y, 6 * hour + i, i]]));
        }
      };
      await tsdb.runMaintenance();
      fileSystem.onOperation = undefined;
      await Promise.all(commits);
      await tsdb.close();
      const reopened = await open({ fileSystem: withoutLock(crashed!) });
      const times = (await samplesOf(reopened, y)).map(([time]) => time);
      expect(times.filter((time) => time >= hour)).toEqual(
        times.filter((time) => time < hour).map((time) => time + 6 * hour),
      );
      await reopened.close();
    }
  });

  it("finds a series again under a stale ref when a cut has ended it", async () => {
    const tsdb = await open({ fileSystem: new MemFileSystem() });
    const appender = tsdb.appender();
    const ref = appender.append(NO_SERIES, y, hour, 1);
    await appender.commit();
    await commit(tsdb, hoursOf(x, 0, 5.1));
    await tsdb.runMaintenance();
    expect(tsdb.describe().headSeries).toBe(1);
    const later = tsdb.appender();
    later.append(ref, y, 5 * hour, 2);
    await later.commit();
    expect(await samplesOf(tsdb, y)).toEqual([
      [hour, 1],
      [5 * hour, 2],
    ]);
    expect((await samplesOf(tsdb, x)).length).toBe(31);
    await tsdb.close();
  });

  it("shows a bulk import at its commit, all of it, and keeps it", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open({ fileSystem });
    const appender = tsdb.bulkAppender();
    for (let day = 0; day < 400; day++) appender.append(NO_SERIES, x, day * 24 * hour, day);
    expect(await samplesOf(tsdb, x)).toEqual([]);
    expect((await appender.commit()).appended).toBe(400);
    expect((await samplesOf(tsdb, x)).length).toBe(400);
    await tsdb.close();
    await expect(tsdb.close()).resolves.toBeUndefined();
    const reopened = await open({ fileSystem });
    expect((await samplesOf(reopened, x)).length).toBe(400);
    expect(reopened.describe().headSamples).toBe(0);
    await reopened.close();
  });

  it("does the same on the real file system", async () => {
    const directory = await mkdtemp(join(tmpdir(), "narthex-tsdb-"));
    try {
      const rows = hoursOf(x, 0, 5.1);
      const tsdb = await openTsdb({ directory });
      await commit(tsdb, rows);
      await tsdb.runMaintenance();
      expect(await samplesOf(tsdb, x)).toEqual(withoutLabels(rows));
      await tsdb.close();
      const reopened = await openTsdb({ directory });
      expect(await samplesOf(reopened, x)).toEqual(withoutLabels(rows));
      expect(reopened.describe()).toMatchObject({
        headSamples: 7,
        losses: [],
        blocks: [{ samples: 12 }, {}],
      });
      await reopened.close();
      expect((await readdir(directory)).includes("lock")).toBe(false);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("runs maintenance by the clock", async () => {
    const clock = new FakeClock(1000 * hour);
    const tsdb = await open({ fileSystem: new MemFileSystem(), clock });
    await commit(tsdb, hoursOf(x, 0, 5.1));
    clock.advance(60_000);
    for (let turn = 0; turn < 1000 && clock.nextDue === undefined; turn++) await nextTurn();
    expect(tsdb.describe().blocks.length).toBe(2);
    expect(clock.nextDue).toBe(1000 * hour + 120_000);
    await tsdb.close();
    expect(clock.nextDue).toBeUndefined();
  });

  it("refuses a second opener and names the process", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open({ fileSystem });
    await expect(open({ fileSystem })).rejects.toThrow(LockedError);
    await expect(open({ fileSystem })).rejects.toThrow(String(process.pid));
    await tsdb.close();
    await (await open({ fileSystem })).close();
  });

  it("refuses everything after close, and closes twice", async () => {
    const tsdb = await open({ fileSystem: new MemFileSystem() });
    const appender = tsdb.appender();
    appender.append(NO_SERIES, x, 1, 1);
    const inFlight = commit(tsdb, [[y, 1, 1]]);
    const querier = tsdb.querier(ALL_TIME);
    const bulk = tsdb.bulkAppender();
    await Promise.all([tsdb.close(), tsdb.close()]);
    expect((await inFlight).appended).toBe(1);
    expect(tsdb.status).toBe("closed");
    expect(() => tsdb.appender()).toThrow(ClosedError);
    expect(() => tsdb.querier(ALL_TIME)).toThrow(ClosedError);
    const calls = [appender.commit(), querier.select([]), bulk.commit(), tsdb.runMaintenance()];
    await Promise.all(calls.map((call) => expect(call).rejects.toThrow(ClosedError)));
  });
});

describe("Tsdb, when storage fails", () => {
  it("is poisoned by a failed sync: reads go on, and what was acknowledged is there after reopening", async () => {
    const fileSystem = new MemFileSystem();
    const events: TsdbEvent[] = [];
    const tsdb = await open({ fileSystem, events });
    await commit(tsdb, [[x, 1, 1]]);
    fileSystem.failAfter(0, "sync");
    await expect(commit(tsdb, [[x, 2, 2]])).rejects.toThrow(PoisonedError);
    fileSystem.heal();
    expect(tsdb.status).toBe("poisoned");
    expect(events.map(({ level }) => level)).toEqual(["error"]);
    await expect(commit(tsdb, [[x, 3, 3]])).rejects.toThrow(PoisonedError);
    await expect(tsdb.bulkAppender().commit()).rejects.toThrow(PoisonedError);
    await tsdb.runMaintenance();
    expect(await samplesOf(tsdb, x)).toEqual([[1, 1]]);
    await tsdb.close();
    const reopened = await open({ fileSystem });
    expect((await samplesOf(reopened, x))[0]).toEqual([1, 1]);
    expect(reopened.status).toBe("open");
    await reopened.close();
  });

  it("stays readable when a cut fails for want of space, says so, and cuts at the next pass", async () => {
    const fileSystem = new MemFileSystem();
    const events: TsdbEvent[] = [];
    const tsdb = await open({ fileSystem, events });
    await commit(tsdb, hoursOf(x, 0, 5.1));
    fileSystem.onOperation = ({ path }) => {
      if (path.endsWith("chunks")) fileSystem.failAfter(0, "ENOSPC");
    };
    await expect(tsdb.runMaintenance()).rejects.toThrow("no space");
    fileSystem.onOperation = undefined;
    fileSystem.heal();
    expect(events.at(-1)!.level).toBe("error");
    expect(events.at(-1)!.message).toContain("no space");
    expect((await samplesOf(tsdb, x)).length).toBe(31);
    expect((await fileSystem.list("data")).filter((name) => name.includes("tmp"))).toEqual([]);
    await commit(tsdb, [[x, 6 * hour, 6]]);
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks.length).toBe(2);
    expect((await samplesOf(tsdb, x)).length).toBe(32);
    await tsdb.close();
  });

  it("sets a broken block aside, names it, and opens the rest", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open({ fileSystem });
    await commit(tsdb, hoursOf(x, 0, 5.1));
    await tsdb.runMaintenance();
    await tsdb.close();
    const [first] = (await fileSystem.list("data")).filter((name) => name.length === 27);
    await fileSystem.remove(`data/${first}index`);
    const events: TsdbEvent[] = [];
    const reopened = await open({ fileSystem, events });
    const { losses, blocks } = reopened.describe();
    expect(blocks.length).toBe(1);
    expect(losses).toEqual([expect.stringContaining(first!.slice(0, 26))]);
    expect(losses[0]).toContain("index");
    expect(events.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual(losses);
    expect(await fileSystem.list("data")).toContain(`${first!.slice(0, 26)}.quarantined/`);
    expect((await samplesOf(reopened, x)).length).toBe(19);
    await reopened.close();
    const again = await open({ fileSystem });
    expect(again.describe().losses).toEqual([]);
    await again.close();
  });

  it("reports corruption in the middle of the log with file and offset, and keeps the rest", async () => {
    const living = new MemFileSystem();
    const tsdb = await open({ fileSystem: living });
    for (let i = 0; i < 3; i++) await commit(tsdb, [[x, i, i]]);
    const fileSystem = living.kill();
    await tsdb.close();
    await fileSystem.remove("data/lock");
    const path = "data/wal/00000001";
    const bytes = await fileSystem.readFile(path);
    const records = [...bytes.keys()].filter((i) => bytes[i] === 1 && bytes[i + 1] === 0);
    bytes[records[2]! + 30]! ^= 0xff;
    await fileSystem.remove(path);
    const file = await fileSystem.create(path);
    await file.write(bytes);
    const reopened = await open({ fileSystem });
    const { losses } = reopened.describe();
    expect(losses.length).toBe(1);
    expect(losses[0]).toMatch(/data\/wal\/00000001 at byte \d+: /);
    expect((await samplesOf(reopened, x)).length).toBe(2);
    await commit(reopened, [[x, 9, 9]]);
    await reopened.close();
  });

  it("closes also when the disk is full, and replays the log instead of a checkpoint", async () => {
    const fileSystem = new MemFileSystem();
    const events: TsdbEvent[] = [];
    const tsdb = await open({ fileSystem, events });
    await commit(tsdb, hoursOf(x, 999, 1000));
    fileSystem.onOperation = ({ kind, path }) => {
      if (kind === "create" && path.includes("checkpoint")) fileSystem.failAfter(0, "ENOSPC");
    };
    await tsdb.close();
    fileSystem.onOperation = undefined;
    fileSystem.heal();
    expect(events.map(({ level }) => level)).toEqual(["warning"]);
    const reopened = await open({ fileSystem });
    expect(await samplesOf(reopened, x)).toEqual(withoutLabels(hoursOf(x, 999, 1000)));
    await reopened.close();
  });

  it("gives the lock back when opening fails", async () => {
    const fileSystem = new MemFileSystem();
    await (await open({ fileSystem })).close();
    fileSystem.onOperation = ({ kind, path }) => {
      if (kind === "list" && path.endsWith("wal")) fileSystem.failAfter(0, "EIO");
    };
    await expect(open({ fileSystem })).rejects.toThrow("input/output");
    fileSystem.onOperation = undefined;
    fileSystem.heal();
    await (await open({ fileSystem })).close();
  });
});

/** What another machine would find: without the lock of this process, which lives. */
function withoutLock(fileSystem: MemFileSystem): MemFileSystem {
  void fileSystem.remove("data/lock");
  return fileSystem;
}
