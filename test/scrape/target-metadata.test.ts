import { describe, expect, it } from "vitest";
import { SharedMetadata, TargetMetadata } from "../../src/scrape/target-metadata.js";

describe("TargetMetadata", () => {
  it("has what was said last, bit by bit, and tells it onward", () => {
    const told: unknown[] = [];
    const onward = { describeMetric: (...said: unknown[]) => told.push(said) };
    const target = new TargetMetadata(new SharedMetadata(), onward);
    target.describeMetric("a", { help: "What." });
    expect(target.metadataOf("a")).toEqual({ type: "unknown", help: "What.", unit: "" });
    target.describeMetric("a", { type: "counter" });
    target.describeMetric("a", { help: "That." });
    expect(target.metadataOf("a")).toEqual({ type: "counter", help: "That.", unit: "" });
    expect([...target.metricNames()]).toEqual(["a"]);
    expect(told).toHaveLength(3);
  });

  it("shares with the other targets of the job what they say alike", () => {
    const shared = new SharedMetadata();
    const [a, b, c] = [1, 2, 3].map(() => new TargetMetadata(shared, undefined));
    for (const target of [a!, b!]) target.describeMetric("m", { type: "gauge", help: "Alike." });
    c!.describeMetric("m", { type: "gauge", help: "Not alike." });
    expect(a!.metadataOf("m")).toBe(b!.metadataOf("m"));
    expect(c!.metadataOf("m")).toEqual({ type: "gauge", help: "Not alike.", unit: "" });
  });

  it("keeps no more than its bounds, of metrics and of text", () => {
    const many = new TargetMetadata(new SharedMetadata(), undefined);
    for (let i = 0; i < 10_500; i++) many.describeMetric(`m${i}`, { type: "gauge" });
    expect([...many.metricNames()]).toHaveLength(10_000);
    many.describeMetric("m0", { help: "Known ones may change." });
    expect(many.metadataOf("m0")?.help).toBe("Known ones may change.");
    const long = new TargetMetadata(new SharedMetadata(), undefined);
    const help = "x".repeat(300_000);
    for (let i = 0; i < 10; i++) long.describeMetric(`m${i}`, { help });
    expect([...long.metricNames()]).toHaveLength(3);
    long.describeMetric("m0", { help: "" });
    long.describeMetric("m9", { help });
    expect([...long.metricNames()]).toEqual(["m0", "m1", "m2", "m9"]);
  });
});
