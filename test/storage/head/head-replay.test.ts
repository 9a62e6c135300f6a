import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import type { SeriesRef } from "../../../src/model/series.js";
import { mergeChunks } from "../../../src/storage/chunk/sort-samples.js";
import { ByteWriter } from "../../../src/storage/codec/byte-writer.js";
import { Head } from "../../../src/storage/head/head.js";
import { checkpointRecords } from "../../../src/storage/head/head-checkpoint.js";
import { replayHead } from "../../../src/storage/head/head-replay.js";
import { StagedSamples } from "../../../src/storage/head/staged-samples.js";
import { writeCheckpoint } from "../../../src/storage/wal/checkpoint.js";
import { Wal } from "../../../src/storage/wal/wal.js";
import { encodeWalRecord } from "../../../src/storage/wal/wal-record.js";
import { FakeClock } from "../../support/fake-clock.js";
import { loggedSeries } from "../../support/logged-series.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const x = Labels.from({ __name__: "x" });
const y = Labels.from({ __name__: "y" });

type Row = readonly [ref: number, time: number, value: number];

function recordOf(
  series: readonly (readonly [ref: number, labels: Labels])[],
  rows: readonly Row[],
): Uint8Array {
  const samples = new StagedSamples();
  for (const [ref, time, value] of rows) samples.push(ref, ref as SeriesRef, time, value);
  const writer = new ByteWriter();
  const definitions = series.map(([ref, labels]) => ({ ref: ref as SeriesRef, labels }));
  encodeWalRecord(writer, { kind: "transaction", series: loggedSeries(definitions), samples });
  return writer.toBytes();
}

/** One list of records per segment. */
async function logOf(...segments: readonly (readonly Uint8Array[])[]): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  const wal = await Wal.open(
    { fileSystem, directory: "wal", durability: "commit", durabilityIntervalMs: 100, clock: new FakeClock() },
    1,
  );
  for (const records of segments) {
    for (const record of records) await wal.append(record);
    await wal.rotate();
  }
  await wal.close();
  return fileSystem;
}

function samplesOf(head: Head, labels: Labels): [number, number][] {
  const { times, values, length } = mergeChunks(head.samples.chunksIn(head.series.find(labels), ALL_TIME));
  return Array.from({ length }, (_, i): [number, number] => [times[i]!, values[i]!]);
}

describe("replayHead", () => {
  it("gives the head that wrote the log, conflicts decided the same way", async () => {
    const record = recordOf([[1, x]], [[1, 10, 1]]);
    const fileSystem = await logOf(
      [
        record,
        recordOf(
          [[2, y]],
          [
            [2, 5, 2],
            [1, 10, 9],
            [1, 7, 3],
          ],
        ),
      ],
      [record],
    );
    const { head, summary, orphanCount } = await replayHead(fileSystem, "wal", []);
    expect(samplesOf(head, x)).toEqual([
      [7, 3],
      [10, 1],
    ]);
    expect(samplesOf(head, y)).toEqual([[5, 2]]);
    expect([summary.records, orphanCount, head.sampleCount]).toEqual([3, 0, 3]);
    expect(head.series.refOf(head.series.find(x))).toBe(1);
  });

  it("applies a deletion in its place: to what was there before it, not to what came after", async () => {
    const deletion = new ByteWriter();
    const matchers = [new Matcher("__name__", "=", "x")];
    encodeWalRecord(deletion, { kind: "tombstones", matchers, range: { minTime: 10, maxTime: 20 } });
    const fileSystem = await logOf(
      [
        recordOf(
          [
            [1, x],
            [2, y],
          ],
          [
            [1, 10, 1],
            [1, 15, 1],
            [1, 30, 1],
            [2, 15, 1],
          ],
        ),
        deletion.toBytes(),
      ],
      [recordOf([], [[1, 15, 2]])],
    );
    const { head } = await replayHead(fileSystem, "wal", []);
    expect(samplesOf(head, x)).toEqual([
      [15, 2],
      [30, 1],
    ]);
    expect(samplesOf(head, y)).toEqual([[15, 1]]);
    expect(head.sampleCount).toBe(3);
    expect(head.range).toEqual({ minTime: 15, maxTime: 30 });
  });

  it("skips what a block holds: its range, in segments before the block's", async () => {
    const fileSystem = await logOf(
      [
        recordOf(
          [[1, x]],
          [
            [1, 10, 1],
            [1, 20, 2],
            [1, 30, 3],
          ],
        ),
      ],
      [
        recordOf(
          [],
          [
            [1, 15, 4],
            [1, 20, 5],
          ],
        ),
      ],
    );
    const held = [{ range: { minTime: 10, maxTime: 20 }, walSegment: 2 }];
    const { head } = await replayHead(fileSystem, "wal", held);
    expect(samplesOf(head, x)).toEqual([
      [15, 4],
      [20, 5],
      [30, 3],
    ]);
  });

  it("follows a series that ended and came back under another ref", async () => {
    const fileSystem = await logOf(
      [
        recordOf(
          [
            [1, x],
            [2, y],
          ],
          [
            [1, 1, 1],
            [2, 1, 2],
          ],
        ),
      ],
      [
        recordOf([[3, x]], [[3, 2, 3]]),
        recordOf(
          [[1, y]],
          [
            [1, 3, 4],
            [3, 4, 5],
          ],
        ),
      ],
    );
    const { head } = await replayHead(fileSystem, "wal", []);
    expect(samplesOf(head, x)).toEqual([
      [1, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(samplesOf(head, y)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(head.series.refOf(head.create(Labels.from({ z: "1" })))).toBeGreaterThan(3);
  });

  it("counts samples whose series is unknown", async () => {
    const fileSystem = await logOf([
      recordOf(
        [[1, x]],
        [
          [1, 1, 1],
          [8, 1, 2],
          [8, 2, 2],
        ],
      ),
    ]);
    const { head, orphanCount } = await replayHead(fileSystem, "wal", []);
    expect(orphanCount).toBe(2);
    expect(head.sampleCount).toBe(1);
  });

  it("reports a record that makes no sense, and goes on", async () => {
    const good = recordOf([[1, x]], [[1, 1, 1]]);
    const fileSystem = await logOf([good, Uint8Array.of(99, 1, 2), recordOf([], [[1, 2, 2]])]);
    const { head, summary } = await replayHead(fileSystem, "wal", []);
    expect(head.sampleCount).toBe(2);
    expect(summary.corruptions.map(({ file }) => file)).toEqual(["wal/00000001"]);
  });
});

describe("checkpointRecords", () => {
  it("rewrites the head: all samples, markers too, and named series without samples", async () => {
    const head = new Head();
    const values = Float64Array.from({ length: 50_000 }, (_, i) => Math.sin(i));
    for (let i = 0; i < 3000; i++)
      head.samples.states.markNamed(head.create(Labels.from({ i: String(i) })), 1);
    const series = head.create(x);
    const slots = new Uint32Array(values.length).fill(series);
    const inOrder = Float64Array.from(values, (_, i) => i * 10);
    const late = inOrder.map((time) => time + 5);
    head.replayRows({ slots, times: inOrder, values, length: values.length });
    head.replayRows({ slots, times: late, values, length: 500 });
    head.create(y);

    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("wal");
    const records = [...checkpointRecords(head)].length;
    await writeCheckpoint(fileSystem, "wal", 1, checkpointRecords(head));
    const { head: replayed, summary } = await replayHead(fileSystem, "wal", []);
    expect(records).toBeGreaterThan(3);
    expect(summary.records).toBe(records);
    expect(samplesOf(replayed, x)).toEqual(samplesOf(head, x));
    expect(replayed.series.size).toBe(3001);
    expect(replayed.series.refOf(replayed.series.find(x))).toBe(head.series.refOf(series));
    expect(replayed.series.find(y)).toBe(0);
  });
});
