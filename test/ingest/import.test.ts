import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ImportStreamOptions, importStream } from "../../src/ingest/import.js";
import { StorageError, TsdbError } from "../../src/model/errors.js";
import type { ImportProgress } from "../../src/model/importing.js";
import { RecordingAppendable, sourceOf } from "./recording-appender.js";

async function run(
  text: string | Uint8Array,
  options: Omit<ImportStreamOptions, "appender" | "now"> = {},
  chunkSize = 4096,
) {
  const appendable = new RecordingAppendable();
  const settings = { now: 1000, ...options, appender: appendable.appender() };
  const result = await importStream(sourceOf(text, chunkSize), settings);
  return { appendable, result };
}

const day = (text: string) => Date.parse(`${text}T00:00:00Z`);

function sampleFile(name: string): Uint8Array {
  return readFileSync(new URL(`../../node_modules/vega-datasets/data/${name}`, import.meta.url));
}

describe("the sample data", () => {
  it("imports hourly weather", async () => {
    const { appendable, result } = await run(sampleFile("seattle-weather-hourly-normals.csv"), {
      fileName: "seattle-weather-hourly-normals.csv",
      metricPrefix: "seattle_",
      csv: {
        valueColumns: {
          temperature: "temperature_celsius",
          wind: "wind_meters_per_second",
          pressure: "pressure_hectopascals",
        },
      },
    });
    expect(result).toMatchObject({
      series: 3,
      samples: 26277,
      metricNames: [
        "seattle_pressure_hectopascals",
        "seattle_temperature_celsius",
        "seattle_wind_meters_per_second",
      ],
      timeRange: { minTime: day("2010-01-01") + 3_600_000, maxTime: day("2010-12-31") + 23 * 3_600_000 },
    });
    expect(result.malformed.count).toBe(0);
    expect(appendable.lines).toContain(`seattle_temperature_celsius 4@${Date.parse("2010-01-01T01:00:00Z")}`);
  });

  it("imports stocks, with the symbol as a label", async () => {
    const { appendable, result } = await run(sampleFile("stocks.csv"), {
      csv: { valueColumns: { price: "stock_price_dollars" } },
    });
    expect(result).toMatchObject({ series: 5, samples: 560, metricNames: ["stock_price_dollars"] });
    expect(result.malformed.count).toBe(0);
    expect(appendable.lines[0]).toBe(`stock_price_dollars{symbol="MSFT"} 39.81@${day("2000-01-01")}`);
  });

  it("imports wide employment figures", async () => {
    const { appendable, result } = await run(sampleFile("us-employment.csv"), {
      metricPrefix: "us_employment_",
    });
    expect(result).toMatchObject({ series: 23, samples: 23 * 120 });
    expect(result.metricNames).toContain("us_employment_nonfarm_change");
    expect(appendable.lines[0]).toBe(`us_employment_nonfarm 135450@${day("2006-01-01")}`);
  });

  it("imports concentrations from before 1970", async () => {
    const { appendable, result } = await run(sampleFile("co2-concentration.csv"), {
      labels: { place: "mauna_loa" },
    });
    expect(result.metricNames).toEqual(["adjusted_co2", "co2"]);
    expect(result.series).toBe(2);
    expect(result.timeRange?.minTime).toBe(day("1958-03-01"));
    expect(appendable.lines[1]).toBe(`adjusted_co2{place="mauna_loa"} 314.44@${day("1958-03-01")}`);
  });
});

describe("formats", () => {
  const openMetrics = "# TYPE a counter\na_total 1 1.5\n# EOF\n";
  it.each<[name: string, text: string, fileName: string | undefined, line: string]>([
    ["OpenMetrics by name", openMetrics, "x.om", "a_total 1@1500"],
    ["OpenMetrics by its times", "a 1 1700000000.123\n", undefined, "a 1@1700000000123"],
    ["OpenMetrics by its end", "a 1 1700000000\n# EOF\n", undefined, "a 1@1700000000000"],
    ["Prometheus by name", "a 1\n", "metrics.prom", "a 1@1000"],
    ["Prometheus by content", '# HELP a b\na{b="c"} 1 5\n', undefined, 'a{b="c"} 1@5'],
    ["Prometheus without a line end", "a 1 5", "", "a 1@5"],
    ["CSV by content", "time,a\n2020-01-01,5\n", undefined, `a 5@${day("2020-01-01")}`],
    ["CSV in a text file", "time,a\n2020-01-01,5\n", "a.txt", `a 5@${day("2020-01-01")}`],
    ["Prometheus in a text file", "a 1 5\n", "a.txt", "a 1@5"],
    ["tabs by name", "time\ta,b\n2020-01-01\t5\n", "x.tsv", `a_b 5@${day("2020-01-01")}`],
  ])("recognises %s, gzipped or not", async (_, text, fileName, line) => {
    const name = fileName === undefined ? {} : { fileName };
    expect((await run(text, name)).appendable.lines).toEqual([line]);
    const zipped = fileName === undefined ? {} : { fileName: `${fileName}.gz` };
    expect((await run(gzipSync(text), zipped, 7)).appendable.lines).toEqual([line]);
  });

  it("takes the default time from the options", async () => {
    const { appendable } = await run("a 1\n", { format: "prometheus", defaultTime: "2020-01-01T00:00:01Z" });
    expect(appendable.lines).toEqual([`a 1@${day("2020-01-01") + 1000}`]);
  });

  it("says so when a file is UTF-16", async () => {
    await expect(run(Buffer.from("\ufefftime,a\n2020-01-01,5\n", "utf16le"))).rejects.toThrow(/UTF-16/);
  });

  it("refuses broken gzip", async () => {
    const zipped = gzipSync("time,a\n2020-01-01,5\n".repeat(100));
    await expect(run(zipped.subarray(0, zipped.length - 12))).rejects.toThrow(/not complete and valid gzip/);
  });
});

describe("progress, abort, failure", () => {
  const large = `time,a\n${"2020-01-01T00:00:00Z,5\n".repeat(50_000)}`;

  it("reports by bytes and at the end", async () => {
    const reports: ImportProgress[] = [];
    await run(large, { onProgress: (progress) => reports.push(progress) }, 65_536);
    expect(reports.length).toBe(2);
    expect(reports.at(-1)).toEqual({ bytes: large.length, samples: 50_000 });
  });

  it("stops when aborted, and rolls back", async () => {
    const controller = new AbortController();
    const appendable = new RecordingAppendable();
    const promise = importStream(sourceOf(large, 65_536), {
      now: 0,
      appender: appendable.appender(),
      signal: controller.signal,
      onProgress: () => controller.abort(new StorageError("the user has had enough")),
    });
    await expect(promise).rejects.toThrow("the user has had enough");
    expect(appendable.rollbacks).toBe(1);
    expect(appendable.samples).toEqual([]);
  });

  it("rolls back when the source fails", async () => {
    const appendable = new RecordingAppendable();
    const broken = async function* () {
      yield Buffer.from("time,a\n2020-01-01,5\n");
      throw new StorageError("the file is gone");
    };
    for (const format of ["csv", "prometheus"] as const) {
      const promise = importStream(broken(), { now: 0, appender: appendable.appender(), format });
      await expect(promise).rejects.toThrow("the file is gone");
    }
    expect(appendable.rollbacks).toBe(2);
  });

  it("drains the appender between pieces", async () => {
    let drained = 0;
    const drain = async () => {
      drained++;
    };
    const appender = Object.assign(new RecordingAppendable().appender(), { drain });
    await importStream(sourceOf(large, 65_536), { now: 0, appender });
    expect(drained).toBe(50);
  });
});

describe("hostile bytes", () => {
  it("gives a result or a TsdbError", async () => {
    const pieces = [
      "time",
      "2020-01-01",
      ",",
      ";",
      '"',
      "\n",
      "\r",
      "a",
      "1",
      ".5",
      " ",
      "#",
      "{",
      "\ufeff",
      "\x1f\x8b",
    ];
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => Buffer.from(parts.join(""))),
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.concat([Buffer.from([0x1f, 0x8b]), bytes])),
    );
    const format = fc.constantFrom("csv", "openmetrics", "prometheus", undefined);
    await fc.assert(
      fc.asyncProperty(hostile, format, fc.integer({ min: 1, max: 40 }), async (bytes, chosen, chunkSize) => {
        const options = chosen === undefined ? {} : { format: chosen };
        await run(bytes, options, chunkSize).catch((error) => expect(error).toBeInstanceOf(TsdbError));
      }),
      { numRuns: 300 },
    );
  });
});
