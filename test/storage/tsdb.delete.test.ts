import { describe, expect, it } from "vitest";
import { ClosedError, TsdbError } from "../../src/model/errors.js";
import { Labels } from "../../src/model/labels.js";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { NO_SERIES } from "../../src/model/series.js";
import { checkDirectory } from "../../src/storage/tsdb/check-directory.js";
import type { TsdbOptions } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, observe, type SimulatedSample } from "../simulation/ledger.js";
import { SeededRandom } from "../simulation/random.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const window = 10_000;
const series = (name: string) => [new Matcher("series", "=", name)];

interface Fixture {
  readonly fileSystem: MemFileSystem;
  readonly clock: FakeClock;
  open(options?: Partial<TsdbOptions>): Promise<Tsdb>;
}

function fixture(): Fixture {
  const fileSystem = new MemFileSystem();
  const clock = new FakeClock(1_000_000);
  const { bytes: randomBytes } = new SeededRandom(1);
  return {
    fileSystem,
    clock,
    open: (options = {}) =>
      openTsdb({ directory: "data", fileSystem, clock, blockDurationMs: window, randomBytes, ...options }),
  };
}

const at = (name: string, ...times: number[]): SimulatedSample[] =>
  times.map((time) => ({ series: name, time, value: time }));

const keys = async (tsdb: Tsdb) => [...(await observe(tsdb)).keys()].sort();

async function reopened(tsdb: Tsdb, { open }: Fixture, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  await tsdb.close();
  return open(options);
}

describe("Tsdb.deleteSeries", () => {
  it("deletes from head and blocks, for good", async () => {
    const database = fixture();
    let tsdb = await database.open();
    await commitTo(tsdb.bulkAppender(), [...at("a", 1, 2, 3), ...at("b", 1)]);
    await commitTo(tsdb.appender(), [...at("a", 900_000, 900_001, 900_002), ...at("b", 900_000)]);
    await tsdb.deleteSeries(series("a"), { minTime: 2, maxTime: 900_001 });
    const left = ["a@1", "a@900002", "b@1", "b@900000"];
    expect(await keys(tsdb)).toEqual(left);
    for (let i = 0; i < 2; i++) {
      tsdb = await reopened(tsdb, database);
      expect(await keys(tsdb)).toEqual(left);
      await tsdb.runMaintenance();
      expect(await keys(tsdb)).toEqual(left);
    }
    await tsdb.close();
  });

  it("makes the rest of a block readable that has a broken chunk", async () => {
    const database = fixture();
    const { fileSystem } = database;
    const before = await database.open();
    await commitTo(before.bulkAppender(), [...at("a", 1, 2, 3), ...at("b", 1)]);
    const path = `data/${before.describe().blocks[0]!.ulid}/chunks/000001`;
    await before.close();
    const bytes = await fileSystem.readFile(path);
    await fileSystem.remove(path);
    const file = await fileSystem.create(path);
    // Behind the file's header and the chunk's: a byte of the first chunk, that of "a".
    await file.write(bytes.with(12, bytes[12]! ^ 1));
    await file.close();

    const tsdb = await database.open();
    await expect(observe(tsdb)).rejects.toThrow(/the checksum of a chunk is wrong/);
    await tsdb.deleteSeries(series("a"), { minTime: 1, maxTime: 3 });
    expect(await keys(tsdb)).toEqual(["b@1"]);
    await tsdb.clean();
    expect(await keys(tsdb)).toEqual(["b@1"]);
    await tsdb.close();
    expect((await checkDirectory({ directory: "data", fileSystem })).blocks[0]).toMatchObject({
      samples: 1,
      problems: [],
    });
  });

  it("leaves what is committed afterwards, also at the same times", async () => {
    const database = fixture();
    let tsdb = await database.open();
    await commitTo(tsdb.bulkAppender(), at("a", 1));
    await commitTo(tsdb.appender(), at("a", 900_000));
    await tsdb.deleteSeries(series("a"), ALL_TIME);
    expect(await keys(tsdb)).toEqual([]);
    const result = await commitTo(tsdb.appender(), [
      { series: "a", time: 1, value: 7 },
      { series: "a", time: 900_000, value: 8 },
    ]);
    expect(result).toEqual({ appended: 2, rejected: new Map() });
    const left = new Map([
      ["a@1", "7"],
      ["a@900000", "8"],
    ]);
    expect(await observe(tsdb)).toEqual(left);
    await tsdb.runMaintenance();
    expect(await observe(tsdb)).toEqual(left);
    tsdb = await reopened(tsdb, database);
    expect(await observe(tsdb)).toEqual(left);
    await tsdb.close();
  });

  it("keeps a killed process from bringing samples back", async () => {
    const { fileSystem, open } = fixture();
    const tsdb = await open();
    await commitTo(tsdb.appender(), at("a", 900_000, 900_001));
    await tsdb.deleteSeries(series("a"), { minTime: 900_000, maxTime: 900_000 });
    const crashed = await open({ fileSystem: fileSystem.crash(() => 0) });
    expect(await keys(crashed)).toEqual(["a@900001"]);
    await crashed.close();
    await tsdb.close();
  });

  it("keeps a killed process from bringing back what came while a cut took it over", async () => {
    const { fileSystem, open } = fixture();
    const tsdb = await open();
    await commitTo(tsdb.appender(), at("a", 900_000, 970_000));
    let late: Promise<unknown> | undefined;
    fileSystem.onOperation = () => {
      // The segment of the cut is being ended: what is logged now goes to the next one.
      late ??= commitTo(tsdb.appender(), at("a", 899_999));
    };
    await tsdb.runMaintenance();
    await late;
    fileSystem.onOperation = undefined;
    expect(tsdb.describe()).toMatchObject({ headSamples: 1, blocks: [{ samples: 2 }] });
    await tsdb.deleteSeries(series("a"), { minTime: 0, maxTime: 950_000 });
    const crashed = await open({ fileSystem: fileSystem.crash(() => 0) });
    expect(await keys(crashed)).toEqual(["a@970000"]);
    await crashed.close();
    await tsdb.close();
  });

  it("refuses when closed, or when the log has failed", async () => {
    const { fileSystem, open } = fixture();
    const tsdb = await open();
    await commitTo(tsdb.appender(), at("a", 900_000));
    fileSystem.failAfter(0, "sync");
    await expect(commitTo(tsdb.appender(), at("a", 900_001))).rejects.toThrow(TsdbError);
    fileSystem.heal();
    await expect(tsdb.deleteSeries(series("a"), ALL_TIME)).rejects.toThrow("reopen");
    expect(await keys(tsdb)).toContain("a@900000");
    await tsdb.close();
    await expect(tsdb.deleteSeries(series("a"), ALL_TIME)).rejects.toThrow(ClosedError);
    await expect(tsdb.clean()).rejects.toThrow(ClosedError);
  });
});

describe("Tsdb.clean", () => {
  it("frees bytes of blocks and log, and forgets names", async () => {
    const { open } = fixture();
    const tsdb = await open();
    const many = Array.from({ length: 500 }, (_, i) => i * 3);
    await commitTo(tsdb.bulkAppender(), [...at("a", ...many), ...at("b", 1)]);
    await commitTo(tsdb.appender(), [...at("a", ...many.map((time) => 900_000 + time)), ...at("c", 900_000)]);
    await tsdb.deleteSeries(series("a"), ALL_TIME);
    const before = tsdb.describe();
    await tsdb.clean();
    const after = tsdb.describe();
    expect(after.walBytes).toBeLessThan(before.walBytes);
    expect(after.blocks.map(({ samples }) => samples)).toEqual([1]);
    expect(after.blocks[0]!.bytes).toBeLessThan(before.blocks[0]!.bytes);
    expect(await tsdb.querier(ALL_TIME).labelValues("series")).toEqual(["b", "c"]);
    await tsdb.close();
  });

  it("removes a block of which nothing is left", async () => {
    const database = fixture();
    let tsdb = await database.open();
    await commitTo(tsdb.bulkAppender(), at("a", 1));
    await tsdb.deleteSeries([], ALL_TIME);
    await tsdb.clean();
    expect(tsdb.describe().blocks).toEqual([]);
    tsdb = await reopened(tsdb, database);
    expect(tsdb.describe()).toMatchObject({ blocks: [], losses: [], headSamples: 0 });
    await tsdb.close();
  });
});

describe("compaction in an open database", () => {
  it("merges blocks while a querier reads them", async () => {
    const { fileSystem, open } = fixture();
    const events: string[] = [];
    const tsdb = await open({ onEvent: ({ message }) => events.push(message) });
    for (const start of [0, 1, 2, 9])
      await commitTo(tsdb.bulkAppender(), at("a", start * window, start * window + 1));
    const querier = tsdb.querier(ALL_TIME);
    const before = await keys(tsdb);
    const reading = querier.select([]);
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks.map(({ samples }) => samples)).toEqual([6, 2]);
    expect((await reading)[0]!.chunks.reduce((sum, { count }) => sum + count, 0)).toBe(8);
    expect((await querier.select([]))[0]!.chunks.reduce((sum, { count }) => sum + count, 0)).toBe(8);
    expect(await keys(tsdb)).toEqual(before);
    expect((await fileSystem.list("data")).filter((name) => name.startsWith("0"))).toHaveLength(2);
    expect(events).toEqual(["compacted blocks"]);
    await tsdb.close();
  });

  it("lets a long read go on with its blocks, though their names go, and nothing wait for it", async () => {
    const { fileSystem, open } = fixture();
    const tsdb = await open();
    for (const start of [0, 1, 2, 9])
      await commitTo(tsdb.bulkAppender(), at("a", start * window, start * window + 1));
    const scan = tsdb.exchange.scan({ selectors: [], range: ALL_TIME });
    const first = await scan.next();
    await tsdb.runMaintenance();
    await tsdb.deleteSeries(series("a"), { minTime: 0, maxTime: 0 });
    expect(await keys(tsdb)).toHaveLength(7);
    const names = async () => (await fileSystem.list("data")).filter((name) => name.startsWith("0"));
    expect(await names()).toHaveLength(2);
    expect(first.value?.chunks.reduce((sum, { count }) => sum + count, 0)).toBe(8);
    await scan.return();
    await tsdb.clean();
    expect(await names()).toHaveLength(2);
    expect(await keys(tsdb)).toHaveLength(7);
    await tsdb.close();
  });

  it("tells of a block that cannot be merged, and goes on with the others", async () => {
    const { fileSystem, open } = fixture();
    let tsdb = await open();
    for (const start of [0, 1, 2, 9]) await commitTo(tsdb.bulkAppender(), at("a", start * window));
    const [first] = tsdb.describe().blocks;
    await tsdb.close();
    const file = `data/${first!.ulid}/chunks/000001`;
    const bytes = await fileSystem.readFile(file);
    await fileSystem.remove(file);
    await (await fileSystem.create(file)).write(bytes.with(12, 0xff));
    const events: string[] = [];
    tsdb = await open({ onEvent: ({ level, message }) => events.push(`${level} ${message}`) });
    await tsdb.runMaintenance();
    await tsdb.runMaintenance();
    expect(events).toEqual([
      expect.stringMatching(/^error blocks cannot be compacted.*chunks\/000001/),
      "info compacted blocks",
    ]);
    expect(tsdb.describe().blocks.map(({ samples }) => samples)).toEqual([1, 2, 1]);
    await tsdb.close();
  });
});

describe("a cut that a crash has stopped before it shortened the log", () => {
  it.each(["rewritten", "dropped"])(
    "leaves nothing behind that comes back when its block is %s",
    async (fate) => {
      const { fileSystem, clock, open } = fixture();
      const tsdb = await open();
      await commitTo(tsdb.appender(), [...at("a", 900_000, 900_001, 900_002), ...at("b", 999_000)]);
      let killed: MemFileSystem | undefined;
      fileSystem.onOperation = ({ path }) => {
        if (path.includes("checkpoint")) killed ??= fileSystem.kill();
      };
      await tsdb.runMaintenance();
      await tsdb.close();

      await killed!.remove("data/lock");
      let again = await open({ fileSystem: killed! });
      expect(again.describe()).toMatchObject({ blocks: [{ samples: 3 }], headSamples: 1 });
      if (fate === "rewritten") await again.deleteSeries(series("a"), { minTime: 900_001, maxTime: 900_002 });
      else
        again = await reopened(
          again,
          { fileSystem, clock, open },
          { fileSystem: killed!, retentionMs: 50_000 },
        );
      await again.runMaintenance();
      const left = fate === "rewritten" ? ["a@900000", "b@999000"] : ["b@999000"];
      expect(await keys(again)).toEqual(left);
      again = await reopened(again, { fileSystem, clock, open }, { fileSystem: killed! });
      expect(await keys(again)).toEqual(left);
      await again.close();
    },
  );
});

describe("a block whose index is corrupt", () => {
  it("does not keep others from being compacted", async () => {
    const { fileSystem, open } = fixture();
    let tsdb = await open();
    for (const start of [0, 1, 2, 9])
      await commitTo(tsdb.bulkAppender(), at("a", start * window, start * window + 1));
    await tsdb.deleteSeries(series("a"), { minTime: 0, maxTime: 0 });
    const [first] = tsdb.describe().blocks;
    await tsdb.close();
    const file = `data/${first!.ulid}/index`;
    const bytes = await fileSystem.readFile(file);
    const entry = bytes.findIndex((_, i) => i % 16 === 0 && i > 40 && bytes[i]! > 0);
    await fileSystem.remove(file);
    await (await fileSystem.create(file)).write(bytes.with(entry + 2, 0x7f));
    const events: string[] = [];
    tsdb = await open({ onEvent: ({ message }) => events.push(message) });
    await tsdb.runMaintenance();
    expect(events).toEqual([expect.stringMatching(/cannot be compacted.*index/), "compacted blocks"]);
    expect(tsdb.describe().blocks).toHaveLength(3);
    await tsdb.close();
  });
});

describe("retention in an open database", () => {
  it("drops what is too old, and stays within its size", async () => {
    const database = fixture();
    let tsdb = await database.open({ retentionMs: 100 * window });
    for (const start of [1, 50, 98]) await commitTo(tsdb.bulkAppender(), at("a", start * window));
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks).toHaveLength(3);
    tsdb = await reopened(tsdb, database, { retentionMs: 60 * window });
    for (const appender of [tsdb.appender(), tsdb.bulkAppender()]) {
      const { appended, rejected } = await commitTo(appender, at("a", 2 * window, 3 * window));
      expect([appended, rejected.get("too-old")?.count]).toEqual([0, 2]);
    }
    await tsdb.runMaintenance();
    expect(await keys(tsdb)).toEqual(["a@500000", "a@980000"]);
    const bytes = tsdb.describe().blocks.reduce((sum, block) => sum + block.bytes, tsdb.describe().walBytes);
    tsdb = await reopened(tsdb, database, { retentionSizeBytes: bytes - 1 });
    await tsdb.runMaintenance();
    expect(await keys(tsdb)).toEqual(["a@980000"]);
    tsdb = await reopened(tsdb, database);
    expect(await keys(tsdb)).toEqual(["a@980000"]);
    await tsdb.close();
  });
});

describe("series of deleted samples", () => {
  it("can be appended to by a ref that was held before", async () => {
    const { open } = fixture();
    const tsdb = await open();
    const labels = Labels.from({ __name__: "sim", series: "a" });
    const first = tsdb.appender();
    const ref = first.append(NO_SERIES, labels, 900_000, 1);
    await first.commit();
    await tsdb.deleteSeries(series("a"), ALL_TIME);
    await tsdb.clean();
    const second = tsdb.appender();
    second.append(ref, labels, 900_001, 2);
    await second.commit();
    expect(await keys(tsdb)).toEqual(["a@900001"]);
    await tsdb.close();
  });
});
