import { describe, expect, it } from "vitest";
import { ClosedError, StorageError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import type { SeriesRef } from "../../../src/model/series.js";
import { NO_SERIES } from "../../../src/model/series.js";
import { isStaleAt, markStaleAt } from "../../../src/model/staleness.js";
import { decodeChunk } from "../../../src/storage/chunk/encode-chunks.js";
import { Head } from "../../../src/storage/head/head.js";
import { HeadAppender } from "../../../src/storage/head/head-appender.js";

const x = Labels.from({ __name__: "x" });
const y = Labels.from({ __name__: "y" });

/** A head whose log is a list of records, durable at once or when the test says so. */
function headWithLog() {
  const head = new Head();
  const records: { names: string[]; times: number[]; settle: (error?: Error) => void }[] = [];
  const log = { isManual: false };
  const appender = () =>
    new HeadAppender(head, ({ series, samples }) => {
      const { promise, resolve, reject } = withResolvers();
      records.push({
        names: Array.from(series.refs, (ref) =>
          head.series.labelsOf(head.series.slotOf(ref as SeriesRef)).toString(),
        ),
        times: [...samples.times.subarray(0, samples.length)],
        settle: (error) => (error === undefined ? resolve() : reject(error)),
      });
      if (!log.isManual) resolve();
      return promise;
    });
  return { head, records, log, appender };
}

function withResolvers() {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function samplesOf(head: Head, labels: Labels): [number, number][] {
  const slot = head.series.find(labels);
  const chunks = slot === 0 ? [] : head.samples.chunksIn(slot, ALL_TIME);
  return chunks.flatMap((chunk) => {
    const { times, values, length } = decodeChunk(chunk);
    return Array.from({ length }, (_, i): [number, number] => [times[i]!, values[i]!]);
  });
}

describe("HeadAppender", () => {
  it("stages in silence: nothing is visible before the log has it", async () => {
    const { head, records, log, appender } = headWithLog();
    log.isManual = true;
    const transaction = appender();
    transaction.append(NO_SERIES, x, 1, 10);
    expect(head.select([])).toEqual([]);
    const committed = transaction.commit();
    await Promise.resolve();
    expect(head.select([])).toEqual([]);
    records[0]!.settle();
    expect(await committed).toEqual({ appended: 1, rejected: new Map() });
    expect(samplesOf(head, x)).toEqual([[1, 10]]);
  });

  it("names a series until a record that does is durable", async () => {
    const { records, appender } = headWithLog();
    const first = appender();
    const second = appender();
    const ref = first.append(NO_SERIES, x, 1, 1);
    expect(second.append(ref, x, 2, 2)).toBe(ref);
    second.append(NO_SERIES, y, 2, 2);
    const rolledBack = appender();
    rolledBack.append(NO_SERIES, Labels.from({ __name__: "z" }), 1, 1);
    rolledBack.rollback();
    await Promise.all([second.commit(), first.commit()]);
    const third = appender();
    third.append(ref, x, 3, 3);
    await third.commit();
    expect(records.map(({ names }) => names)).toEqual([["x", "y"], ["x"], []]);
  });

  it("applies in log order, whichever order the log resolves in", async () => {
    const { head, records, log, appender } = headWithLog();
    log.isManual = true;
    const first = appender();
    const second = appender();
    second.append(NO_SERIES, x, 1, 2);
    first.append(NO_SERIES, x, 1, 1);
    const results = [first.commit(), second.commit()];
    records[1]!.settle();
    await Promise.resolve();
    records[0]!.settle();
    const [one, two] = await Promise.all(results);
    expect(one!.appended).toBe(1);
    expect(two!.rejected.get("duplicate-time")).toEqual({
      count: 1,
      first: { labels: x, time: 1, value: 2 },
    });
    expect(samplesOf(head, x)).toEqual([[1, 1]]);
  });

  it("counts repetitions as appended and names the first conflict", async () => {
    const { head, appender } = headWithLog();
    const transaction = appender();
    for (const [time, value] of [
      [5, 1],
      [5, 1],
      [5, 2],
      [3, 7],
      [3, 8],
    ] as const)
      transaction.append(NO_SERIES, x, time, value);
    expect(await transaction.commit()).toEqual({
      appended: 3,
      rejected: new Map([["duplicate-time", { count: 2, first: { labels: x, time: 5, value: 2 } }]]),
    });
    expect(samplesOf(head, x)).toEqual([
      [5, 1],
      [3, 7],
    ]);
  });

  it("refuses what is wrong by itself, and keeps the rest of the batch", async () => {
    const { head, appender } = headWithLog();
    const transaction = appender();
    const lone = Labels.from({ __name__: "x", half: "\ud800" });
    expect(transaction.append(NO_SERIES, Labels.empty, 1, 1)).toBe(NO_SERIES);
    transaction.append(NO_SERIES, Labels.fromSorted([""], ["v"]), 1, 1);
    transaction.append(NO_SERIES, Labels.fromSorted(["b", "a"], ["v", "v"]), 1, 1);
    transaction.append(NO_SERIES, lone, 1, 1);
    for (const time of [1.5, Number.NaN, Infinity, 2 ** 53]) transaction.append(NO_SERIES, x, time, 1);
    transaction.append(NO_SERIES, x, -1, 1);
    const { appended, rejected } = await transaction.commit();
    expect(appended).toBe(1);
    expect(rejected.get("invalid-labels")).toEqual({
      count: 4,
      first: { labels: Labels.empty, time: 1, value: 1 },
    });
    expect(rejected.get("invalid-time")!.count).toBe(4);
    expect(head.select([]).map((slot) => head.series.labelsOf(slot))).toEqual([x]);
  });

  it("writes a staleness marker only when asked for one", async () => {
    const { head, appender } = headWithLog();
    const transaction = appender();
    const ref = transaction.append(NO_SERIES, x, 1, Number.NaN);
    transaction.appendStale(ref, x, 2);
    await transaction.commit();
    const { values } = decodeChunk(head.samples.chunksIn(head.series.find(x), ALL_TIME)[0]!);
    expect(isStaleAt(values, 0)).toBe(false);
    expect(isStaleAt(values, 1)).toBe(true);
  });

  it("takes a ref as a hint only", async () => {
    const { head, appender } = headWithLog();
    const transaction = appender();
    const ref = transaction.append(NO_SERIES, x, 1, 1);
    transaction.append(ref, y, 1, 2);
    transaction.append((ref + 77) as typeof ref, x, 2, 3);
    await transaction.commit();
    expect(samplesOf(head, x)).toEqual([
      [1, 1],
      [2, 3],
    ]);
    expect(samplesOf(head, y)).toEqual([[1, 2]]);
  });

  it("acknowledges nothing when the log fails", async () => {
    const { head, records, log, appender } = headWithLog();
    log.isManual = true;
    const transaction = appender();
    transaction.append(NO_SERIES, x, 1, 1);
    const committed = transaction.commit();
    records[0]!.settle(new StorageError("disk full"));
    await expect(committed).rejects.toThrow("disk full");
    expect(head.sampleCount).toBe(0);
  });

  it("is unusable afterwards, but may be rolled back twice", async () => {
    const { appender } = headWithLog();
    const transaction = appender();
    await transaction.commit();
    transaction.rollback();
    expect(() => transaction.append(NO_SERIES, x, 1, 1)).toThrow(ClosedError);
    await expect(transaction.commit()).rejects.toThrow(ClosedError);
    const other = appender();
    other.rollback();
    other.rollback();
    await expect(other.commit()).rejects.toThrow(ClosedError);
  });
});

/** Columns of samples, a NaN being a staleness marker. */
function columnsOf(refs: readonly number[], times: readonly number[], numbers: readonly number[]) {
  const values = Float64Array.from(numbers);
  for (const [i, number] of numbers.entries()) if (Number.isNaN(number)) markStaleAt(values, i);
  return { refs: Uint32Array.from(refs), times: Float64Array.from(times), values, length: refs.length };
}

async function refsOf(appender: () => HeadAppender, time: number, labels: readonly Labels[]) {
  const transaction = appender();
  const refs = labels.map((one) => transaction.append(NO_SERIES, one, time, 0));
  await transaction.commit();
  return refs;
}

describe("HeadAppender.appendColumns", () => {
  it("stages what `append` would, with the bits of the values", async () => {
    const { head, records, appender } = headWithLog();
    const [refX, refY] = await refsOf(appender, 0, [x, y]);
    const transaction = appender();
    const columns = columnsOf([refX!, refY!, refX!, refX!], [10, 10, 20, 5], [1, Number.NaN, 3, 4]);
    expect(transaction.appendColumns(columns)).toEqual([]);
    columns.times.fill(99);
    expect(await transaction.commit()).toEqual({ appended: 4, rejected: new Map() });
    expect(records[1]!.times).toEqual([10, 10, 20, 5]);
    expect(samplesOf(head, x)).toEqual([
      [0, 0],
      [10, 1],
      [20, 3],
      [5, 4],
    ]);
    const { values } = decodeChunk(head.samples.chunksIn(head.series.find(y), ALL_TIME)[0]!);
    expect(isStaleAt(values, 1)).toBe(true);
  });

  it("takes the first rows of longer columns, of refs of either type, and more rows than the kernel takes at once", async () => {
    const { head, appender } = headWithLog();
    const [refX] = await refsOf(appender, -1, [x]);
    const times = Float64Array.from({ length: 5000 }, (_, i) => i);
    const refs = new Float64Array(5000).fill(refX!);
    const transaction = appender();
    expect(transaction.appendColumns({ refs, times, values: times, length: 4999 })).toEqual([]);
    expect((await transaction.commit()).appended).toBe(4999);
    const samples = samplesOf(head, x).slice(1);
    expect(samples).toEqual(Array.from({ length: 4999 }, (_, i) => [i, i]));
  });

  it("gives back rows whose ref has ended or never was", async () => {
    const { head, appender } = headWithLog();
    const [refX] = await refsOf(appender, 0, [x]);
    const transaction = appender();
    const ended = transaction.appendColumns(
      columnsOf([0, refX!, 77, 2 ** 32 - 1, refX!], [1, 1, 1, 1, 2], [5, 6, 7, 8, 9]),
    );
    expect(ended).toEqual([0, 2, 3]);
    for (const row of ended) transaction.append(NO_SERIES, y, row, row);
    expect((await transaction.commit()).appended).toBe(5);
    expect(samplesOf(head, x)).toEqual([
      [0, 0],
      [1, 6],
      [2, 9],
    ]);
    expect(samplesOf(head, y)).toHaveLength(3);
  });

  it("counts what is wrong by itself, names the first, and keeps the rest", async () => {
    const { head } = headWithLog();
    const ageLimit = { recentFrom: 100, oldestTimeOf: (labels: Labels) => (labels === y ? 0 : 50) };
    const appender = () => new HeadAppender(head, () => Promise.resolve(), ageLimit);
    const [refX] = await refsOf(appender, 100, [x]);
    const transaction = appender();
    transaction.appendColumns(
      columnsOf(Array(7).fill(refX!), [101, 1.5, 49, 60, Infinity, 48, 102], [1, 2, 3, 4, 5, 6, 7]),
    );
    expect(await transaction.commit()).toEqual({
      appended: 3,
      rejected: new Map([
        ["invalid-time", { count: 2, first: { labels: x, time: 1.5, value: 2 } }],
        ["too-old", { count: 2, first: { labels: x, time: 49, value: 3 } }],
      ]),
    });
    expect(samplesOf(head, x)).toEqual([
      [100, 0],
      [101, 1],
      [102, 7],
      [60, 4],
    ]);
  });
});

describe("a repetition", () => {
  it("is acknowledged without a record", async () => {
    const { records, appender } = headWithLog();
    const [ref] = await refsOf(appender, 5, [x]);
    const again = appender();
    again.appendColumns(columnsOf([ref!, ref!], [5, 5], [0, 0]));
    expect(await again.commit()).toEqual({ appended: 2, rejected: new Map() });
    expect(records).toHaveLength(1);
    const mixed = appender();
    mixed.append(ref!, x, 5, 0);
    mixed.append(ref!, x, 5, 1);
    mixed.append(ref!, x, 6, 1);
    mixed.append(ref!, x, 5, 0);
    expect((await mixed.commit()).appended).toBe(3);
    expect(records[1]!.times).toEqual([5, 6]);
  });

  it("is acknowledged without a record wherever the sample is in order, unless the value is another", async () => {
    const { head, records, appender } = headWithLog();
    const [ref] = await refsOf(appender, -1, [x]);
    const times = Float64Array.from({ length: 300 }, (_, i) => i * 10 + (i % 7 === 0 ? 1 : 0));
    const values = times.map((time) => time / 3);
    const refs = new Uint32Array(300).fill(ref!);
    const commit = async (first: number, length: number, more = 0) => {
      const transaction = appender();
      const columns = { refs, times: times.subarray(first), values: values.subarray(first), length };
      transaction.appendColumns({ ...columns, values: columns.values.map((value) => value + more) });
      return transaction.commit();
    };
    await commit(0, 300);
    expect(await commit(0, 300)).toEqual({ appended: 300, rejected: new Map() });
    expect(records).toHaveLength(2);
    expect((await commit(100, 50, 1)).rejected.get("duplicate-time")!.count).toBe(50);
    expect(records[2]!.times).toHaveLength(50);
    expect(samplesOf(head, x)).toHaveLength(301);
  });

  it("is logged when the sample is late itself, and what is late is stored once", async () => {
    const { head, records, appender } = headWithLog();
    const [ref] = await refsOf(appender, 100, [x]);
    for (let i = 0; i < 2; i++) {
      const transaction = appender();
      transaction.appendColumns(columnsOf([ref!, ref!, ref!], [50, 100, 60], [5, 0, 6]));
      expect((await transaction.commit()).appended).toBe(3);
    }
    expect(records.slice(1).map(({ times }) => times)).toEqual([
      [50, 60],
      [50, 60],
    ]);
    expect(samplesOf(head, x)).toEqual([
      [100, 0],
      [50, 5],
      [60, 6],
    ]);
  });

  it("is logged while that sample is not applied", async () => {
    const { records, log, appender } = headWithLog();
    await refsOf(appender, 1, [x]);
    log.isManual = true;
    const commits = [2, 2].map((time) => {
      const transaction = appender();
      transaction.append(NO_SERIES, x, time, 7);
      return transaction.commit();
    });
    expect(records.map(({ times }) => times)).toEqual([[1], [2], [2]]);
    for (const { settle } of records) settle();
    expect((await Promise.all(commits)).map(({ appended }) => appended)).toEqual([1, 1]);
  });

  it("is logged when the sample was deleted after it was staged", async () => {
    const { head, records, appender } = headWithLog();
    await refsOf(appender, 5, [x]);
    const transaction = appender();
    transaction.append(NO_SERIES, x, 5, 0);
    head.deleteSamples([], ALL_TIME);
    expect((await transaction.commit()).appended).toBe(1);
    expect(records).toHaveLength(2);
    expect(samplesOf(head, x)).toEqual([[5, 0]]);
  });

  it("is logged while a deletion is on its way", async () => {
    const { head, records, appender } = headWithLog();
    await refsOf(appender, 5, [x]);
    const { promise, resolve } = withResolvers();
    const deleted = [promise, Promise.resolve()].map((logged) => head.applyDeletion(logged, [], ALL_TIME));
    const transaction = appender();
    transaction.append(NO_SERIES, x, 5, 0);
    const committed = transaction.commit();
    resolve();
    expect((await committed).appended).toBe(1);
    await Promise.all(deleted);
    expect(samplesOf(head, x)).toEqual([[5, 0]]);
    const again = appender();
    again.append(NO_SERIES, x, 6, 0);
    await again.commit();
    await refsOf(appender, 6, [x]);
    expect(records.map(({ times }) => times)).toEqual([[5], [5], [6]]);
  });

  it("is logged once when another process logged the sample", async () => {
    const { head, records, appender } = headWithLog();
    const slot = head.create(x);
    head.replayRows({ slots: Uint32Array.of(slot), ...columnsOf([0], [5], [3]) });
    for (let i = 0; i < 3; i++) {
      const transaction = appender();
      transaction.append(NO_SERIES, x, 5, 3);
      expect((await transaction.commit()).appended).toBe(1);
    }
    expect(records.map(({ names, times }) => [names, times])).toEqual([[["x"], [5]]]);
    // What is late is named too, but says nothing about the newest sample.
    const other = head.create(y);
    head.replayRows({ slots: Uint32Array.of(other), ...columnsOf([0], [5], [3]) });
    for (const time of [4, 5]) {
      const transaction = appender();
      transaction.append(NO_SERIES, y, time, 3);
      await transaction.commit();
    }
    expect(records.slice(1).map(({ times }) => times)).toEqual([[4], [5]]);
  });
});
