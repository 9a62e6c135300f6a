import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { MalformedInputError } from "../../../src/model/errors.js";
import type { ImportOptions, ImportResult } from "../../../src/model/importing.js";
import { Labels } from "../../../src/model/labels.js";
import { emptyImport } from "../../support/database-double.js";
import { failure, testApp } from "../test-app.js";

const imported: ImportResult = {
  ...emptyImport,
  series: 1,
  samples: 2,
  timeRange: { minTime: -1000, maxTime: 5000 },
  metricNames: ["home_a"],
};

describe("bulk imports", () => {
  it("pass the body and the options on, and answer what came of it", async () => {
    const { database, post } = testApp();
    let asked: readonly [string, ImportOptions] | undefined;
    const first = { labels: Labels.from({ __name__: "a" }), time: 5, value: Number.NaN };
    database.answerImport = (text, options) => {
      asked = [text, options];
      const malformed = { count: 1, first: [{ line: 3, reason: "no time" }] };
      return { ...imported, malformed, rejected: new Map([["duplicate-time", { count: 1, first }]]) };
    };
    const parameters = new URLSearchParams({
      time: "date",
      time_format: "unix-s",
      utc_offset: "-480",
      delimiter: ";",
      labels: "site=home, room=attic",
      label_columns: "city,st=station",
      values: "temp=celsius",
      metric_prefix: "home_",
      default_time: "2",
    });
    const answer = await post(`/api/v1/import/csv?${parameters}`, "date;temp\n");
    expect(asked).toEqual([
      "date;temp\n",
      {
        format: "csv",
        csv: {
          delimiter: ";",
          timeColumn: "date",
          timeFormat: "unix-s",
          utcOffsetMinutes: -480,
          labelColumns: { city: "city", st: "station" },
          valueColumns: { temp: "celsius" },
        },
        metricPrefix: "home_",
        labels: { site: "home", room: "attic" },
        defaultTime: 2000,
      },
    ]);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({
      status: "success",
      data: {
        series: 1,
        samples: 2,
        malformed: { count: 1, first: [{ line: 3, reason: "no time" }] },
        timeRange: { minTime: -1000, maxTime: 5000 },
        metricNames: ["home_a"],
        rejected: {
          "duplicate-time": { count: 1, first: { labels: { __name__: "a" }, time: 5, value: "NaN" } },
        },
      },
    });
  });

  it.each([
    ["csv", "csv"],
    ["openmetrics", "openmetrics"],
    ["file?format=prometheus", "prometheus"],
    ["file", undefined],
  ])("%s is read as %s", async (path, format) => {
    const { database, post } = testApp();
    let asked: ImportOptions = {};
    database.answerImport = (_text, options) => {
      asked = options;
      return imported;
    };
    expect((await post(`/api/v1/import/${path}`, gzipSync("x"), { "content-encoding": "gzip" })).status).toBe(
      200,
    );
    expect(asked.format).toBe(format);
  });

  it("answer 400 with the first reason when nothing was imported", async () => {
    const { database, post } = testApp();
    database.answerImport = () => ({
      ...emptyImport,
      malformed: { count: 2, first: [{ line: 2, reason: '"x" is no number' }] },
    });
    expect(failure(await post("/api/v1/import/csv", "a\nx\n"))).toBe(
      '400 error bad_data: nothing was imported: line 2: "x" is no number',
    );
    database.answerImport = () => {
      throw new MalformedInputError("no column looks like a time", { line: 1 });
    };
    expect(failure(await post("/api/v1/import/csv", "a\nx\n"))).toBe(
      "400 error bad_data: no column looks like a time",
    );
  });

  it.each([
    ["file?format=xml", 'invalid parameter "format": "xml" is none of csv, openmetrics, prometheus, jsonl'],
    ["csv?utc_offset=x", 'invalid parameter "utc_offset": "x" is not a number of minutes'],
    ["csv?labels=a", 'invalid parameter "labels": "a" has no value: write a=VALUE'],
    ["csv?default_time=x", 'invalid parameter "default_time": cannot parse "x" to a valid timestamp'],
  ])("refuse %s", async (path, error) => {
    expect(failure(await testApp().post(`/api/v1/import/${path}`, "x"))).toBe(`400 error bad_data: ${error}`);
  });

  it("refuse a file that is too large", async () => {
    const { post } = testApp({ importSizeBytes: 10 });
    expect((await post("/api/v1/import/csv", "x".repeat(11))).status).toBe(413);
  });
});
