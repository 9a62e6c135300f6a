/**
 * An entry of the index of a block that is broken: one series. What does not need it goes on, and once the series is
 * deleted, all is well again.
 */

import { describe, expect, it } from "vitest";
import { CorruptionError } from "../../src/model/errors.js";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { checkDirectory } from "../../src/storage/tsdb/check-directory.js";
import type { TsdbEvent } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo } from "../simulation/ledger.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const window = 10_000;
const series = ["a", "b", "c"];
const processes = (pid: number) => ({
  ...{ ownPid: pid, hostName: "here" },
  startTimeOf: (other: number) => (other === pid ? "now" : undefined),
});

/** Windows that were cut one by one; the entry of b is broken in the first of them. */
async function withBrokenSeries(cuts: number) {
  let fileSystem = new MemFileSystem();
  const clock = new FakeClock(100 * window);
  const events: TsdbEvent[] = [];
  const open = (pid: number): Promise<Tsdb> =>
    openTsdb({
      ...{ directory: "data", fileSystem, clock, blockDurationMs: window, processes: processes(pid) },
      onEvent: (event) => events.push(event),
    });
  const tsdb = await open(1);
  for (let i = 0; i <= cuts + 1; i++) {
    const times = [0, 1000, 9000].map((time) => i * window + time);
    await commitTo(
      tsdb.appender(),
      series.flatMap((name) => times.map((time) => ({ series: name, time, value: time }))),
    );
    // The next pass cuts another one.
    if (i <= cuts) await tsdb.runMaintenance();
  }
  const [first] = tsdb.describe().blocks;
  await tsdb.close();
  fileSystem = fileSystem.kill();
  const path = `data/${first!.ulid}/index`;
  const bytes = await fileSystem.readFile(path);
  await replaceFile(fileSystem, path, await breakSecondSeries(bytes));
  events.length = 0;
  return { fileSystem, open: () => open(2), events, broken: first!.ulid };
}

/** Entries of series are aligned to 16 bytes; `toc` says where they begin. */
async function breakSecondSeries(bytes: Uint8Array): Promise<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = Number(view.getBigUint64(bytes.length - 52 + 8));
  const second = first + 16 * Math.ceil((1 + bytes[first]! + 4) / 16);
  return bytes.with(second + 2, bytes[second + 2]! ^ 1);
}

async function replaceFile(fileSystem: MemFileSystem, path: string, bytes: Uint8Array): Promise<void> {
  await fileSystem.remove(path);
  const file = await fileSystem.create(path);
  await file.write(bytes);
  await file.close();
}

const only = (name: string) => [new Matcher("series", "=", name)];

async function timesOf(tsdb: Tsdb, name: string): Promise<number> {
  const found = await tsdb.querier(ALL_TIME).select(only(name));
  return found.flatMap(({ chunks }) => chunks).reduce((sum, { count }) => sum + count, 0);
}

describe("a series whose entry in an index is broken", () => {
  it("keeps no query from working that does not select it, and is named by those that do", async () => {
    const { open, broken } = await withBrokenSeries(1);
    const tsdb = await open();
    expect([await timesOf(tsdb, "a"), await timesOf(tsdb, "c")]).toEqual([9, 9]);
    await expect(timesOf(tsdb, "b")).rejects.toThrow(new RegExp(`checksum.*data/${broken}/index at byte`));
    await tsdb.close();
  });

  it("is told once by a check, by its labels", async () => {
    const { fileSystem, broken } = await withBrokenSeries(1);
    const { blocks } = await checkDirectory({
      ...{ fileSystem, directory: "data", processes: processes(3) },
    });
    expect(blocks.map(({ problems }) => problems)).toEqual([
      [
        {
          file: `data/${broken}/index`,
          offset: expect.any(Number),
          message: expect.stringMatching(/^a checksum of the index is wrong .*: sim{series="b"}$/),
        },
      ],
    ]);
  });

  it("keeps its block from being merged, but not the others", async () => {
    const { open, events, broken } = await withBrokenSeries(3);
    const tsdb = await open();
    await tsdb.runMaintenance();
    const failures = events.filter(({ level }) => level === "error");
    expect(failures).toMatchObject([{ facts: { blocks: broken } }]);
    expect(tsdb.describe().blocks.map(({ ulid }) => ulid)).toContain(broken);
    expect(events.some(({ message }) => message === "compacted blocks")).toBe(true);
    await tsdb.close();
  });

  it.each([
    ["at once", [ALL_TIME]],
    [
      "in parts",
      [
        { minTime: 0, maxTime: 4000 },
        { minTime: 4001, maxTime: window },
      ],
    ],
  ])("is no trouble any more when it is deleted %s", async (_how, ranges) => {
    const { fileSystem, open } = await withBrokenSeries(1);
    const tsdb = await open();
    for (const range of ranges) await tsdb.deleteSeries(only("b"), range);
    expect(await timesOf(tsdb, "a")).toBe(9);
    await tsdb.querier(ALL_TIME).select([]);
    await tsdb.querier(ALL_TIME).labelNames([new Matcher("series", "!=", "a")]);
    const exported: string[] = [];
    for await (const { labels } of tsdb.exchange.scan({ selectors: [], range: ALL_TIME }))
      exported.push(labels.get("series"));
    expect(exported).toEqual(expect.arrayContaining(["a", "c"]));
    await tsdb.clean();
    await tsdb.close();
    const { blocks } = await checkDirectory({
      ...{ fileSystem, directory: "data", processes: processes(3) },
    });
    expect(blocks).toMatchObject([{ series: 2, samples: 6, problems: [] }]);
  });

  it("is merged once it is deleted, also after a merge has failed", async () => {
    const { open, events, broken } = await withBrokenSeries(3);
    const tsdb = await open();
    await tsdb.runMaintenance();
    await tsdb.deleteSeries(only("b"), ALL_TIME);
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks.map(({ ulid }) => ulid)).not.toContain(broken);
    expect(events.filter(({ level }) => level === "error")).toHaveLength(1);
    await expect(tsdb.querier(ALL_TIME).select([])).resolves.not.toBeInstanceOf(CorruptionError);
    await tsdb.close();
  });
});
