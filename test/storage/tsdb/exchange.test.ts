import { describe, expect, it } from "vitest";
import { InvalidArgumentError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import { ALL_TIME, rangesOverlap } from "../../../src/model/sample.js";
import { CHUNK_XOR, NO_SERIES } from "../../../src/model/series.js";
import { isStaleAt } from "../../../src/model/staleness.js";
import { mergeChunks } from "../../../src/storage/chunk/sort-samples.js";
import type { TsdbOptions } from "../../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../../src/storage/tsdb.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";

const hour = 3_600_000;
const x = Labels.from({ __name__: "x", host: "a" });
const y = Labels.from({ __name__: "y" });

let opened = 0;

function open(fileSystem: MemFileSystem, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  // Names of blocks differ between databases that were opened in one tick.
  opened++;
  const byte = opened % 256;
  return openTsdb({
    directory: "data",
    clock: new FakeClock(1000 * hour),
    randomBytes: (size) => new Uint8Array(size).fill(byte),
    fileSystem,
    ...options,
  });
}

type Row = readonly [labels: Labels, time: number, value: number | "stale"];

async function commit(tsdb: Tsdb, rows: readonly Row[]): Promise<void> {
  const appender = tsdb.appender();
  for (const [labels, time, value] of rows) {
    if (value === "stale") appender.appendStale(NO_SERIES, labels, time);
    else appender.append(NO_SERIES, labels, time, value);
  }
  await appender.commit();
}

/** Every visible sample, a line each. */
async function contentOf(tsdb: Tsdb, range = ALL_TIME): Promise<string[]> {
  const querier = tsdb.querier(range);
  const lines: string[] = [];
  for (const { labels, chunks } of await querier.select([])) {
    const { times, values, length } = mergeChunks(chunks);
    for (let i = 0; i < length; i++) {
      const { minTime, maxTime } = range;
      if (times[i]! < minTime || times[i]! > maxTime) continue;
      lines.push(`${labels} ${isStaleAt(values, i) ? "stale" : values[i]} @${times[i]}`);
    }
  }
  querier.close();
  return lines;
}

const every10Minutes = (labels: Labels, from: number, to: number): Row[] =>
  Array.from({ length: (to - from) * 6 }, (_, i) => [labels, from * hour + (i * hour) / 6, i % 17]);

/** Blocks, one of them with late samples, a deletion, and a head with samples out of order and an end. */
async function filled(fileSystem: MemFileSystem, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  const tsdb = await open(fileSystem, options);
  await commit(tsdb, [...every10Minutes(x, 100, 106), ...every10Minutes(y, 103, 106)]);
  await tsdb.runMaintenance();
  const bulk = tsdb.bulkAppender();
  for (const [labels, time] of every10Minutes(x, 101, 103)) bulk.append(NO_SERIES, labels, time + 1, 9);
  await bulk.commit();
  await tsdb.deleteSeries([new Matcher("__name__", "=", "x")], {
    minTime: 102 * hour,
    maxTime: 102.5 * hour,
  });
  await commit(tsdb, [...every10Minutes(x, 106, 107), [x, 90 * hour, 1], [x, 102 * hour + 7, 2]]);
  await commit(tsdb, [
    [y, 107 * hour, "stale"],
    [y, 105 * hour + 3, 3],
  ]);
  return tsdb;
}

describe("snapshot", () => {
  it("has the journals as well", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const journal = await tsdb.journals.open("sums", () => {});
    await journal.append(new Uint8Array([1, 2]));
    await tsdb.exchange.snapshot({ directory: "backups/monday" });
    await journal.append(new Uint8Array([3]));
    await tsdb.close();

    const snapshot = await open(fileSystem, { directory: "backups/monday" });
    const records: number[][] = [];
    await snapshot.journals.open("sums", (record) => records.push([...record]));
    expect(records).toEqual([[1, 2]]);
    await snapshot.close();
  });

  it("is a database with what was there, whatever is written, deleted and cut meanwhile and later", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const before = await contentOf(tsdb);
    const taken = tsdb.exchange.snapshot({ directory: "backups/monday" });
    await Promise.all([
      taken,
      commit(tsdb, [[x, 108 * hour, 5]]),
      tsdb.deleteSeries([new Matcher("__name__", "=", "y")], ALL_TIME),
      tsdb.runMaintenance(),
    ]);
    await tsdb.clean();
    await tsdb.close();
    const snapshot = await open(fileSystem, { directory: "backups/monday" });
    expect(snapshot.describe().losses).toEqual([]);
    expect(await contentOf(snapshot)).toEqual(before);
    expect(snapshot.describe().headSamples).toBe(0);
    await commit(snapshot, [[y, 200 * hour, 1]]);
    await snapshot.runMaintenance();
    await snapshot.close();
    const reopened = await open(fileSystem, { directory: "backups/monday" });
    expect(await contentOf(reopened)).toEqual([...before, `y 1 @${200 * hour}`]);
    await reopened.close();
  });

  it("leaves the head out when asked to, and says which blocks it has", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const { blocks } = await tsdb.exchange.snapshot({ directory: "snapshot", skipHead: true });
    expect(blocks.map(({ ulid }) => ulid)).toEqual(tsdb.describe().blocks.map(({ ulid }) => ulid));
    await tsdb.close();
    expect(await fileSystem.list("snapshot")).toEqual(blocks.map(({ ulid }) => `${ulid}/`).sort());
  });

  it("has a place of its own in the data directory, where opening cleans up after a crash", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const { directory } = await tsdb.exchange.snapshot();
    expect(directory).toMatch(/^data\/snapshots\/19700211T160000Z-[0-9A-Z]{26}$/);
    await fileSystem.makeDirectory("data/snapshots/x.tmp/y");
    await tsdb.close();
    await (await open(fileSystem)).close();
    expect(await fileSystem.list("data/snapshots")).toEqual([
      `${directory.slice("data/snapshots/".length)}/`,
    ]);
  });

  it("takes no directory that has something in it", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    await tsdb.exchange.snapshot({ directory: "snapshot" });
    await expect(tsdb.exchange.snapshot({ directory: "snapshot" })).rejects.toThrow(InvalidArgumentError);
    await expect(tsdb.exchange.snapshot({ directory: "data" })).rejects.toThrow(
      "data exists already, and is not empty",
    );
    await tsdb.close();
  });

  it("takes a path with a slash at its end", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const before = await contentOf(tsdb);
    expect((await tsdb.exchange.snapshot({ directory: "backups/one/" })).directory).toBe("backups/one");
    const snapshot = await open(fileSystem, { directory: "backups/one" });
    expect(await contentOf(snapshot)).toEqual(before);
    await snapshot.close();
    await tsdb.close();
  });

  it("leaves alone what somebody else has under a temporary name", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    await fileSystem.makeDirectory("backup.tmp/own");
    await tsdb.exchange.snapshot({ directory: "backup" });
    expect(await fileSystem.list("backup.tmp")).toEqual(["own/"]);
    await tsdb.close();
  });

  it("is there whole or not at all, wherever the machine stops, and wherever the disk is full", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const before = await contentOf(tsdb);
    const random = seededRandom(7);
    const crashed: MemFileSystem[] = [];
    fileSystem.onOperation = () => crashed.push(fileSystem.crash(random));
    const first = fileSystem.operations;
    await tsdb.exchange.snapshot({ directory: "snapshot" });
    const operations = fileSystem.operations - first;
    fileSystem.onOperation = undefined;
    crashed.push(fileSystem.crash(random));
    let whole = 0;
    for (const machine of crashed) {
      if (!(await machine.list(".")).includes("snapshot/")) continue;
      whole++;
      const snapshot = await open(machine, { directory: "snapshot" });
      expect(await contentOf(snapshot)).toEqual(before);
      await snapshot.close();
    }
    expect(whole).toBeGreaterThan(0);
    for (let after = 0; after < operations; after += 3) {
      const directory = `full/${after}`;
      fileSystem.failAfter(after, "ENOSPC");
      const outcome = await tsdb.exchange.snapshot({ directory }).catch(() => "failed");
      fileSystem.heal();
      const names = await fileSystem.list("full").catch((): string[] => []);
      expect(names.includes(`${after}/`)).toBe(outcome !== "failed");
      expect(names.filter((name) => name.endsWith(".tmp/"))).toEqual([]);
    }
    await tsdb.close();
  });
});

describe("scan", () => {
  it("gives every selected series in label order, and lets the database close when it is left", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const lines: string[] = [];
    for await (const { labels, chunks } of tsdb.exchange.scan({ selectors: [], range: ALL_TIME })) {
      const { times, values, length } = mergeChunks(chunks);
      for (let i = 0; i < length; i++)
        lines.push(`${labels} ${isStaleAt(values, i) ? "stale" : values[i]} @${times[i]}`);
    }
    expect(lines).toEqual(await contentOf(tsdb));
    const both = [[new Matcher("__name__", "=~", "x|y")], [new Matcher("__name__", "=", "y")]];
    const found: string[] = [];
    for await (const { labels } of tsdb.exchange.scan({ selectors: both, range: ALL_TIME }))
      found.push(labels.toString());
    expect(found).toEqual(['x{host="a"}', "y"]);
    for await (const _ of tsdb.exchange.scan({ selectors: [], range: ALL_TIME })) break;
    await tsdb.close();
  });

  it("goes on with what was there while blocks are merged and samples deleted", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const before = await contentOf(tsdb);
    const stalled = tsdb.exchange.samples({ selectors: [], range: ALL_TIME });
    const first = stalled.next();
    const deleted = tsdb.deleteSeries([new Matcher("__name__", "=~", "x|y")], ALL_TIME);
    const all = [(await first).value!];
    await deleted;
    await tsdb.runMaintenance();
    expect(await contentOf(tsdb)).toEqual([]);
    for await (const series of stalled) all.push(series);
    const lines: string[] = [];
    for (const { labels, parts } of all) {
      for (const { times, values, length } of parts)
        for (let i = 0; i < length; i++)
          lines.push(`${labels} ${isStaleAt(values, i) ? "stale" : values[i]} @${times[i]}`);
    }
    expect(lines).toEqual(before);
    await tsdb.close();
  });
});

describe("exportBlocks", () => {
  it("holds what was there when it began, whatever is deleted meanwhile", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const before = await contentOf(tsdb);
    const exported = tsdb.exchange.exportBlocks({ selectors: [], range: ALL_TIME }, "out");
    await Promise.all([exported, tsdb.deleteSeries([new Matcher("__name__", "=~", "x|y")], ALL_TIME)]);
    await tsdb.close();
    const copy = await open(fileSystem, { directory: "out" });
    expect(await contentOf(copy)).toEqual(before);
    await copy.close();
  });

  it("writes blocks that do not overlap, with XOR chunks only, and all that was selected", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const before = await contentOf(tsdb);
    const metas = await tsdb.exchange.exportBlocks({ selectors: [], range: ALL_TIME }, "out");
    for (const [i, block] of metas.entries()) {
      const others = metas.slice(i + 1).map(({ minTime, maxTime }) => ({ minTime, maxTime: maxTime - 1 }));
      expect(others.some((other) => rangesOverlap(other, { ...block, maxTime: block.maxTime - 1 }))).toBe(
        false,
      );
      expect("narthex" in block).toBe(false);
    }
    await tsdb.close();
    const copy = await open(fileSystem, { directory: "out" });
    expect(await contentOf(copy)).toEqual(before);
    const querier = copy.querier(ALL_TIME);
    const chunks = (await querier.select([])).flatMap((series) => series.chunks);
    expect(new Set(chunks.map(({ encoding }) => encoding))).toEqual(new Set([CHUNK_XOR]));
    await copy.close();
  });

  it("selects series and times, and leaves out blocks without any", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const range = { minTime: 101.4 * hour, maxTime: 106.5 * hour };
    const selectors = [[new Matcher("__name__", "=", "y")]];
    await tsdb.exchange.exportBlocks({ selectors, range }, "out");
    const expected = (await contentOf(tsdb, range)).filter((line) => line.startsWith("y "));
    await tsdb.close();
    const copy = await open(fileSystem, { directory: "out" });
    expect(await contentOf(copy)).toEqual(expected);
    await copy.close();
  });
});

describe("importDirectory", () => {
  it("takes over a snapshot, and a database that was killed with its log", async () => {
    const fileSystem = new MemFileSystem();
    const source = await filled(fileSystem);
    const content = await contentOf(source);
    await source.exchange.snapshot({ directory: "snapshot" });
    const target = await open(fileSystem, { directory: "target" });
    const fromSnapshot = await target.exchange.importDirectory("snapshot");
    expect(fromSnapshot).toMatchObject({ headSamples: 0, losses: [] });
    expect(await contentOf(target)).toEqual(content);
    // Once more, and into a database that cuts, compacts and restarts: nothing is there twice, nothing goes.
    await target.exchange.importDirectory("snapshot");
    await target.runMaintenance();
    await target.close();
    const reopened = await open(fileSystem, { directory: "target" });
    expect(await contentOf(reopened)).toEqual(content);
    await reopened.close();
    await source.close();

    const other = await open(fileSystem, { directory: "other" });
    const { headSamples, losses } = await other.exchange.importDirectory("data");
    expect([headSamples > 0, losses]).toEqual([true, []]);
    expect(await contentOf(other)).toEqual(content);
    await other.close();
  });

  it("refuses a directory without samples, and one that a process has", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    await fileSystem.makeDirectory("empty");
    await expect(tsdb.exchange.importDirectory("empty")).rejects.toThrow(/neither blocks nor a log/);
    await expect(tsdb.exchange.importDirectory("absent")).rejects.toThrow(/no such file/);
    const target = await open(fileSystem, { directory: "target" });
    await expect(target.exchange.importDirectory("data")).rejects.toThrow(/in use/);
    await target.close();
    await tsdb.close();
  });

  async function withBroken(name: string, at: number) {
    const fileSystem = new MemFileSystem();
    const source = await filled(fileSystem);
    const { blocks } = await source.exchange.snapshot({ directory: "snapshot" });
    const content = await contentOf(source);
    await source.close();
    const { ulid } = blocks.find(({ stats }) => stats.numSeries > 1)!;
    const path = `snapshot/${ulid}/${name}`;
    const bytes = await fileSystem.readFile(path);
    await fileSystem.remove(path);
    const file = await fileSystem.create(path);
    await file.write(bytes.with(at, bytes[at]! ^ 1));
    await file.close();
    return { fileSystem, blocks, content };
  }

  it("takes what can be read of a block that is broken, and says what cannot", async () => {
    const { fileSystem, blocks, content } = await withBroken("chunks/000001", 20);
    const target = await open(fileSystem, { directory: "target" });
    const result = await target.exchange.importDirectory("snapshot");
    expect(result.blocks).toBe(blocks.length - 1);
    expect(result.losses).toEqual([
      expect.stringMatching(
        /^snapshot\/\w+: x\{host="a"\} from \S+ to \S+ was left out: the checksum of a chunk/,
      ),
    ]);
    expect(result.salvagedSamples).toBeGreaterThan(0);
    const imported = await contentOf(target);
    expect(imported.filter((line) => line.startsWith("y"))).toEqual(
      content.filter((line) => line.startsWith("y")),
    );
    expect(content).toEqual(expect.arrayContaining(imported));
    await target.close();
  });

  it("leaves out a block of which nothing can be read, and says so", async () => {
    const { fileSystem, blocks } = await withBroken("index", 0);
    const target = await open(fileSystem, { directory: "target" });
    const { blocks: imported, losses, salvagedSamples } = await target.exchange.importDirectory("snapshot");
    expect([imported, salvagedSamples]).toEqual([blocks.length - 1, 0]);
    expect(losses).toEqual([expect.stringContaining("cannot be read and was left out: this is no index")]);
    await target.close();
  });
});
