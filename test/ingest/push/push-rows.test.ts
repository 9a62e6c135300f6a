import { describe, expect, it } from "vitest";
import { NO_NUMBER } from "../../../src/ingest/push/byte-keys.js";
import type { PushSeries } from "../../../src/ingest/push/push.js";
import { NO_OWNER, PushRows } from "../../../src/ingest/push/push-rows.js";
import { RowMemory } from "../../../src/ingest/push/row-memory.js";
import { Labels, METRIC_NAME } from "../../../src/model/labels.js";
import { RecordingPush } from "../../support/recording-push.js";

const [a, b] = [{ name: "a" }, { name: "b" }];
const labels = (name: string) => Labels.from({ [METRIC_NAME]: name });

/** Refuses series whose names begin with `bad`. */
class PickyPush extends RecordingPush {
  override series(given: Labels): PushSeries {
    const isBad = given.get(METRIC_NAME).startsWith("bad");
    return { labels: given, refusal: isBad ? { reason: "series-limit", message: "full" } : undefined };
  }
}

/** The name stands for the series. */
function numberOf(rows: PushRows, name: string): number {
  return rows.numberOf(name, () => labels(name));
}

describe("PushRows", () => {
  it("hands samples on in their order, with and without times, and markers", () => {
    const push = new RecordingPush();
    const rows = new PushRows(push, new RowMemory());
    const [x, y] = [numberOf(rows, "x"), numberOf(rows, "y")];
    rows.append(x, 1, 10);
    rows.append(y, undefined, 20);
    rows.appendStale(x, 2);
    rows.appendStale(y, undefined);
    for (let i = 0; i < 1000; i++) rows.append(x, 100 + i, i);
    rows.stage();
    expect(push.lines.slice(0, 5)).toEqual(["x 10 @1", "y 20", "x stale @2", "y stale", "x 0 @100"]);
    expect([push.lines.length, push.lines.at(-1)]).toEqual([1004, "x 999 @1099"]);
    rows.stage();
    expect(push.lines.length).toBe(1004);
  });

  it("commits parts of bounded size when it may", async () => {
    const push = new RecordingPush({ limits: { transactionSamplesMax: 10 } });
    const rows = new PushRows(push, new RowMemory());
    const x = numberOf(rows, "x");
    for (let i = 0; i < 25; i++) rows.append(x, i, i);
    for (let i = 0; i < 25; i++) rows.append(x, undefined, i);
    await rows.stageInParts();
    expect([push.lines.length, push.flushes]).toEqual([50, 5]);
  });

  it("knows series from body to body, each origin its own", () => {
    const memory = new RowMemory();
    const first = new PushRows(new RecordingPush({ origin: a }), memory);
    const x = numberOf(first, "x");
    const series = first.series(x);
    const second = new PushRows(new RecordingPush({ origin: a }), memory);
    expect(second.series(numberOf(second, "x"))).toBe(series);
    const other = new PushRows(new RecordingPush({ origin: b }), memory);
    expect(other.series(numberOf(other, "x"))).not.toBe(series);
  });

  it("tells texts apart that UTF-8 does not", () => {
    const rows = new PushRows(new RecordingPush(), new RowMemory());
    expect(numberOf(rows, "\ud800")).not.toBe(numberOf(rows, "\ud801"));
  });

  it("remembers what is refused for one body, and gives its number to others behind it", () => {
    const memory = new RowMemory();
    const first = new PushRows(new PickyPush({ origin: a }), memory);
    const bad = numberOf(first, "bad");
    expect(numberOf(first, "bad")).toBe(bad);
    first.end();
    const second = new PushRows(new PickyPush({ origin: a }), memory);
    expect(numberOf(second, "good")).toBe(bad);
    const bytes = new DataView(new ArrayBuffer(4));
    const several = second.takeAll([labels("bad 1"), labels("good 2")]);
    second.remember(NO_OWNER, bytes, 0, 4, several, 2);
    expect([second.areTaken(several, 2), second.areTaken(several + 1)]).toEqual([false, true]);
    expect(second.find(NO_OWNER, bytes, 0, 4)).toBe(several);
    const third = new PushRows(new PickyPush({ origin: a }), memory);
    expect(third.find(NO_OWNER, bytes, 0, 4)).toBe(NO_NUMBER);
  });

  it("forgets everything when all origins have too much, and goes on", () => {
    const memory = new RowMemory(10_000);
    const push = new RecordingPush({ origin: a });
    const rows = new PushRows(push, memory);
    for (let i = 0; i < 1000; i++) {
      rows.append(numberOf(rows, `series_${i}`), i, i);
      if (i % 10 === 9) rows.stage();
    }
    expect(push.lines).toEqual(Array.from({ length: 1000 }, (_, i) => `series_${i} ${i} @${i}`));
    expect(memory.of(a).series.length).toBeLessThan(200);
  });
});
