import { describe, expect, it } from "vitest";
import { KnownPushSeries } from "../../../src/ingest/push/known-series.js";
import { OriginMemory } from "../../../src/ingest/push/origin-memory.js";
import type { PushSeries } from "../../../src/ingest/push/push.js";
import { Labels } from "../../../src/model/labels.js";
import { RecordingPush } from "../../support/recording-push.js";

const [a, b] = [{ name: "a" }, { name: "b" }];

describe("OriginMemory", () => {
  it("is each origin's own, from body to body", () => {
    const memory = new OriginMemory<number>();
    memory.of(a).set("x", 1);
    memory.of(b).set("x", 2);
    expect([memory.of(a).get("x"), memory.of(b).get("x"), memory.of(b).get("y")]).toEqual([1, 2, undefined]);
  });

  it("forgets everything when it has too much, for bodies under way too", () => {
    const memory = new OriginMemory<number>(100);
    const body = memory.of(a);
    for (let i = 0; i < 1000; i++) body.set(`text ${i}`, i);
    const known = Array.from({ length: 1000 }, (_, i) => body.get(`text ${i}`)).filter(
      (one) => one !== undefined,
    );
    expect(known.length).toBeLessThan(20);
    expect(body.get("text 999")).toBe(999);
    expect(memory.of(a).get("text 999")).toBe(999);
    memory.noteText(101);
    expect(body.get("text 999")).toBeUndefined();
  });
});

describe("KnownPushSeries", () => {
  it("remembers what is refused for one body only", () => {
    const memory = new OriginMemory<PushSeries>();
    const push = new RecordingPush({ origin: a });
    const refused: PushSeries = {
      labels: Labels.empty,
      refusal: { reason: "series-limit", message: "full" },
    };
    const taken: PushSeries = { labels: Labels.empty, refusal: undefined };
    const first = new KnownPushSeries(push, memory);
    expect(first.set("refused", refused)).toBe(refused);
    expect(first.set("taken", taken)).toBe(taken);
    expect([first.get("refused"), first.get("taken")]).toEqual([refused, taken]);
    const second = new KnownPushSeries(push, memory);
    expect([second.get("refused"), second.get("taken")]).toEqual([undefined, taken]);
  });
});
