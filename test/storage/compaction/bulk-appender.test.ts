import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClosedError, StorageError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { NO_SERIES, type SeriesRef } from "../../../src/model/series.js";
import { isStaleAt, markStaleAt } from "../../../src/model/staleness.js";
import type { BlockMeta } from "../../../src/storage/block/block-meta.js";
import { BlockReader } from "../../../src/storage/block/block-reader.js";
import { publishBlocks } from "../../../src/storage/block/block-writer.js";
import { ulidSource } from "../../../src/storage/block/ulid.js";
import { mergeChunks } from "../../../src/storage/chunk/sort-samples.js";
import { BulkAppender, type BulkAppenderOptions } from "../../../src/storage/compaction/bulk-appender.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const hour = 3_600_000;

async function setUp(changes: Partial<BulkAppenderOptions> = {}) {
  const fileSystem = new MemFileSystem();
  await fileSystem.makeDirectory("db");
  await fileSystem.syncDirectory("/");
  const opened: BlockMeta[] = [];
  let made = 0;
  const appender = new BulkAppender({
    fileSystem,
    directory: "db",
    blockDurationMs: 2 * hour,
    samplesMax: 1000,
    recentFrom: Number.POSITIVE_INFINITY,
    newUlid: ulidSource(new FakeClock(1), (size) => new Uint8Array(size).fill(++made)),
    publish: async (metas) => {
      await publishBlocks(fileSystem, "db", metas);
      opened.push(...metas);
    },
    ...changes,
  });
  return { fileSystem, appender, opened };
}

/** All samples of all blocks by series, blocks in the order given. */
async function stored(fileSystem: MemFileSystem, metas: readonly BlockMeta[]) {
  const chunks = new Map<string, Parameters<typeof mergeChunks>[0][number][]>();
  for (const { ulid } of metas) {
    const block = await BlockReader.open(fileSystem, `db/${ulid}`);
    await block.verify();
    for (const series of await block.querier(ALL_TIME).select([])) {
      const key = series.labels.toString();
      chunks.set(key, [...(chunks.get(key) ?? []), ...series.chunks]);
    }
  }
  return new Map([...chunks].map(([key, each]) => [key, mergeChunks(each)]));
}

const a = Labels.from({ __name__: "a" });
const b = Labels.from({ __name__: "b" });

describe("BulkAppender", () => {
  it("stores samples of any age and order", async () => {
    const sample = fc.tuple(
      fc.constantFrom("a", "b", "c"),
      fc.integer({ min: -900, max: 900 }).map((n) => n * hour),
      fc.integer(),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(sample, { maxLength: 80 }),
        fc.integer({ min: 1, max: 50 }),
        async (samples, samplesMax) => {
          const { fileSystem, appender, opened } = await setUp({ samplesMax });
          const model = new Map<string, Map<number, number>>();
          const refs = new Map<string, SeriesRef>();
          let conflicts = 0;
          for (const [name, time, value] of samples) {
            refs.set(
              name,
              appender.append(refs.get(name) ?? NO_SERIES, Labels.from({ __name__: name }), time, value),
            );
            const series = model.get(name) ?? new Map();
            model.set(name, series);
            if (!series.has(time)) series.set(time, value);
            else if (series.get(time) !== value) conflicts++;
          }
          const { appended, rejected } = await appender.commit();
          expect(appended).toBe(samples.length - conflicts);
          expect(rejected.get("duplicate-time")?.count ?? 0).toBe(conflicts);
          const found = await stored(fileSystem, opened);
          expect([...found.keys()].sort()).toEqual([...model.keys()].sort());
          for (const [name, { times, values, length }] of found) {
            const expected = [...model.get(name)!].sort(([x], [y]) => x - y);
            expect(Array.from({ length }, (_, i) => [times[i], values[i]])).toEqual(expected);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("rejects what retention would drop, and says so", async () => {
    const ageLimit = { recentFrom: 2 * hour, oldestTimeOf: () => hour };
    const { fileSystem, appender, opened } = await setUp({ ageLimit });
    for (const time of [hour - 1, hour, 0]) appender.append(NO_SERIES, a, time, 7);
    const { appended, rejected } = await appender.commit();
    expect(appended).toBe(1);
    expect(rejected.get("too-old")).toEqual({ count: 2, first: { labels: a, time: hour - 1, value: 7 } });
    expect((await stored(fileSystem, opened)).get("a")!.times[0]).toBe(hour);
  });

  it("writes runs while it collects, and shows all of them at commit", async () => {
    const { fileSystem, appender, opened } = await setUp({ runSamplesMax: 10 });
    let ref = NO_SERIES;
    for (let i = 0; i < 25; i++) ref = appender.append(ref, a, i * 1000, i);
    await appender.drain();
    expect((await fileSystem.list("db")).every((name) => name.endsWith(".tmp/"))).toBe(true);
    expect((await fileSystem.list("db")).length).toBe(2);
    expect(opened).toEqual([]);
    expect((await appender.commit()).appended).toBe(25);
    expect(opened.map(({ stats }) => stats.numSamples)).toEqual([10, 10, 5]);
    expect((await stored(fileSystem, opened)).get("a")!.length).toBe(25);
  });

  it("keeps every value while its columns grow", async () => {
    const { fileSystem, appender, opened } = await setUp({ samplesMax: 100_000 });
    const refs = [NO_SERIES, NO_SERIES];
    for (let i = 0; i < 20_000; i++) {
      refs[i % 2] = appender.append(refs[i % 2]!, [a, b][i % 2]!, i, i / 8);
      if (i % 5000 === 0) appender.appendStale(refs[i % 2]!, [a, b][i % 2]!, -1 - i);
    }
    await appender.commit();
    for (const { times, values, length } of (await stored(fileSystem, opened)).values()) {
      for (let i = 0; i < length; i++) {
        if (times[i]! >= 0) expect(values[i]).toBe(times[i]! / 8);
        else expect(isStaleAt(values, i)).toBe(true);
      }
    }
  });

  it("takes columns by the refs that it gave, markers by their bits", async () => {
    const { fileSystem, appender, opened } = await setUp();
    const ref = appender.append(NO_SERIES, a, 0, 1);
    const values = Float64Array.of(2, 3, 4, 5);
    markStaleAt(values, 2);
    const times = Float64Array.of(10, 20, 30, 40);
    const columns = { refs: Uint32Array.of(ref, 9, ref, 0), times, values, length: 4 };
    expect(appender.appendColumns(columns)).toEqual([1, 3]);
    expect((await appender.commit()).appended).toBe(3);
    const found = (await stored(fileSystem, opened)).get("a")!;
    expect([...found.times]).toEqual([0, 10, 30]);
    expect([0, 1, 2].map((i) => isStaleAt(found.values, i))).toEqual([false, false, true]);
  });

  it("makes few blocks of sparse samples", async () => {
    const { appender, opened } = await setUp();
    for (let month = 0; month < 720; month++) appender.append(NO_SERIES, a, Date.UTC(1958, month, 1), month);
    await appender.commit();
    expect(opened.map(({ stats }) => stats.numSamples)).toEqual([144, 576]);
  });

  it("counts what it rejects, the first of each named", async () => {
    const { appender, opened } = await setUp();
    appender.append(NO_SERIES, Labels.empty, 1, 1);
    appender.append(NO_SERIES, a, 0.5, 1);
    appender.append(NO_SERIES, a, Number.NaN, 1);
    appender.append(NO_SERIES, a, 1, 1);
    appender.append(NO_SERIES, a, 1, 2);
    appender.append(NO_SERIES, a, 1, 1);
    const { appended, rejected } = await appender.commit();
    expect(appended).toBe(2);
    const counted = [...rejected].map(([reason, { count, first }]) => [
      reason,
      count,
      { ...first, labels: `${first.labels}` },
    ]);
    expect(counted).toEqual([
      ["invalid-labels", 1, { labels: "{}", time: 1, value: 1 }],
      ["invalid-time", 2, { labels: "a", time: 0.5, value: 1 }],
      ["duplicate-time", 1, { labels: "a", time: 1, value: 2 }],
    ]);
    expect(opened.length).toBe(1);
  });

  it("keeps staleness markers apart from ordinary NaN", async () => {
    const { fileSystem, appender, opened } = await setUp();
    const ref = appender.append(NO_SERIES, a, 3, Number.NaN);
    appender.appendStale(ref, a, 2);
    // A ref is a hint only: these labels are another series.
    appender.append(ref, b, 1, 7);
    await appender.commit();
    const found = await stored(fileSystem, opened);
    const { values } = found.get("a")!;
    expect([isStaleAt(values, 0), isStaleAt(values, 1), found.get("b")!.values[0]]).toEqual([true, false, 7]);
  });

  it("leaves nothing after a rollback, after a failure, and without samples", async () => {
    const { fileSystem, appender, opened } = await setUp({ runSamplesMax: 2 });
    for (let i = 0; i < 5; i++) appender.append(NO_SERIES, a, i, i);
    appender.rollback();
    await appender.drain();
    expect(await fileSystem.list("db")).toEqual([]);
    expect(() => appender.append(NO_SERIES, a, 1, 1)).toThrow(ClosedError);
    await expect(appender.commit()).rejects.toThrow(ClosedError);

    const broken = await setUp({ runSamplesMax: 2 });
    for (let i = 0; i < 5; i++) broken.appender.append(NO_SERIES, a, i, i);
    await broken.appender.drain();
    broken.fileSystem.onOperation = ({ kind }) => {
      if (kind === "rename") throw new StorageError("the device is gone");
    };
    await expect(broken.appender.commit()).rejects.toThrow("gone");
    expect(await broken.fileSystem.list("db")).toEqual([]);

    const full = await setUp({ runSamplesMax: 2 });
    for (let i = 0; i < 5; i++) full.appender.append(NO_SERIES, a, i, i);
    full.fileSystem.failAfter(20, "ENOSPC");
    await expect(full.appender.commit()).rejects.toThrow("space");
    expect(await full.fileSystem.list("db")).toEqual([]);

    const empty = await setUp();
    expect(await empty.appender.commit()).toEqual({ appended: 0, rejected: new Map() });
    expect([opened, full.opened, empty.opened]).toEqual([[], [], []]);
  });
});
