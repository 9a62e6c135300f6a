import { describe, expect, it } from "vitest";
import { defaultIngestLimits } from "../../src/ingest/limits.js";
import { pushExposition } from "../../src/ingest/push.js";
import { StorageError } from "../../src/model/errors.js";
import { RecordingAppendable, sourceOf } from "./recording-appender.js";

const format = "prometheus" as const;

describe("pushExposition", () => {
  it("keeps what is good, counts and names the rest", async () => {
    const appendable = new RecordingAppendable();
    const text = 'a{b="c"} 1\nbroken\na{b="c"} 2 5000\nfar 1 8000000000000000\n';
    const result = await pushExposition(sourceOf(text, 5), { format, appendable, defaultTime: 1000 });
    expect(appendable.lines).toEqual(['a{b="c"} 1@1000', 'a{b="c"} 2@5000']);
    expect(result.appended).toBe(2);
    expect(result.rejected.get("invalid-time")).toMatchObject({ count: 1, first: { time: 8e15, value: 1 } });
    expect(result.malformed.count).toBe(1);
    expect(result.malformed.first).toEqual([{ line: 2, reason: "the value is missing" }]);
  });

  it("adds labels and a prefix; labels of the row win", async () => {
    const appendable = new RecordingAppendable();
    await pushExposition(sourceOf('a{b="c"} 1\n'), {
      format,
      appendable,
      defaultTime: 0,
      metricPrefix: "home_",
      extraLabels: { b: "x", site: "home" },
    });
    expect(appendable.seriesNames).toEqual(['home_a{b="c", site="home"}']);
  });

  it("commits large bodies in several transactions, with exact totals", async () => {
    const appendable = new RecordingAppendable();
    const count = 20_000;
    const lines = Array.from({ length: count }, (_, i) =>
      i % 1000 === 7 ? "oops" : `a{i="${i % 10}"} ${i} ${i}`,
    );
    const limits = { ...defaultIngestLimits, transactionSamplesMax: 5000 };
    const options = { format, appendable, defaultTime: 0, limits };
    const result = await pushExposition(sourceOf(lines.join("\n")), options);
    expect(appendable.commitSizes.length).toBeGreaterThan(2);
    expect(appendable.commitSizes.every((size) => size < 10_000)).toBe(true);
    expect(result.appended).toBe(count - 20);
    expect(appendable.samples.length).toBe(count - 20);
    expect(result.malformed.count).toBe(20);
    expect(result.malformed.first[1]).toEqual({ line: 1008, reason: "the value is missing" });
  });

  it("names a hundred malformed lines at most", async () => {
    const options = { format, appendable: new RecordingAppendable(), defaultTime: 0 };
    const { malformed } = await pushExposition(sourceOf("x\n".repeat(150)), options);
    expect(malformed.count).toBe(150);
    expect(malformed.first.length).toBe(100);
  });

  it("rolls back when the source breaks off, and says what a commit says", async () => {
    const appendable = new RecordingAppendable();
    const options = { format, appendable, defaultTime: 0 };
    const broken = async function* () {
      yield Buffer.from("a 1\n");
      throw new StorageError("the connection is gone");
    };
    await expect(pushExposition(broken(), options)).rejects.toThrow("the connection is gone");
    expect(appendable.rollbacks).toBe(1);
    expect(appendable.samples).toEqual([]);
    appendable.failCommit = new StorageError("the disk is full");
    await expect(pushExposition(sourceOf("a 1\n"), options)).rejects.toThrow("the disk is full");
  });
});
