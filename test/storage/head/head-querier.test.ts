import { describe, expect, it } from "vitest";
import { QueryCanceledError, QueryLimitError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import type { SelectHints } from "../../../src/model/queryable.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { NO_SERIES } from "../../../src/model/series.js";
import { Head } from "../../../src/storage/head/head.js";
import { HeadAppender } from "../../../src/storage/head/head-appender.js";
import { HeadQuerier } from "../../../src/storage/head/head-querier.js";

async function headWith(
  ...rows: readonly [labels: Record<string, string>, ...times: number[]][]
): Promise<Head> {
  const head = new Head();
  await commitRows(head, rows);
  return head;
}

async function commitRows(head: Head, rows: readonly [Record<string, string>, ...number[]][]): Promise<void> {
  const transaction = new HeadAppender(head, () => Promise.resolve());
  for (const [labels, ...times] of rows) {
    for (const time of times) transaction.append(NO_SERIES, Labels.from(labels), time, time);
  }
  await transaction.commit();
}

const everything: readonly Matcher[] = [];

describe("HeadQuerier", () => {
  it("gives series in label order", async () => {
    const head = await headWith([{ b: "1" }, 1], [{ a: "2" }, 1], [{ a: "10" }, 1], [{ a: "1", c: "1" }, 1]);
    const series = await new HeadQuerier(head, ALL_TIME).select(everything);
    expect(series.map(({ labels }) => labels.toString())).toEqual([
      '{a="1", c="1"}',
      '{a="10"}',
      '{a="2"}',
      '{b="1"}',
    ]);
  });

  it("leaves out series without a chunk in the range, both ends of which count", async () => {
    const head = await headWith([{ a: "1" }, 10, 20], [{ a: "2" }, 30], [{ a: "3" }, 100, 5]);
    const names = async (minTime: number, maxTime: number) =>
      (await new HeadQuerier(head, { minTime, maxTime }).select(everything)).map(({ labels }) =>
        labels.get("a"),
      );
    expect(await names(20, 30)).toEqual(["1", "2"]);
    expect(await names(21, 29)).toEqual([]);
    expect(await names(50, 60)).toEqual([]);
    expect(await names(5, 5)).toEqual(["3"]);
  });

  it("narrows to the range of the hints, and reserves the bytes before they are given", async () => {
    const head = await headWith([{ a: "1" }, 10], [{ a: "2" }, 30]);
    const reserved: number[] = [];
    const hints = {
      range: { minTime: 25, maxTime: 30 },
      reserveBytes: (bytes: number) => reserved.push(bytes),
    };
    const series = await new HeadQuerier(head, ALL_TIME).select(everything, hints);
    expect(series.map(({ labels }) => labels.get("a"))).toEqual(["2"]);
    expect(reserved).toEqual([series[0]!.chunks[0]!.bytes.length]);
  });

  it("loads no chunks when only labels are needed", async () => {
    const head = await headWith([{ a: "1" }, 10]);
    const [series] = await new HeadQuerier(head, ALL_TIME).select(everything, { labelsOnly: true });
    expect(series!.chunks).toEqual([]);
  });

  it("refuses a query that was canceled, and passes on a refusal of its bytes", async () => {
    const querier = new HeadQuerier(await headWith([{ a: "1" }, 10]), ALL_TIME);
    const select = (hints: SelectHints) => querier.select(everything, hints);
    await expect(select({ signal: AbortSignal.abort() })).rejects.toThrow(QueryCanceledError);
    const reserveBytes = () => {
      throw new QueryLimitError("too many bytes");
    };
    await expect(select({ reserveBytes })).rejects.toThrow("too many bytes");
  });

  it("gathers one state in one tick, which later commits and drops do not change", async () => {
    const head = await headWith([{ a: "1" }, 10], [{ a: "2" }, 10]);
    const querier = new HeadQuerier(head, ALL_TIME);
    const first = querier.select([new Matcher("a", "=", "1")]);
    const second = querier.select([new Matcher("a", "=", "2")]);
    await commitRows(head, [
      [{ a: "1" }, 20],
      [{ a: "2" }, 20],
    ]);
    const { samples } = head;
    for (const slot of head.series) samples.dropTaken(slot, samples.takeBelow(slot, 15));
    const counts = [...(await first), ...(await second)].map(({ chunks }) => chunks[0]!.count);
    expect(counts).toEqual([1, 1]);
  });

  it("lists label names and values of what matches in the range", async () => {
    const head = await headWith(
      [{ a: "1", b: "x" }, 10],
      [{ a: "2", c: "x" }, 30],
      [{ a: "\u{1f600}" }, 10],
      [{ a: "\uffee" }, 10],
    );
    const querier = new HeadQuerier(head, { minTime: 0, maxTime: 20 });
    expect(await querier.labelNames()).toEqual(["a", "b"]);
    expect(await querier.labelValues("a")).toEqual(["1", "\uffee", "\u{1f600}"]);
    expect(await querier.labelValues("a", [new Matcher("b", "=", "x")])).toEqual(["1"]);
    expect(await querier.labelValues("c")).toEqual([]);
  });
});
