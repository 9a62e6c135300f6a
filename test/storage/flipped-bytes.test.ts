/**
 * Every byte of a small database changed, one at a time, and every file cut at every length. Opening gets by with
 * all of it; what is read is right, or the loss is told, or the read fails and names the file; `checkDirectory`
 * names the file. `expectNamed` lists what it cannot know.
 *
 * This runs a part of all changes, always the same; FULL=1 runs all: each bit of each byte, and each length.
 */

import { describe, expect, it } from "vitest";
import { LockedError, TsdbError } from "../../src/model/errors.js";
import type { TimeRange } from "../../src/model/sample.js";
import { checkDirectory, type DirectoryReport } from "../../src/storage/tsdb/check-directory.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, type Ledger, observe, type SimulatedSample } from "../simulation/ledger.js";
import { SeededRandom } from "../simulation/random.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const isFull = process.env.FULL === "1";
const blockDurationMs = 10_000;

/** What lies in the first block, the second, and the log. */
const regions = {
  first: { minTime: 0, maxTime: 29_999 },
  second: { minTime: 30_000, maxTime: 79_999 },
  log: { minTime: 80_000, maxTime: 200_000 },
} satisfies Record<string, TimeRange>;

/** A process that was killed, or one that lives. */
const processes = (startTime: string) => ({ ownPid: 1, hostName: "here", startTimeOf: () => startTime });

function open(fileSystem: MemFileSystem, startTime = "now"): Promise<Tsdb> {
  const { bytes: randomBytes } = new SeededRandom(1);
  return openTsdb({
    ...{ directory: "data", fileSystem, clock: new FakeClock(100_000), blockDurationMs, randomBytes },
    processes: processes(startTime),
  });
}

const check = (fileSystem: MemFileSystem) =>
  checkDirectory({ fileSystem, directory: "data", processes: processes("now") });

function run(series: string, from: number, count: number): SimulatedSample[] {
  return Array.from({ length: count }, (_, i) => ({ series, time: from + i * 100, value: from + i / 3 }));
}

interface SmallDatabase {
  readonly fileSystem: MemFileSystem;
  readonly files: readonly string[];
  /** What is to be read, by region. */
  readonly expected: Readonly<Record<string, Ledger>>;
  /** Of the log, after each commit into the last segment, and before the first. */
  readonly versions: readonly Ledger[];
  /** Names of the directories. */
  readonly firstBlock: string;
  readonly secondBlock: string;
  readonly lastSegment: string;
}

/** Two blocks, the first with tombstones; a checkpoint, a segment that has ended, and the one being written. */
async function makeDatabase(): Promise<SmallDatabase> {
  const first = new MemFileSystem();
  let tsdb = await open(first, "first");
  await commitTo(tsdb.appender(), [...run("a", 10_000, 6), ...run("b", 10_050, 5), ...run("a", 50_000, 4)]);
  await tsdb.runMaintenance();
  await commitTo(tsdb.appender(), [...run("c", 50_000, 3), ...run("a", 90_000, 3)]);
  await tsdb.runMaintenance();
  await tsdb.deleteSeries([], { minTime: 10_000, maxTime: 10_120 });
  await commitTo(tsdb.appender(), [...run("a", 91_000, 3), ...run("d", 91_000, 2)]);
  const second = first.kill();

  tsdb = await open(second, "second");
  const versions = [await observe(tsdb, regions.log)];
  const commits = [
    () => commitTo(tsdb.appender(), [...run("a", 90_050, 2), ...run("e", 95_000, 2)]),
    () => tsdb.deleteSeries([], { minTime: 91_000, maxTime: 91_120 }),
    () => commitTo(tsdb.appender(), [...run("a", 91_000, 1), { series: "e", time: 96_000, value: "stale" }]),
  ];
  for (const commit of commits) {
    await commit();
    versions.push(await observe(tsdb, regions.log));
  }
  const expected = await readRegions(tsdb);
  const [firstBlock, secondBlock] = tsdb.describe().blocks.map(({ ulid }) => ulid);
  const fileSystem = second.kill();
  const files = await filesOf(fileSystem);
  const lastSegment = files.filter((file) => /\/wal\/\d+$/.test(file)).at(-1)!;
  return {
    fileSystem,
    files,
    expected,
    versions,
    lastSegment,
    firstBlock: firstBlock!,
    secondBlock: secondBlock!,
  };
}

async function filesOf(fileSystem: MemFileSystem, directory = "data"): Promise<string[]> {
  const files: string[] = [];
  for (const name of await fileSystem.list(directory)) {
    const path = `${directory}/${name}`;
    if (name.endsWith("/")) files.push(...(await filesOf(fileSystem, path.slice(0, -1))));
    else files.push(path);
  }
  return files;
}

async function readRegions(tsdb: Tsdb): Promise<Record<string, Ledger>> {
  const read: Record<string, Ledger> = {};
  for (const [name, range] of Object.entries(regions)) read[name] = await observe(tsdb, range);
  return read;
}

const database = await makeDatabase();

describe("a byte that is changed", () => {
  it.each(database.files)("%s", { timeout: 600_000 }, async (file) => {
    const bytes = await database.fileSystem.readFile(file);
    for (let at = 0; at < bytes.length; at += isFull ? 1 : 2) {
      for (const mask of isFull ? [1, 2, 4, 8, 16, 32, 64, 128, 255] : [1 << (at % 8)]) {
        const changed = bytes.with(at, bytes[at]! ^ mask);
        await expectHarmless(
          { file, bytes: changed, isFill: isFill(file, at, bytes) },
          `byte ${at} ^ ${mask}`,
        );
      }
    }
  });
});

describe("a file that is cut", () => {
  it.each(database.files)("%s", { timeout: 600_000 }, async (file) => {
    const bytes = await database.fileSystem.readFile(file);
    for (let length = 0; length < bytes.length; length += isFull ? 1 : 3)
      await expectHarmless({ file, bytes: bytes.subarray(0, length), isFill: false }, `to ${length} bytes`);
  });
});

interface Damage {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Whether nobody reads what is changed. */
  readonly isFill: boolean;
}

async function expectHarmless(damage: Damage, how: string): Promise<void> {
  const what = `${damage.file}, ${how}`;
  const fileSystem = database.fileSystem.kill();
  await fileSystem.remove(damage.file);
  await (await fileSystem.create(damage.file)).write(damage.bytes);
  const checked = fileSystem.kill();
  const tsdb = await openUnlessLocked(fileSystem, damage);
  if (tsdb === undefined) return;
  const isRight = await expectReadable(tsdb, damage.file, what);
  await tsdb.close();
  expectNamed(await check(checked), damage, isRight, what);
}

/** A lock that now names a process of another machine keeps everybody out, as it should: it may be alive. */
async function openUnlessLocked(fileSystem: MemFileSystem, { file }: Damage): Promise<Tsdb | undefined> {
  try {
    return await open(fileSystem);
  } catch (error) {
    expect(file).toBe("data/lock");
    expect(error).toBeInstanceOf(LockedError);
    return undefined;
  }
}

/** Returns whether all that is read is right. Where it is not, `losses` or the error of the read names the file. */
async function expectReadable(tsdb: Tsdb, file: string, what: string): Promise<boolean> {
  const { losses } = tsdb.describe();
  let isRight = true;
  for (const [region, range] of Object.entries(regions)) {
    const expected = database.expected[region]!;
    const read = await readOrFail(tsdb, range, file);
    if (read !== undefined && isEqual(read, expected)) continue;
    isRight = false;
    expect(region, `${what}: what lies in other files still reads`).toBe(regionOf(file));
    if (read === undefined || losses.some((loss) => loss.includes(placeOf(file)))) continue;
    expect(file, `${what}: the loss is told`).toBe(database.lastSegment);
    // What was cut off is the end of what was committed.
    expect(database.versions.some((version) => isEqual(read, version))).toBe(true);
  }
  return isRight;
}

/** Undefined when the read fails with an error that names the file. */
async function readOrFail(tsdb: Tsdb, range: TimeRange, file: string): Promise<Ledger | undefined> {
  try {
    return await observe(tsdb, range);
  } catch (error) {
    expect(error).toBeInstanceOf(TsdbError);
    expect(String(error)).toContain(file);
    return undefined;
  }
}

/**
 * `checkDirectory` names the file, except where it cannot know:
 *
 *   fill            between the sections of an index, and behind the version of a chunk file: nobody reads it
 *   lock            content that cannot be read was left by a power loss: nobody has the directory
 *   last segment    its end, up to where no valid record follows: a write that a crash cut short looks the same. A
 *                   note tells of it, unless the cut is between two records
 */
function expectNamed(
  report: DirectoryReport,
  { file, isFill }: Damage,
  isRight: boolean,
  what: string,
): void {
  const problems = [...report.blocks, report.wal].flatMap((part) => part.problems);
  if (problems.some((problem) => problem.file === file)) return;
  if (file === database.lastSegment) {
    expect(problems).toEqual([]);
    return;
  }
  const isUnknowable = isFill || file === "data/lock";
  expect(isUnknowable, `${what}: check names the file`).toBe(true);
  expect(isRight, `${what}: check names the file where what is read is wrong`).toBe(true);
}

function regionOf(file: string): string {
  if (file.includes(database.firstBlock)) return "first";
  return file.includes(database.secondBlock) ? "second" : "log";
}

/** A broken block is set aside as a whole, by its name. */
function placeOf(file: string): string {
  return file.split("/").length === 2 || file.includes("/wal/") ? file : file.split("/")[1]!;
}

function isFill(file: string, at: number, bytes: Uint8Array): boolean {
  if (file.includes("/chunks/")) return at >= 5 && at < 8;
  return file.endsWith("/index") && bytes[at] === 0;
}

function isEqual(a: Ledger, b: Ledger): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
