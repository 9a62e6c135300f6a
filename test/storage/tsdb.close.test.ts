/**
 * Closing while somebody imports or exports: what waits for its user is ended, what works by itself is waited for,
 * and nothing is written or read when the directory is given free.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ClosedError, StorageError } from "../../src/model/errors.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, observe, type SimulatedSample, stage } from "../simulation/ledger.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const blockDurationMs = 10_000;
const begin = 1_000_000;
const everything = { selectors: [], range: ALL_TIME };

const samples: readonly SimulatedSample[] = Array.from({ length: 60 }, (_, i) => ({
  series: "abc"[i % 3]!,
  time: begin + i * 500,
  value: i,
}));

function open(fileSystem: MemFileSystem, directory = "data"): Promise<Tsdb> {
  const clock = new FakeClock(begin + 3 * blockDurationMs);
  return openTsdb({ directory, fileSystem, clock, blockDurationMs });
}

async function filled(fileSystem: MemFileSystem, directory = "data"): Promise<Tsdb> {
  const tsdb = await open(fileSystem, directory);
  await commitTo(tsdb.appender(), samples);
  await tsdb.runMaintenance();
  return tsdb;
}

async function expectNothingUnfinished(fileSystem: MemFileSystem): Promise<void> {
  expect((await fileSystem.list("data")).filter((name) => name.includes("tmp"))).toEqual([]);
}

describe("close", () => {
  it("rolls back an import that is not being committed", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open(fileSystem);
    const appender = tsdb.bulkAppender();
    stage(appender, samples);
    await tsdb.close();
    expect(() => stage(appender, samples)).toThrow(ClosedError);
    await expect(appender.commit()).rejects.toThrow(ClosedError);
    await expectNothingUnfinished(fileSystem);
    const reopened = await open(fileSystem);
    expect((await observe(reopened)).size).toBe(0);
    await reopened.close();
  });

  it("waits for an import that is being committed", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await open(fileSystem);
    const imported = commitTo(tsdb.bulkAppender(), samples);
    await tsdb.close();
    expect((await imported).appended).toBe(samples.length);
    const reopened = await open(fileSystem);
    expect((await observe(reopened)).size).toBe(samples.length);
    await reopened.close();
  });

  it("ends the import of a directory at whatever step, which then has imported all or rejects", async () => {
    const outcomes = new Set<string>();
    for (let step = 1; ; step += 3) {
      const fileSystem = new MemFileSystem();
      const source = await filled(fileSystem, "source");
      const expected = await observe(source);
      await source.close();
      const tsdb = await open(fileSystem);
      const at = fileSystem.operations + step;
      let closing: Promise<void> | undefined;
      fileSystem.onOperation = ({ index }) => {
        if (index === at) closing = tsdb.close();
      };
      const outcome = await tsdb.exchange.importDirectory("source").then(
        () => "imported",
        (error: unknown) => (error as Error).constructor.name,
      );
      fileSystem.onOperation = undefined;
      if (closing === undefined) break;
      outcomes.add(outcome);
      await closing;
      await expectNothingUnfinished(fileSystem);
      const { operations } = fileSystem;
      await nextTurn();
      expect(fileSystem.operations, "nobody goes on").toBe(operations);
      const reopened = await open(fileSystem);
      if (outcome === "imported") expect(await observe(reopened)).toEqual(expected);
      await reopened.close();
    }
    expect([...outcomes].sort()).toEqual(["ClosedError", "imported"]);
  });

  it("ends a scan that nobody goes on with; to go on with it rejects", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const scan = tsdb.exchange.scan(everything);
    expect((await scan.next()).done).toBe(false);
    await tsdb.close();
    await expect(scan.next()).rejects.toThrow(ClosedError);
  });

  it("waits for all reads of a scan of which one has failed", async () => {
    const fileSystem = new MemFileSystem();
    const openForRead = fileSystem.openForRead.bind(fileSystem);
    let brokenBlock: string | undefined;
    let goOn: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const closed: string[] = [];
    fileSystem.openForRead = async (path) => {
      const file = await openForRead(path);
      return {
        size: file.size,
        async read(into, position) {
          if (brokenBlock !== undefined && path.includes(brokenBlock))
            throw new StorageError(`cannot read ${path}`);
          if (brokenBlock !== undefined) await gate;
          return file.read(into, position);
        },
        async close() {
          closed.push(path);
        },
      };
    };
    const tsdb = await filled(fileSystem);
    const { blocks } = tsdb.describe();
    expect(blocks.length).toBeGreaterThan(1);
    closed.length = 0;
    brokenBlock = blocks[0]!.ulid;
    const step = tsdb.exchange.scan(everything).next();
    step.catch(() => undefined);
    const closing = tsdb.close();
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(closed.filter((path) => path.includes("/chunks/"))).toEqual([]);
    goOn();
    await expect(step).rejects.toThrow("cannot read");
    await closing;
    expect(closed.filter((path) => path.includes("/chunks/")).length).toBe(blocks.length);
  });

  it("waits for the step of a scan that is being taken", async () => {
    const fileSystem = new MemFileSystem();
    const tsdb = await filled(fileSystem);
    const scan = tsdb.exchange.scan(everything);
    const first = scan.next();
    await tsdb.close();
    expect((await first).done).toBe(false);
    await expect(scan.next()).rejects.toThrow(ClosedError);
  });
});
