/**
 * A database that merges on a thread, as the build in dist does by default.
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/api.js";
import type * as Library from "../../src/index.js";

const built = new URL("../../dist/index.js", import.meta.url).href;
const { openDatabase } = (await import(built)) as typeof Library;

const windowMs = 7_200_000;
const start = 27_000 * 3 * windowMs;
const seriesCount = 200;
const stepsPerWindow = 30;
const stepCount = 4.6 * stepsPerWindow;
let directory: string;
const told: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "narthex-threads-"));
  told.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(): Promise<Database> {
  return openDatabase({
    ...{ directory, durability: "none", blockDurationMs: windowMs },
    onEvent: ({ level, message }) => void told.push(`${level}: ${message}`),
  });
}

/** Three windows that make one, and a half of the next but one: each is cut by itself, but for the last. */
async function fill(db: Database): Promise<void> {
  for (let step = 0; step < stepCount; step++) {
    const time = start + (step * windowMs) / stepsPerWindow;
    const rows = Array.from({ length: seriesCount }, (_, i) => ({
      labels: { __name__: "m", i: String(i) },
      samples: [{ time, value: step * i }],
    }));
    await db.append(rows);
    if (step % stepsPerWindow === stepsPerWindow / 2 + 1 && step < 4 * stepsPerWindow)
      await db.runMaintenance();
  }
}

const cutCount = () => told.filter((event) => event.includes("cut the head")).length;

async function sampleCount(db: Database): Promise<number> {
  const time = start + 5 * windowMs;
  const result = await db.query("sum(count_over_time(m[12h]))", { time });
  return result.type === "vector" ? result.series[0]!.value : Number.NaN;
}

describe("a database with a thread", () => {
  it("has its blocks merged there", async () => {
    const db = await open();
    await fill(db);
    const before = await sampleCount(db);
    expect(told).not.toContain("info: compacted blocks");
    await db.runMaintenance();
    expect(told).toContain("info: compacted blocks");
    expect(told.filter((event) => !event.startsWith("info"))).toEqual([]);
    expect(db.describe().blocks).toHaveLength(2);
    expect(await sampleCount(db)).toBe(before);
    expect(before).toBe(stepCount * seriesCount);
    await db.close();
  });

  it("closes in the middle of a merge, and has everything when it is opened again", async () => {
    const db = await open();
    await fill(db);
    const maintained = db.runMaintenance().catch(() => undefined);
    const isMerging = () => cutCount() === 4 && readdirSync(directory).some((name) => name.includes("tmp"));
    while (!isMerging()) await new Promise((resolve) => setImmediate(resolve));
    await db.close();
    await maintained;
    expect(told).not.toContain("info: compacted blocks");
    const again = await open();
    expect(await sampleCount(again)).toBe(stepCount * seriesCount);
    expect(readdirSync(directory).filter((name) => name.includes("tmp"))).toEqual([]);
    await again.runMaintenance();
    expect(await sampleCount(again)).toBe(stepCount * seriesCount);
    expect(told.filter((event) => event.startsWith("error"))).toEqual([]);
    await again.close();
  });
});
