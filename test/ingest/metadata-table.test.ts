import { describe, expect, it } from "vitest";
import { MetadataTable } from "../../src/ingest/metadata-table.js";

const small = { metricsMax: 3, textMax: 1000, textLengthMax: 100 };

describe("MetadataTable", () => {
  it("joins what is told in parts, and lets the last word count", () => {
    const table = new MetadataTable();
    table.describeMetric("orders_total", { type: "counter" });
    table.describeMetric("orders_total", { help: "Orders." });
    expect(table.metadataOf("orders_total")).toEqual({ type: "counter", help: "Orders.", unit: "" });
    table.describeMetric("orders_total", { help: "Orders, so far." });
    expect(table.metadataOf("orders_total")).toEqual({ type: "counter", help: "Orders, so far.", unit: "" });
    expect(table.metadataOf("other")).toBeUndefined();
  });

  it("forgets metrics that nobody speaks of any more, and keeps the others", () => {
    const table = new MetadataTable(small);
    table.describeMetric("kept", { help: "here" });
    for (let i = 0; i < 100; i++) {
      table.describeMetric(`passing_${i}`, { type: "gauge" });
      table.describeMetric("kept", { type: "counter" });
      expect([...table.metricNames()].length).toBeLessThanOrEqual(2 * (small.metricsMax + 1));
    }
    expect(table.metadataOf("kept")).toEqual({ type: "counter", help: "here", unit: "" });
    expect(table.metadataOf("passing_0")).toBeUndefined();
    expect(new Set(table.metricNames()).size).toBe([...table.metricNames()].length);
  });

  it("holds no more text than it may", () => {
    const table = new MetadataTable({ ...small, metricsMax: 1000 });
    for (let i = 0; i < 200; i++) table.describeMetric(`metric_${i}`, { help: "x".repeat(5000) });
    const texts = [...table.metricNames()].map((name) => name + table.metadataOf(name)!.help);
    expect(texts.join("").length).toBeLessThan(2 * (small.textMax + 200));
    expect(texts.at(-1)).toHaveLength("metric_199".length + small.textLengthMax);
    table.describeMetric("n".repeat(101), { type: "gauge" });
    expect(table.metadataOf("n".repeat(101))).toBeUndefined();
  });
});
