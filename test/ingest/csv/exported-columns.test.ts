import { describe, expect, it } from "vitest";
import { csvHeader, csvLines } from "../../../src/export/csv.js";
import { readCsv } from "../../../src/ingest/csv/read-csv.js";
import { defaultIngestLimits } from "../../../src/ingest/limits.js";
import { MalformedRows, RowAppender } from "../../../src/ingest/row-appender.js";
import type { CsvOptions } from "../../../src/model/importing.js";
import { Labels } from "../../../src/model/labels.js";
import { markStaleAt } from "../../../src/model/staleness.js";
import { RecordingAppendable, sourceOf } from "../recording-appender.js";

async function read(text: string, csv: CsvOptions = {}) {
  const appendable = new RecordingAppendable();
  const appender = appendable.appender();
  const malformed = new MalformedRows();
  const rows = new RowAppender(appender, {});
  await readCsv(sourceOf(text, 11), {
    ...{ csv, rows, malformed, limits: defaultIngestLimits, head: Buffer.from(text) },
  });
  await appender.commit();
  expect(malformed.count).toBe(0);
  return appendable.samples.map(({ series, time, value }) => `${series} ${value} @${time}`);
}

describe("a CSV file that was exported", () => {
  it("comes back as it was: labels that are numbers, staleness, NaN, odd texts", async () => {
    const series = [
      Labels.from({ __name__: "http_bucket", le: "0.5", port: "9090", time: "x,y" }),
      Labels.from({ __name__: "http_bucket", le: "+Inf", port: "9090" }),
      Labels.from({ __name__: "NaN", le: ' "5" ', port: "-" }),
      Labels.from({ port: "7" }),
    ];
    const names = ["__name__", "le", "port", "time"];
    const values = Float64Array.of(1.5, Number.NaN, -0, Number.POSITIVE_INFINITY, 0);
    markStaleAt(values, 4);
    const times = Float64Array.of(1, 1000, 2001, 86_400_000, 86_400_001);
    const parts = [{ times, values, length: 5 }];
    const lines = series.flatMap((labels) => [...csvLines({ labels, parts }, names)]);
    const expected = series.flatMap((labels) => [
      `${labels} 1.5 @1`,
      `${labels} NaN @1000`,
      `${labels} 0 @2001`,
      `${labels} Infinity @86400000`,
      `${labels} stale @86400001`,
    ]);
    expect(await read(csvHeader(names) + lines.join(""))).toEqual(expected);
  });

  it("is read as the options say when they give a column a role", async () => {
    const text = "time,__name__,le,value\n1970-01-01T00:00:01Z,up,5,7\n";
    expect(await read(text, { labelColumns: { le: "le" }, valueColumns: { value: "v" } })).toEqual([
      'v{le="5"} 7 @1000',
    ]);
  });
});
