/**
 * An export that somebody leaves open: merges, retention and cleaning go on, and what it reads stays as it was.
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ALL_TIME } from "../../src/model/sample.js";
import type { Series } from "../../src/model/series.js";
import { mergeChunks } from "../../src/storage/chunk/sort-samples.js";
import { storageFailure } from "../../src/storage/fs/storage-failure.js";
import type { TsdbOptions } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, type Ledger, observe, type SimulatedSample } from "../simulation/ledger.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const blockDurationMs = 10_000;
const begin = 1_000_000;
const everything = { selectors: [], range: ALL_TIME };
let processCount = 0;

function open(fileSystem: MemFileSystem, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  const ownPid = ++processCount;
  const startTimeOf = (pid: number) => (pid === ownPid ? "now" : undefined);
  const processes = { ownPid, hostName: "here", startTimeOf };
  return openTsdb({ directory: "data", fileSystem, blockDurationMs, processes, ...options });
}

/** Half of a window, in each of three series. */
function windowAt(index: number): SimulatedSample[] {
  return [0, 1, 2].flatMap((at) =>
    ["a", "b", "c"].map((series) => ({
      series,
      time: begin + index * blockDurationMs + at * 2000,
      value: index,
    })),
  );
}

/** Writes windows until there were merges, with a scan open that had read one series before. */
async function overtakeScan(tsdb: Tsdb, clock: FakeClock): Promise<AsyncGenerator<Series, void, void>> {
  const scan = tsdb.exchange.scan(everything);
  await scan.next();
  for (let index = 3; index < 12; index++) {
    clock.advance(blockDurationMs);
    await commitTo(tsdb.appender(), windowAt(index));
    await tsdb.runMaintenance();
  }
  return scan;
}

async function start(options: Partial<TsdbOptions> = {}) {
  const fileSystem = new MemFileSystem();
  const clock = new FakeClock(begin + 3 * blockDurationMs);
  const tsdb = await open(fileSystem, { clock, ...options });
  for (let index = 0; index < 3; index++) await commitTo(tsdb.appender(), windowAt(index));
  await tsdb.runMaintenance();
  return { fileSystem, clock, tsdb };
}

/** What is left of a scan of which the first series was taken. */
async function restOf(scan: AsyncGenerator<Series, void, void>): Promise<Ledger> {
  const ledger: Ledger = new Map();
  for await (const { labels, chunks } of scan) {
    const { times, values, length } = mergeChunks(chunks);
    for (let i = 0; i < length; i++) ledger.set(`${labels.get("series")}@${times[i]}`, String(values[i]));
  }
  return ledger;
}

const withoutFirst = (ledger: Ledger): Ledger =>
  new Map([...ledger].filter(([key]) => !key.startsWith("a@")));
const blockNames = async (fileSystem: MemFileSystem) =>
  (await fileSystem.list("data")).filter((name) => name.length >= 26).map((name) => name.slice(0, -1));

describe("an export that somebody leaves open", () => {
  it("holds up no merge; what it reads is as it was, and is closed with it", async () => {
    const { fileSystem, clock, tsdb } = await start();
    const before = await observe(tsdb);
    const blocksBefore = await blockNames(fileSystem);
    const scan = await overtakeScan(tsdb, clock);
    const { blocks, leftBytes } = tsdb.describe();
    expect(await blockNames(fileSystem)).toEqual(blocks.map(({ ulid }) => ulid).sort());
    expect(blocks.filter(({ ulid }) => blocksBefore.includes(ulid))).toEqual([]);
    expect(leftBytes).toBeGreaterThan(0);
    expect(await restOf(scan)).toEqual(withoutFirst(before));
    await nextTurn();
    expect(tsdb.describe().leftBytes).toBe(0);
    await tsdb.close();
  });

  it("reads on where the real file system has no name for the files any more", async () => {
    const parent = mkdtempSync(join(tmpdir(), "narthex-long-reads-"));
    const directory = join(parent, "data");
    const clock = new FakeClock(begin + 3 * blockDurationMs);
    const tsdb = await openTsdb({ directory, blockDurationMs, clock, workers: 0 });
    for (let index = 0; index < 3; index++) await commitTo(tsdb.appender(), windowAt(index));
    await tsdb.runMaintenance();
    const before = await observe(tsdb);
    const scan = await overtakeScan(tsdb, clock);
    expect(tsdb.describe().leftBytes).toBeGreaterThan(0);
    const names = readdirSync(directory).filter((name) => name.length >= 26);
    expect(names.sort()).toEqual(
      tsdb
        .describe()
        .blocks.map(({ ulid }) => ulid)
        .sort(),
    );
    expect(await restOf(scan)).toEqual(withoutFirst(before));
    await tsdb.close();
    rmSync(parent, { recursive: true });
  });

  it("holds up no retention, and no cleaning", async () => {
    const { clock, tsdb } = await start({ retentionMs: 3 * blockDurationMs });
    const before = await observe(tsdb);
    const scan = await overtakeScan(tsdb, clock);
    const oldest = Math.min(...tsdb.describe().blocks.map(({ range }) => range.minTime));
    expect(oldest).toBeGreaterThan(begin + 6 * blockDurationMs);
    await tsdb.deleteSeries([], ALL_TIME);
    await tsdb.clean();
    expect(tsdb.describe().blocks).toEqual([]);
    expect(await restOf(scan)).toEqual(withoutFirst(before));
    await tsdb.close();
  });

  it("leaves everything once to a process that opens after a kill", async () => {
    const { fileSystem, clock, tsdb } = await start();
    const scan = await overtakeScan(tsdb, clock);
    const expected = await observe(tsdb);
    const restarted = await open(fileSystem.kill(), { clock });
    expect(await observe(restarted)).toEqual(expected);
    expect(restarted.describe().losses).toEqual([]);
    await restarted.close();
    await scan.return();
    await tsdb.close();
  });

  it("holds up merges where the system keeps the names of open files, and no longer than it is open", async () => {
    const { fileSystem, clock, tsdb } = await start();
    const before = await observe(tsdb);
    const rename = fileSystem.rename.bind(fileSystem);
    let isOpen = true;
    fileSystem.rename = async (from, to) => {
      if (isOpen && to.endsWith(".tmp"))
        throw storageFailure("rename", from, Object.assign(new TypeError("EPERM"), { code: "EPERM" }));
      return rename(from, to);
    };
    const scan = await overtakeScan(tsdb, clock);
    expect(tsdb.describe().leftBytes).toBeGreaterThan(0);
    const restarted = await open(fileSystem.kill(), { clock });
    expect(await observe(restarted)).toEqual(await observe(tsdb));
    await restarted.close();
    isOpen = false;
    expect(await restOf(scan)).toEqual(withoutFirst(before));
    await tsdb.runMaintenance();
    await tsdb.runMaintenance();
    expect(await blockNames(fileSystem)).toEqual(
      tsdb
        .describe()
        .blocks.map(({ ulid }) => ulid)
        .sort(),
    );
    expect(tsdb.describe().blocks.length).toBeLessThan(6);
    await tsdb.close();
  });
});
