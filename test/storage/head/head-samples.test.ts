import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALL_TIME, type TimeRange } from "../../../src/model/sample.js";
import type { EncodedChunk } from "../../../src/model/series.js";
import { isStaleAt, markStaleAt } from "../../../src/model/staleness.js";
import { decodeChunk } from "../../../src/storage/chunk/encode-chunks.js";
import { HeadSamples, type TakenChunks } from "../../../src/storage/head/head-samples.js";
import type { AppendOutcome } from "../../../src/storage/head/out-of-order-samples.js";

/** One series of the head. */
function newSeries(samples = new HeadSamples(), slot = 1) {
  samples.begin(slot);
  return {
    append: (time: number, values: Float64Array, index: number) => {
      const row = { times: Float64Array.of(time), values: values.subarray(index), length: 1 };
      let outcome: AppendOutcome = "appended";
      samples.appendRows({ ...row, slots: Uint32Array.of(slot) }, 1, (_row, other) => {
        outcome = other;
      });
      return outcome;
    },
    appendChunk: (chunk: EncodedChunk) => samples.appendChunk(slot, chunk),
    chunksIn: (range: TimeRange) => samples.chunksIn(slot, range),
    takeBelow: (end: number) => samples.takeBelow(slot, end),
    takenChunks: (taken: TakenChunks) => samples.takenChunks(taken),
    dropTaken: (taken: TakenChunks) => samples.dropTaken(slot, taken),
    deleteSamples: (range: TimeRange) => samples.deleteSamples(slot, range),
    move: () => samples.moveFromSparseSlabs(slot),
    get sampleCount() {
      return samples.sampleCountOf(slot);
    },
    get chunkCount() {
      return samples.finishedChunkCount() + Math.min(1, samples.states.openCountOf(slot));
    },
    get minTime() {
      return samples.minTimeOf(slot);
    },
    get maxTime() {
      return samples.maxTimeOf(slot);
    },
  };
}

type TestSeries = ReturnType<typeof newSeries>;

const append = (series: TestSeries, time: number, value: number) =>
  series.append(time, Float64Array.of(value), 0);

/** Every sample in the order of the chunks. */
function samplesOf(series: TestSeries, range: TimeRange = ALL_TIME): [number, number][] {
  return series.chunksIn(range).flatMap((chunk) => {
    const { times, values, length } = decodeChunk(chunk);
    return Array.from({ length }, (_, i): [number, number] => [times[i]!, values[i]!]);
  });
}

describe("HeadSamples", () => {
  it("closes a chunk after 120 samples, the first one of a series earlier", () => {
    const series = newSeries();
    for (let i = 0; i < 250; i++) append(series, i, i);
    expect(series.chunksIn(ALL_TIME).map((chunk) => chunk.count)).toEqual([80, 120, 50]);
    expect(series.chunkCount).toBe(3);
    expect(samplesOf(series)).toEqual(Array.from({ length: 250 }, (_, i) => [i, i]));
  });

  it("closes a chunk of values that compress badly when it has three cells", () => {
    const series = newSeries();
    for (let i = 0; i < 250; i++) append(series, i, Math.sin(i));
    const sizes = series.chunksIn(ALL_TIME).map((chunk) => chunk.bytes.length);
    for (const size of sizes) expect(size).toBeLessThan(190);
    for (const size of sizes.slice(1, -1)) expect(size).toBeGreaterThan(160);
    expect(samplesOf(series)).toEqual(Array.from({ length: 250 }, (_, i) => [i, Math.sin(i)]));
  });

  it("hands out only chunks that overlap the range", () => {
    const series = newSeries();
    for (let i = 0; i < 250; i++) append(series, i, i);
    append(series, -5, 1);
    const firstTimes = (range: TimeRange) => series.chunksIn(range).map((chunk) => chunk.minTime);
    expect(firstTimes({ minTime: 79, maxTime: 79 })).toEqual([0]);
    expect(firstTimes({ minTime: 79, maxTime: 80 })).toEqual([0, 80]);
    expect(firstTimes({ minTime: 200, maxTime: 210 })).toEqual([200]);
    expect(firstTimes({ minTime: -10, maxTime: -1 })).toEqual([-5]);
    expect(firstTimes({ minTime: 250, maxTime: 300 })).toEqual([]);
  });

  it("lets a reader keep an open chunk while it grows", () => {
    const series = newSeries();
    append(series, 1, 10);
    append(series, 2, 20.5);
    const before = series.chunksIn(ALL_TIME)[0]!;
    for (let i = 3; i < 300; i++) append(series, i, i * 1.1);
    const { times, values } = decodeChunk(before);
    expect([...times]).toEqual([1, 2]);
    expect([...values]).toEqual([10, 20.5]);
  });

  it("calls an exact repetition repeated and another value conflicting, wherever the sample is", () => {
    const series = newSeries();
    for (let i = 0; i < 130; i++) append(series, i * 10, i);
    append(series, 15, 1.5);
    for (const [time, value] of [
      [20, 2],
      [1290, 129],
      [1200, 120],
      [15, 1.5],
    ] as const) {
      expect(append(series, time, value)).toBe("repeated");
      expect(append(series, time, value + 1)).toBe("conflicting");
    }
    expect(series.sampleCount).toBe(131);
  });

  it("keeps staleness markers apart from ordinary NaN", () => {
    const series = newSeries();
    const values = Float64Array.of(Number.NaN, 0);
    markStaleAt(values, 1);
    expect(series.append(5, values, 1)).toBe("appended");
    expect(series.append(5, values, 1)).toBe("repeated");
    expect(series.append(5, values, 0)).toBe("conflicting");
    expect(series.append(3, values, 1)).toBe("appended");
    for (const chunk of series.chunksIn(ALL_TIME)) expect(isStaleAt(decodeChunk(chunk).values, 0)).toBe(true);
  });

  it("drops exactly what was taken, and keeps what came meanwhile", () => {
    const series = newSeries();
    for (let i = 0; i < 300; i++) append(series, i * 10, i);
    append(series, 55, 5.5);
    append(series, 2995, 0);
    const taken = series.takeBelow(1500);
    expect(append(series, 65, 6.5)).toBe("appended");
    expect(append(series, 55, 5.5)).toBe("repeated");
    expect(append(series, 3000, 300)).toBe("appended");
    series.dropTaken(taken);
    const rest = Array.from({ length: 150 }, (_, i) => [1500 + i * 10, 150 + i]);
    expect(samplesOf(series)).toEqual([...rest, [2995, 0], [3000, 300], [65, 6.5]]);
    expect(series.sampleCount).toBe(153);
    expect(series.minTime).toBe(65);
    expect(series.maxTime).toBe(3000);
  });

  it("drops nothing when what was taken has changed meanwhile: no block would have it", () => {
    const series = newSeries();
    for (let i = 0; i < 300; i++) append(series, i, i);
    const taken = series.takeBelow(200);
    series.deleteSamples({ minTime: 150, maxTime: 160 });
    expect(() => series.dropTaken(taken)).toThrow("what was taken stays until it is dropped");
    expect(samplesOf(series).length).toBe(289);
  });

  it("takes whole chunks that are newer than everything, and no others", () => {
    const source = newSeries();
    for (let i = 0; i < 50; i++) append(source, 100 + i, i);
    const chunk = source.chunksIn(ALL_TIME)[0]!;
    const series = newSeries();
    append(series, 99, 1);
    expect(series.appendChunk(chunk)).toBe(true);
    expect(series.appendChunk(chunk)).toBe(false);
    expect(append(series, 149, 49)).toBe("repeated");
    expect(append(series, 150, 50)).toBe("appended");
    expect(samplesOf(series).map(([time]) => time)).toEqual(Array.from({ length: 52 }, (_, i) => 99 + i));
    expect([series.sampleCount, series.minTime, series.maxTime]).toEqual([52, 99, 150]);
  });

  it("moves chunks out of sparse slabs without changing them", () => {
    const samples = new HeadSamples();
    const stays = newSeries(samples, 1);
    for (let i = 0; i < 121; i++) append(stays, i, i * 1.1);
    const others = Array.from({ length: 1500 }, (_, i) => newSeries(samples, i + 2));
    for (const [slot, other] of others.entries())
      for (let i = 0; i < 121; i++) append(other, i, Math.sin(i * slot));
    for (const other of others.slice(0, -1)) other.dropTaken(other.takeBelow(1000));
    const before = samplesOf(stays);
    const bytes = samples.capacity().closedChunkBytes;
    stays.move();
    expect(samples.capacity().closedChunkBytes).toBeLessThan(bytes);
    expect(samplesOf(stays)).toEqual(before);
  });

  it("is empty when all was taken, and takes older samples again", () => {
    const series = newSeries();
    for (let i = 0; i < 10; i++) append(series, i, i);
    series.dropTaken(series.takeBelow(100));
    expect(series.sampleCount).toBe(0);
    expect(series.chunkCount).toBe(0);
    expect(series.minTime).toBe(Infinity);
    expect(append(series, 3, 33)).toBe("appended");
    expect(append(series, 12, 12)).toBe("appended");
    expect(append(series, 3, 34)).toBe("conflicting");
    expect(samplesOf(series)).toEqual([
      [12, 12],
      [3, 33],
    ]);
  });

  it("is a map from time to the first value, under any appends and cuts", () => {
    const command = fc.oneof(
      {
        weight: 20,
        arbitrary: fc.record({
          time: fc.integer({ min: -500, max: 500 }),
          value: fc.integer({ min: 0, max: 2 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ end: fc.integer({ min: -500, max: 500 }) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          deletedFrom: fc.integer({ min: -500, max: 500 }),
          spanMs: fc.constantFrom(0, 1, 50, 1000),
        }),
      },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 1000, size: "max" }), (commands) => {
        const series = newSeries();
        const model = new Map<number, number>();
        for (const each of commands) {
          if ("end" in each) {
            series.dropTaken(series.takeBelow(each.end));
            for (const time of [...model.keys()]) if (time < each.end) model.delete(time);
            continue;
          }
          if ("deletedFrom" in each) {
            const range = { minTime: each.deletedFrom, maxTime: each.deletedFrom + each.spanMs };
            series.deleteSamples(range);
            for (const time of [...model.keys()])
              if (time >= range.minTime && time <= range.maxTime) model.delete(time);
            continue;
          }
          const held = model.get(each.time);
          const expected = held === undefined ? "appended" : held === each.value ? "repeated" : "conflicting";
          expect(append(series, each.time, each.value)).toBe(expected);
          if (held === undefined) model.set(each.time, each.value);
        }
        const sorted = (samples: [number, number][]) => samples.sort(([a], [b]) => a - b);
        expect(sorted(samplesOf(series))).toEqual(sorted([...model]));
        expect(series.sampleCount).toBe(model.size);
      }),
      { numRuns: 40 },
    );
  });
});
