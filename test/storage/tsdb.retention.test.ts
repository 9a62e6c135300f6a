import { describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { decodeBlockMeta } from "../../src/storage/block/block-meta.js";
import { metaPath } from "../../src/storage/fs/data-directory.js";
import type { TsdbEvent, TsdbOptions } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, observe, type SimulatedSample } from "../simulation/ledger.js";
import { SeededRandom } from "../simulation/random.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const window = 10_000;
const start = 1_000 * window;

const rule = (series: string, retentionMs: number, operator: "=" | "=~" = "=") => ({
  matchers: [new Matcher("series", operator, series)],
  retentionMs,
});

let processes = 0;

/** Every open is by another process; none but the last one lives. */
function fixture(options: Partial<TsdbOptions>, now = start) {
  const fileSystem = new MemFileSystem();
  const clock = new FakeClock(now);
  const events: TsdbEvent[] = [];
  const { bytes: randomBytes } = new SeededRandom(1);
  const open = (more: Partial<TsdbOptions> = {}): Promise<Tsdb> => {
    const ownPid = ++processes;
    return openTsdb({
      ...{ directory: "data", fileSystem, clock, blockDurationMs: window, randomBytes },
      processes: { ownPid, hostName: "test", startTimeOf: (pid) => (pid === ownPid ? "now" : undefined) },
      onEvent: (event) => events.push(event),
      ...options,
      ...more,
    });
  };
  return { fileSystem, clock, events, open };
}

const at = (series: string, ...times: number[]): SimulatedSample[] =>
  times.map((time) => ({ series, time, value: time }));

const times = (from: number, to: number, step = 1000) =>
  Array.from({ length: (to - from) / step }, (_, i) => from + i * step);

const keys = async (tsdb: Tsdb) => [...(await observe(tsdb)).keys()].sort();

async function metasOf(fileSystem: MemFileSystem, tsdb: Tsdb) {
  const ulids = tsdb.describe().blocks.map(({ ulid }) => ulid);
  const paths = ulids.map((ulid) => metaPath(`data/${ulid}`));
  return Promise.all(paths.map(async (path) => decodeBlockMeta(await fileSystem.readFile(path), path)));
}

describe("appends under retention rules", () => {
  it("reject what is older than its own series is kept", async () => {
    const rules = [rule("gold", 0), rule("debug|trace", 5 * window, "=~")];
    const { open } = fixture({ retentionMs: 50 * window, retentionRules: rules });
    const tsdb = await open();
    for (const appender of [tsdb.appender(), tsdb.bulkAppender()]) {
      const { appended, rejected } = await commitTo(appender, [
        ...at("gold", 1, start - 50 * window),
        ...at("debug", start - 5 * window - 1, start - 5 * window),
        ...at("trace", start - 6 * window),
        ...at("web", start - 50 * window - 2, start - 50 * window),
      ]);
      expect(appended).toBe(4);
      expect(rejected.get("too-old")).toMatchObject({
        count: 3,
        first: { labels: Labels.from({ __name__: "sim", series: "debug" }), time: start - 5 * window - 1 },
      });
    }
    await tsdb.close();
  });
});

describe("a block that has outlived some of its series", () => {
  const debugFor5 = { retentionRules: [rule("debug", 5 * window)] };
  /** One block with both series, cut from the head, whose last sample is `age` old. */
  async function blockOf(age: number, options: Partial<TsdbOptions> = debugFor5) {
    const newest = start - (start % window) - 1000;
    const database = fixture(options, newest);
    const tsdb = await database.open();
    const both = times(newest - window + 1000, newest + 1000);
    await commitTo(tsdb.appender(), [...at("debug", ...both), ...at("web", ...both)]);
    database.clock.advance(window);
    await commitTo(tsdb.appender(), at("web", newest + window));
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks).toHaveLength(1);
    database.clock.advance(age - window);
    return { ...database, tsdb, both, newest };
  }
  const counts = async (tsdb: Tsdb) => {
    const found = await keys(tsdb);
    return [found.filter((key) => key.startsWith("debug")).length, found.length];
  };

  it("loses them, bytes and names, and keeps the rest and its place", async () => {
    const { tsdb, fileSystem, clock, events, open } = await blockOf(5 * window);
    await tsdb.runMaintenance();
    expect(await counts(tsdb)).toEqual([10, 21]);
    const [before] = await metasOf(fileSystem, tsdb);
    const { bytes } = tsdb.describe().blocks[0]!;
    clock.advance(1);
    await tsdb.runMaintenance();
    expect(await counts(tsdb)).toEqual([0, 11]);
    expect(await tsdb.querier(ALL_TIME).labelValues("series")).toEqual(["web"]);
    const [after] = await metasOf(fileSystem, tsdb);
    expect(after!.ulid).not.toBe(before!.ulid);
    expect(after).toMatchObject({
      ...{ minTime: before!.minTime, maxTime: before!.maxTime, narthex: before!.narthex },
      compaction: { level: 1, sources: before!.compaction.sources },
      stats: { numSeries: 1, numSamples: 10 },
    });
    expect(tsdb.describe().blocks[0]!.bytes).toBeLessThan(bytes);
    expect(events.at(-1)).toMatchObject({ message: "compacted blocks", facts: { reason: "retention" } });
    await tsdb.close();
    const reopened = await open();
    expect(await counts(reopened)).toEqual([0, 11]);
    await reopened.close();
  });

  it("is written anew once, not with every pass", async () => {
    const { tsdb, clock, open } = await blockOf(5 * window + 1);
    await tsdb.runMaintenance();
    const { blocks } = tsdb.describe();
    await tsdb.close();
    const reopened = await open();
    for (let i = 0; i < 5; i++) {
      clock.advance(window);
      await reopened.runMaintenance();
    }
    expect(reopened.describe().blocks.map(({ ulid }) => ulid)).toEqual(blocks.map(({ ulid }) => ulid));
    await reopened.close();
  });

  it("hides them also when there is no room to write it anew, and does that when there is", async () => {
    const { tsdb, fileSystem, events, open } = await blockOf(5 * window + 1);
    fileSystem.free = 0;
    for (let i = 0; i < 3; i++) {
      await tsdb.runMaintenance();
      expect(await counts(tsdb)).toEqual([0, 11]);
    }
    expect(events.filter(({ message }) => message.includes("until there is room"))).toHaveLength(1);
    expect(tsdb.describe().blocks[0]!.samples).toBe(20);
    await tsdb.close();
    const reopened = await open();
    expect(await counts(reopened)).toEqual([0, 11]);
    fileSystem.free = Infinity;
    await reopened.runMaintenance();
    expect(reopened.describe().blocks[0]!.samples).toBe(10);
    await reopened.close();
  });

  it("goes as a whole when it has outlived the last of them", async () => {
    const options = { retentionMs: 4 * window, retentionRules: [rule("web", 9 * window)] };
    const { tsdb, clock } = await blockOf(4 * window + 1, options);
    await tsdb.runMaintenance();
    expect(await counts(tsdb)).toEqual([0, 11]);
    clock.advance(5 * window - 1);
    await tsdb.runMaintenance();
    expect(await counts(tsdb)).toEqual([0, 11]);
    clock.advance(1);
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks).toEqual([]);
    await tsdb.close();
  });

  it("goes as a whole when it has only series that are kept short, though others are kept for ever", async () => {
    const options = { retentionRules: [rule("debug|web", 4 * window, "=~")] };
    const { tsdb, events } = await blockOf(4 * window + 1, options);
    await tsdb.runMaintenance();
    expect(tsdb.describe().blocks).toEqual([]);
    expect(events.at(-1)!.message).toBe("dropped old blocks");
    await tsdb.close();
  });

  it("is told of and left as it is when its index is broken", async () => {
    const { tsdb, fileSystem, events, open } = await blockOf(5 * window + 1);
    const path = `data/${tsdb.describe().blocks[0]!.ulid}/index`;
    await tsdb.close();
    await breakPostings(fileSystem, path);
    const reopened = await open();
    await reopened.runMaintenance().catch(() => undefined);
    await reopened.runMaintenance().catch(() => undefined);
    expect(events.filter(({ message }) => message.includes("leaves a block as it is"))).toHaveLength(1);
    expect(reopened.describe().blocks).toHaveLength(1);
    await reopened.close();
  });

  it("keeps all that is kept and shows nothing by halves, wherever the machine stops", async () => {
    const { tsdb, fileSystem, clock, open, both, newest } = await blockOf(5 * window + 1);
    const web = at("web", ...both, newest + window).map(({ time }) => `web@${time}`);
    const all = [...at("debug", ...both).map(({ time }) => `debug@${time}`), ...web].sort();
    const random = new SeededRandom(3);
    const stopped: MemFileSystem[] = [];
    fileSystem.onOperation = () => {
      stopped.push(
        fileSystem.kill(),
        fileSystem.crash(() => 0),
        fileSystem.crash(() => random.next()),
      );
    };
    await tsdb.runMaintenance();
    fileSystem.onOperation = undefined;
    await tsdb.close();
    expect(stopped.length).toBeGreaterThan(30);
    clock.advance(1);
    let hidden = 0;
    for (const found of stopped) {
      const reopened = await open({ fileSystem: found });
      const seen = await keys(reopened);
      if (seen.length === web.length) hidden++;
      expect([all, web.sort()]).toContainEqual(seen);
      await reopened.runMaintenance();
      expect(await keys(reopened)).toEqual(web);
      expect(reopened.describe()).toMatchObject({ blocks: [{ series: 1, samples: 10 }], losses: [] });
      await reopened.close();
    }
    expect(hidden).toBeGreaterThan(10);
  });
});

describe("Tsdb.clean", () => {
  it("applies a new rule to old and long blocks at once", async () => {
    const { open, clock } = fixture({ blockDurationMs: 100 * window });
    let tsdb = await open();
    await commitTo(tsdb.bulkAppender(), [
      ...at("debug", ...times(start - 40 * window, start - window, window)),
      ...at("web", ...times(start - 40 * window, start - window, window)),
    ]);
    await tsdb.close();
    tsdb = await open({ retentionRules: [rule("debug", 10 * window)] });
    clock.advance(1);
    await tsdb.runMaintenance();
    expect(await keys(tsdb)).toHaveLength(78);
    await tsdb.clean();
    expect(await keys(tsdb)).toHaveLength(39 + 8);
    expect(tsdb.describe().blocks.map(({ samples }) => samples)).toEqual([39 + 8]);
    await tsdb.close();
  });
});

describe("a database that lives long under retention rules", () => {
  const retentionMs = 40 * window;
  const latest = retentionMs / 10 + 3 * window;

  it("shows all that is kept and little that is not; blocks grow; each is written anew seldom", async () => {
    const { open, clock, events } = fixture({ retentionRules: [rule("debug", retentionMs)] });
    let tsdb = await open();
    const model: SimulatedSample[] = [];
    for (let step = 0; step < 200; step++) {
      const samples = ["debug", "web"].flatMap((series) => at(series, clock.now(), clock.now() + 3000));
      model.push(...samples);
      await commitTo(tsdb.appender(), samples);
      clock.advance(window);
      await tsdb.runMaintenance();
      if (step % 40 === 39) {
        await tsdb.close();
        tsdb = await open();
      }
      if (step % 10 !== 9) continue;
      const seen = new Set(await keys(tsdb));
      for (const { series, time } of model) {
        const age = clock.now() - time;
        const isKept = series === "web" || age <= retentionMs;
        if (isKept) expect(seen).toContain(`${series}@${time}`);
        else if (age > retentionMs + latest) expect(seen).not.toContain(`${series}@${time}`);
      }
    }
    const { blocks } = tsdb.describe();
    const longest = Math.max(...blocks.map(({ range }) => range.maxTime - range.minTime));
    expect(longest).toBeGreaterThan(27 * window * 0.9);
    const reasons = events.flatMap(({ facts }) => (facts?.reason === undefined ? [] : [facts.reason]));
    expect(reasons.filter((reason) => reason === "retention").length).toBeLessThan(200 / 3);
    await tsdb.close();
  });
});

/** Changes a byte of every postings list, which are read when they are asked for. */
async function breakPostings(fileSystem: MemFileSystem, path: string): Promise<void> {
  const bytes = (await fileSystem.readFile(path)).slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const toc = bytes.length - 52;
  const postings = Number(view.getBigUint64(toc + 32));
  const postingsOffsets = Number(view.getBigUint64(toc + 40));
  for (let i = postings + 8; i < postingsOffsets; i++) bytes[i]! ^= 1;
  await fileSystem.remove(path);
  const file = await fileSystem.create(path);
  await file.write(bytes);
  await file.sync();
  await file.close();
}

describe("a head to which nothing is written any more", () => {
  const rules = { retentionMs: 50 * window, retentionRules: [rule("debug", 5 * window)] };
  async function stopped() {
    const database = fixture(rules);
    const tsdb = await database.open();
    await commitTo(tsdb.appender(), [...at("debug", start, start + 1), ...at("web", start, start + 1)]);
    return { ...database, tsdb };
  }

  it("loses what is kept no longer with the next pass, the log too, and is not cut before", async () => {
    const { tsdb, clock, open } = await stopped();
    clock.advance(5 * window + 1);
    await tsdb.runMaintenance();
    expect(tsdb.describe()).toMatchObject({ headSamples: 4, blocks: [] });
    clock.advance(window);
    await tsdb.runMaintenance();
    expect(await keys(tsdb)).toEqual((await keys(tsdb)).filter((key) => key.startsWith("web")));
    expect(tsdb.describe()).toMatchObject({ headSamples: 0, blocks: [{ samples: 2 }] });
    clock.advance(50 * window);
    await tsdb.runMaintenance();
    expect(tsdb.describe()).toMatchObject({ headSamples: 0, blocks: [] });
    await tsdb.close();
    const reopened = await open();
    expect(await keys(reopened)).toEqual([]);
    await reopened.close();
  });

  it("is not cut again and again by late samples of series that are kept for longer", async () => {
    const { tsdb, clock } = await stopped();
    clock.advance(6 * window);
    await tsdb.runMaintenance();
    await commitTo(tsdb.appender(), at("web", start + 2));
    await tsdb.runMaintenance();
    expect(tsdb.describe()).toMatchObject({ headSamples: 1 });
    await tsdb.close();
  });

  it("loses it at once by clean, also where it has newer samples", async () => {
    const { tsdb, clock } = await stopped();
    clock.advance(5 * window);
    await commitTo(tsdb.appender(), at("web", start + 5 * window));
    clock.advance(1);
    await tsdb.clean();
    expect(await keys(tsdb)).toEqual(expect.arrayContaining([expect.stringContaining("debug")]));
    expect((await keys(tsdb)).filter((key) => key.startsWith("debug"))).toHaveLength(1);
    expect(await keys(tsdb)).toHaveLength(4);
    await tsdb.close();
  });
});
