import { describe, expect, it } from "vitest";
import { ClosedError, StorageError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { NO_SERIES } from "../../../src/model/series.js";
import { isStaleAt } from "../../../src/model/staleness.js";
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
        names: series.map(({ labels }) => labels.toString()),
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
