import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/model/clock.js";
import { formatFloat } from "../../src/model/float-text.js";
import { Labels } from "../../src/model/labels.js";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME, type SampleColumns } from "../../src/model/sample.js";
import { NO_SERIES } from "../../src/model/series.js";
import { isStaleAt, markStaleAt } from "../../src/model/staleness.js";
import type { BlockMeta } from "../../src/storage/block/block-meta.js";
import { BlockReader } from "../../src/storage/block/block-reader.js";
import { type BlockSeries, publishBlocks, writeBlock } from "../../src/storage/block/block-writer.js";
import { removeBlock } from "../../src/storage/block/remove-block.js";
import { ulidSource } from "../../src/storage/block/ulid.js";
import { decodeChunk, encodeChunks } from "../../src/storage/chunk/encode-chunks.js";
import { BulkAppender } from "../../src/storage/compaction/bulk-appender.js";
import { stageCompaction } from "../../src/storage/compaction/compact-blocks.js";
import {
  DEFAULT_BLOCK_DURATION_MS,
  DEFAULT_BLOCK_SAMPLES_MAX,
} from "../../src/storage/compaction/plan-block-ranges.js";
import { nodeFileSystem as fileSystem } from "../../src/storage/fs/node-file-system.js";
import { findPeer, isPeerMissing } from "../support/peers.js";

const ulid = "01J00000000000000000000000";
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "narthex-blocks-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function promtool(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(findPeer("promtool")!, args, { encoding: "utf8" });
  expect(status, `${stdout}${stderr}`).toBe(0);
  return stdout;
}

/** `count` samples from `start` on, every `step` ms, and a staleness marker in the middle. */
function columns(start: number, step: number, count: number): SampleColumns {
  const times = Float64Array.from({ length: count }, (_, i) => start + i * step);
  const values = Float64Array.from({ length: count }, (_, i) => Math.round(Math.sin(i) * 1000) / 100);
  markStaleAt(values, Math.floor(count / 2));
  return { times, values, length: count };
}

const samples: readonly [Labels, SampleColumns][] = (
  [
    [{ __name__: "up", job: "api" }, columns(-7_000_000, 15_000, 400)],
    [{ __name__: "up", job: "café" }, columns(-1, 1, 3)],
    [{ __name__: "zone", city: 'a"b\\c', z: "\u{1f600}" }, columns(-3_600_000, 60_001, 121)],
  ] as const
).map(([labels, each]) => [Labels.from(labels), each]);

const blockSeries: readonly BlockSeries[] = samples.map(([labels, each]) => ({
  labels,
  chunks: encodeChunks(each),
}));

/** A sample as `promtool tsdb dump` prints it, but with the value in one spelling. */
const line = (labels: string, value: string, time: number) => `${labels} ${value} ${time}`;

function dumpLines(dump: string): string[] {
  return dump
    .trim()
    .split("\n")
    .map((text) => {
      const [, labels, value, time] = /^(\{.*\}) (\S+) (-?\d+)$/.exec(text)!;
      return line(labels!, formatFloat(Number(value)), Number(time));
    });
}

describe.skipIf(isPeerMissing("promtool"))("blocks, against promtool", () => {
  it("are analyzed and dumped by promtool with the samples that were written", async () => {
    const range = { minTime: -7_200_000, maxTime: 7_199_999 };
    await writeBlock(fileSystem, directory, {
      ulid,
      range,
      series: blockSeries,
      extra: { narthex: { walSegment: 3 } },
    });
    expect(promtool("tsdb", "list", directory)).toContain(ulid);
    const analysis = promtool("tsdb", "analyze", directory, ulid);
    expect(analysis).toContain("Total Series: 3");
    expect(analysis).toContain("Label names: 4");
    // promtool insists on a WAL beside the blocks; an empty one will do.
    mkdirSync(join(directory, "wal"));
    const bounds = ["--min-time=-100000000", "--max-time=100000000"];
    const dumped = dumpLines(promtool("tsdb", "dump", ...bounds, directory));
    const written = samples.flatMap(([labels, { times, values, length }]) =>
      Array.from({ length }, (_, i) => line(printed(labels), formatFloat(values[i]!), times[i]!)),
    );
    expect(dumped.toSorted()).toEqual(written.toSorted());
  });

  it("of a bulk import, decades long, are dumped by promtool", async () => {
    const metas: BlockMeta[] = [];
    const appender = new BulkAppender({
      fileSystem,
      directory,
      blockDurationMs: DEFAULT_BLOCK_DURATION_MS,
      samplesMax: DEFAULT_BLOCK_SAMPLES_MAX,
      recentFrom: Number.POSITIVE_INFINITY,
      newUlid: ulidSource(systemClock, randomBytes),
      publish: async (made) => {
        await publishBlocks(fileSystem, directory, made);
        metas.push(...made);
      },
    });
    const labels = Labels.from({ __name__: "co2_ppm", site: "mauna loa" });
    const months = Array.from({ length: 700 }, (_, month) => Date.UTC(1958, month, 1));
    for (const [i, time] of months.toReversed().entries()) appender.append(NO_SERIES, labels, time, i);
    await appender.commit();
    expect(metas.length).toBe(2);
    for (const { ulid: made } of metas) promtool("tsdb", "analyze", directory, made);
    mkdirSync(join(directory, "wal"));
    const bounds = [`--min-time=${Date.UTC(1900)}`, `--max-time=${Date.UTC(2100)}`];
    const dumped = dumpLines(promtool("tsdb", "dump", ...bounds, directory));
    expect(dumped).toEqual(months.map((time, i) => line(printed(labels), formatFloat(699 - i), time)));
  });

  it("with tombstones, and what they are compacted to, are dumped by promtool alike", async () => {
    const laterUlid = ulid.replace(/0$/, "1");
    const late = new Map([
      [60_000, 5],
      [7_000_000, 6],
    ]);
    const lateColumns = {
      times: Float64Array.from(late.keys()),
      values: Float64Array.from(late.values()),
      length: 2,
    };
    const [first] = blockSeries;
    const range = { minTime: -7_200_000, maxTime: 7_199_999 };
    await writeBlock(fileSystem, directory, { ulid, range, series: blockSeries });
    const lateSeries = [{ labels: first!.labels, chunks: encodeChunks(lateColumns) }];
    await writeBlock(fileSystem, directory, { ulid: laterUlid, range, series: lateSeries });
    mkdirSync(join(directory, "wal"));
    const sources: BlockReader[] = [];
    for (const name of [ulid, laterUlid])
      sources.push(await BlockReader.open(fileSystem, join(directory, name)));
    await sources[0]!.deleteSamples([new Matcher("job", "=", "api")], {
      minTime: -6_000_000,
      maxTime: -5_000_000,
    });
    await sources[0]!.deleteSamples([new Matcher("__name__", "=", "zone")], ALL_TIME);
    const dump = () =>
      dumpLines(promtool("tsdb", "dump", "--min-time=-100000000", "--max-time=100000000", directory));
    const before = dump();
    expect(before).not.toContainEqual(expect.stringContaining("zone"));

    const meta = await stageCompaction(fileSystem, directory, sources, {
      ulid: ulid.replace(/0$/, "2"),
      encoding: "gorilla",
    });
    await publishBlocks(fileSystem, directory, [meta!]);
    for (const source of sources) {
      await source.close();
      await removeBlock(fileSystem, directory, source.meta.ulid);
    }
    expect(dump()).toEqual(before);
    expect(before).toHaveLength(meta!.stats.numSamples);
    expect(promtool("tsdb", "analyze", directory, meta!.ulid)).toContain("Total Series: 2");
  });

  it("of promtool are read by us with the samples that it was given", async () => {
    const text = [
      "# TYPE a gauge",
      ...Array.from({ length: 300 }, (_, i) => `a{host="ä"} ${i / 4} ${1_600_000_000 + i * 15}`),
      'a{host="b"} NaN 1600000000',
      'a{host="b"} -Inf 1600000030',
      "# EOF\n",
    ].join("\n");
    writeFileSync(join(directory, "in.om"), text);
    promtool("tsdb", "create-blocks-from", "openmetrics", join(directory, "in.om"), join(directory, "out"));
    const [name] = readdirSync(join(directory, "out"));
    const block = await BlockReader.open(fileSystem, join(directory, "out", name!));
    await block.verify();
    const [a, b, ...rest] = await block.querier(ALL_TIME).select([new Matcher("__name__", "=", "a")]);
    expect(rest).toEqual([]);
    expect([a!.labels.toString(), b!.labels.toString()]).toEqual(['a{host="b"}', 'a{host="ä"}']);
    const first = decodeChunk(a!.chunks[0]!);
    expect([...first.times]).toEqual([1_600_000_000_000, 1_600_000_030_000]);
    expect([...first.values]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY]);
    expect(isStaleAt(first.values, 0)).toBe(false);
    const second = b!.chunks.map(decodeChunk);
    expect(second.flatMap(({ times }) => [...times])).toEqual(
      Array.from({ length: 300 }, (_, i) => 1_600_000_000_000 + i * 15_000),
    );
    expect(second.flatMap(({ values }) => [...values])).toEqual(Array.from({ length: 300 }, (_, i) => i / 4));
    await block.close();
  });
});

/** Label sets as promtool prints them: the metric name as a label, values in Go's quotes. */
function printed(labels: Labels): string {
  return `{${[...labels].map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}}`;
}
