import { describe, expect, it } from "vitest";
import type { Database } from "../../src/api.js";
import { openDatabase } from "../../src/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const clock = new FakeClock(1_750_000_000_000);

function open(fileSystem: MemFileSystem, more: { readonly readOnly?: boolean } = {}): Promise<Database> {
  return openDatabase({ directory: "data", fileSystem, clock, ...more });
}

async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

const counter = { type: "counter", help: 'Orders "so far".', unit: "" };

describe("metadata", () => {
  it("stands over a restart, the last word of each metric", async () => {
    const fileSystem = new MemFileSystem();
    const first = await open(fileSystem);
    first.metadata.describeMetric("orders_total", { type: "gauge" });
    first.metadata.describeMetric("orders_total", counter);
    first.metadata.describeMetric("celsius", { unit: "celsius" });
    await first.close();
    const second = await open(fileSystem);
    expect(second.metadata.metadataOf("orders_total")).toEqual(counter);
    second.metadata.describeMetric("celsius", { help: "How warm it is." });
    await second.close();
    const third = await open(fileSystem, { readOnly: true });
    expect([...third.metadata.metricNames()].sort()).toEqual(["celsius", "orders_total"]);
    expect(third.metadata.metadataOf("celsius")).toEqual({
      ...{ type: "unknown", help: "How warm it is.", unit: "celsius" },
    });
    third.metadata.describeMetric("other", { type: "gauge" });
    await third.close();
  });

  it("stands over a kill, ten seconds after it was told", async () => {
    const fileSystem = new MemFileSystem();
    const killed = await open(fileSystem);
    killed.metadata.describeMetric("orders_total", counter);
    clock.advance(10_000);
    await settled();
    killed.metadata.describeMetric("late", counter);
    const after = await open(fileSystem.crash(() => 0.5));
    expect([...after.metadata.metricNames()]).toEqual(["orders_total"]);
    await after.close();
    await killed.close();
  });

  it("is written only when it has changed, and no larger than what is known", async () => {
    const fileSystem = new MemFileSystem();
    const database = await open(fileSystem);
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 500; i++)
        database.metadata.describeMetric(`m_${i}`, { help: `${round} ${"x".repeat(200)}` });
      clock.advance(10_000);
      await settled();
    }
    await database.close();
    const sizeOfJournal = () => sizeBelow(fileSystem, "data/journals/metadata");
    const written = await sizeOfJournal();
    expect(written).toBeGreaterThan(500 * 200);
    expect(written).toBeLessThan(3_000_000);
    const again = await open(fileSystem);
    expect(again.metadata.metadataOf("m_7")?.help).toMatch(/^39 x+$/);
    again.metadata.describeMetric("m_7", { help: again.metadata.metadataOf("m_7")!.help });
    await again.close();
    expect(await sizeOfJournal()).toBe(written);
  });

  it("that a full disk does not take is written later", async () => {
    const fileSystem = new MemFileSystem();
    const database = await open(fileSystem);
    database.metadata.describeMetric("orders_total", counter);
    fileSystem.failAfter(0, "ENOSPC");
    clock.advance(10_000);
    await settled();
    fileSystem.heal();
    await database.close();
    const again = await open(fileSystem);
    expect(again.metadata.metadataOf("orders_total")).toEqual(counter);
    await again.close();
  });
});

async function sizeBelow(fileSystem: MemFileSystem, directory: string): Promise<number> {
  let sizeBytes = 0;
  for (const name of await fileSystem.list(directory))
    sizeBytes += (await fileSystem.readFile(`${directory}/${name}`)).length;
  return sizeBytes;
}
