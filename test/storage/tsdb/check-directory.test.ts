import { describe, expect, it } from "vitest";
import { LockedError } from "../../../src/model/errors.js";
import { checkDirectory, type DirectoryReport } from "../../../src/storage/tsdb/check-directory.js";
import { openTsdb, type Tsdb } from "../../../src/storage/tsdb.js";
import { commitTo } from "../../simulation/ledger.js";
import { SeededRandom } from "../../simulation/random.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const window = 10_000;
const processes = { ownPid: 1, hostName: "here", startTimeOf: () => "now" };

function open(fileSystem: MemFileSystem, clock = new FakeClock(100_000)): Promise<Tsdb> {
  const { bytes: randomBytes } = new SeededRandom(1);
  return openTsdb({ directory: "data", fileSystem, clock, blockDurationMs: window, randomBytes, processes });
}

/** Two blocks, one with a tombstone, and a log. */
async function smallDatabase(): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  const tsdb = await open(fileSystem);
  for (const [from, count] of [
    [10_000, 8],
    [50_000, 3],
  ] as const) {
    const samples = Array.from({ length: count * 2 }, (_, i) => ({
      series: i % 2 === 0 ? "a" : "b",
      time: from + i * 100,
      value: i / 3,
    }));
    await commitTo(tsdb.bulkAppender(), samples);
  }
  await commitTo(tsdb.appender(), [
    { series: "c", time: 99_000, value: 1 },
    { series: "a", time: 99_500, value: 2 },
  ]);
  await tsdb.deleteSeries([], { minTime: 10_000, maxTime: 10_150 });
  await tsdb.close();
  return fileSystem;
}

const check = (fileSystem: MemFileSystem) => checkDirectory({ fileSystem, directory: "data", processes });
const problemsOf = ({ blocks, wal }: DirectoryReport) => [...blocks, wal].flatMap(({ problems }) => problems);

async function filesOf(fileSystem: MemFileSystem, directory = "data"): Promise<string[]> {
  const files: string[] = [];
  for (const name of await fileSystem.list(directory)) {
    const path = `${directory}/${name}`;
    if (name.endsWith("/")) files.push(...(await filesOf(fileSystem, path.slice(0, -1))));
    else files.push(path);
  }
  return files;
}

async function replace(fileSystem: MemFileSystem, file: string, bytes: Uint8Array): Promise<void> {
  await fileSystem.remove(file);
  await (await fileSystem.create(file)).write(bytes);
}

describe("checkDirectory", () => {
  it("says when there is nothing to check", async () => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("data/snapshots");
    const { notes } = await check(fileSystem);
    expect(notes).toEqual([expect.stringContaining("neither blocks nor a log")]);
    await fileSystem.makeDirectory("data/wal");
    expect((await check(fileSystem)).notes).toEqual([]);
  });

  it("finds nothing wrong with a sound database, and changes nothing", async () => {
    const fileSystem = await smallDatabase();
    const files = await filesOf(fileSystem);
    const report = await check(fileSystem);
    expect(problemsOf(report)).toEqual([]);
    expect(report.notes).toEqual([]);
    expect(report.blocks.map(({ series, samples }) => [series, samples])).toEqual([
      [2, 16],
      [2, 6],
    ]);
    expect(report.wal).toMatchObject({ records: 1, samples: 2 });
    expect(await filesOf(fileSystem)).toEqual(files);
  });

  it("refuses a database that is open, and a directory that is not there", async () => {
    const fileSystem = await smallDatabase();
    const tsdb = await open(fileSystem);
    await expect(check(fileSystem)).rejects.toThrow(LockedError);
    await tsdb.close();
    await expect(checkDirectory({ fileSystem, directory: "nowhere", processes })).rejects.toThrow("nowhere");
  });

  it("names the file of a byte that is changed; opening gets by with it, and loses nothing else", async () => {
    const fileSystem = await smallDatabase();
    let flips = 0;
    for (const file of await filesOf(fileSystem)) {
      const bytes = await fileSystem.readFile(file);
      for (let at = 0; at < bytes.length; at += 3) {
        const broken = fileSystem.kill();
        await replace(broken, file, bytes.with(at, bytes[at]! ^ 0x55));
        const told = toldBy(await check(broken));
        if (!isPadding(file, at, bytes)) expect(told, `${file} at byte ${at}`).toMatch(file);
        if (flips++ % 8 === 0) await expectOthersReadable(broken, file);
      }
    }
  });

  it("names a file that is cut short or missing", async () => {
    const fileSystem = await smallDatabase();
    let cuts = 0;
    for (const file of await filesOf(fileSystem)) {
      const bytes = await fileSystem.readFile(file);
      // A log of less than its header is one that was about to be created; one that ends behind a record is whole.
      for (let length = file.includes("/wal/") ? 16 : 0; length < bytes.length; length += 17) {
        const broken = fileSystem.kill();
        await replace(broken, file, bytes.subarray(0, length));
        if (length > 16) expect(toldBy(await check(broken)), `${file} of ${length} bytes`).toMatch(file);
        if (cuts++ % 8 === 0) await expectOthersReadable(broken, file);
      }
      if (file.includes("/wal/") || file.endsWith("tombstones")) continue;
      const broken = fileSystem.kill();
      await broken.remove(file);
      expect(toldBy(await check(broken))).toMatch(file.replace(/\/000001$/, ""));
    }
  });
});

/** Names of files. A write that was cut short at the end of the log is no damage, and a note tells of it. */
function toldBy(report: DirectoryReport): string {
  const notes = report.notes.map((note) => note.replace("the log ends", "data/wal/00000001"));
  return [...problemsOf(report).map(({ file }) => file), ...notes].join(" ");
}

/** Bytes that mean nothing: fills between the sections of an index, and behind a chunk file's version. */
function isPadding(file: string, at: number, bytes: Uint8Array): boolean {
  if (file.includes("/chunks/")) return at >= 5 && at < 8;
  return file.endsWith("/index") && bytes[at] === 0;
}

async function expectOthersReadable(fileSystem: MemFileSystem, file: string): Promise<void> {
  const tsdb = await open(fileSystem);
  const block = /data\/([^/]{26})\//.exec(file)?.[1];
  const { blocks, headSamples } = tsdb.describe();
  const sound = blocks.filter(({ ulid }) => ulid !== block);
  expect(sound.length).toBe(block === undefined ? 2 : 1);
  for (const { range, samples } of sound) {
    const querier = tsdb.querier(range);
    const selected = await querier.select([]);
    const counted = selected.flatMap(({ chunks }) => chunks).reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(samples === 16 ? 14 : 6);
    querier.close();
  }
  if (!file.includes("/wal/")) expect(headSamples).toBe(2);
  await tsdb.close();
}
