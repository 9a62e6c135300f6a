import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/api.js";
import { openDatabase } from "../../src/database.js";
import { isEmptyDatabase, loadSamples } from "../../src/samples/load-samples.js";

describe("the sample data", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-samples-"));
  const titles: string[] = [];
  let database: Database;

  beforeAll(async () => {
    database = await openDatabase({ directory });
    expect(isEmptyDatabase(database)).toBe(true);
    await loadSamples(async ({ title }, source, options) => {
      titles.push(title);
      const result = await database.import(source, options);
      expect([title, result.malformed.count, result.rejected.size]).toEqual([title, 0, 0]);
      return result;
    });
  });

  afterAll(async () => {
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const valueAt = async (expression: string, time: string) => {
    const result = await database.query(expression, { time });
    return result.type === "vector" ? result.series.map(({ value }) => value) : [];
  };

  it("are all there", async () => {
    expect(titles).toHaveLength(4);
    expect(isEmptyDatabase(database)).toBe(false);
    expect(await database.labelValues("__name__")).toEqual([
      "co2_concentration_ppm",
      "co2_concentration_seasonally_adjusted_ppm",
      "seattle_pressure_hectopascals",
      "seattle_temperature_celsius",
      "seattle_wind_metres_per_second",
      "stock_price_dollars",
      "us_employment_thousands",
    ]);
  });

  it("have the values of the files, at their times", async () => {
    expect(await valueAt("seattle_temperature_celsius", "2010-01-01T01:00:00Z")).toEqual([4]);
    expect(await valueAt('stock_price_dollars{symbol="MSFT"}', "2000-01-01")).toEqual([39.81]);
    expect(await valueAt("co2_concentration_ppm", "1958-03-01")).toEqual([315.7]);
  });

  it("turn the wide table of employment into sectors, without the column of changes", async () => {
    expect(await valueAt('us_employment_thousands{sector="mining_and_logging"}', "2006-01-01")).toEqual([
      656,
    ]);
    expect(await valueAt('us_employment_thousands{sector="government"}', "2006-02-01")).toEqual([21878]);
    expect(await database.labelValues("sector")).toHaveLength(22);
  });
});
