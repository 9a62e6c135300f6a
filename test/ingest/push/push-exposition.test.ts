import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pushExposition } from "../../../src/ingest/push/push-exposition.js";
import { RowMemory } from "../../../src/ingest/push/row-memory.js";
import { StorageError } from "../../../src/model/errors.js";
import { pages } from "../../support/exposition-pages.js";
import { RecordingPush } from "../../support/recording-push.js";
import { pushTo } from "../push-support.js";
import { RecordingAppendable, sourceOf } from "../recording-appender.js";

const origin = { name: "test" };
const format = "prometheus" as const;

describe("pushExposition", () => {
  it("keeps what is good, counts and names the rest", async () => {
    const appendable = new RecordingAppendable();
    const text = 'a{b="c"} 1\nbroken\na{b="c"} 2 5000\nfar 1 8000000000000000\n';
    const result = await pushExposition(sourceOf(text, 5), { format, push: pushTo(appendable) });
    expect(appendable.lines).toEqual(['a{b="c"} 1@1000', 'a{b="c"} 2@5000']);
    expect(result.appended).toBe(2);
    expect(result.rejected.get("invalid-time")).toMatchObject({ count: 1, first: { time: 8e15, value: 1 } });
    expect(result.malformed.count).toBe(1);
    expect(result.malformed.first).toEqual([{ line: 2, reason: "the value is missing" }]);
  });

  it.each(["prometheus", "openmetrics"] as const)("reads known lines of %s as unknown ones", async (form) => {
    const read = async (bytes: Buffer, size: number, memory?: RowMemory) => {
      const push = new RecordingPush({ origin });
      const reading = { format: form, push, ...(memory && { memory }) };
      await pushExposition(sourceOf(bytes, size), reading);
      return { lines: push.lines, lost: push.lost };
    };
    await fc.assert(
      fc.asyncProperty(pages(), fc.integer({ min: 1, max: 300 }), async (texts, size) => {
        const memory = new RowMemory();
        for (const text of [...texts, ...texts])
          expect(await read(Buffer.from(text), size, memory)).toEqual(await read(Buffer.from(text), 1 << 20));
      }),
      { numRuns: 100 },
    );
  });

  it("tells what metrics are again after some bodies, and at once what is new", async () => {
    const memory = new RowMemory();
    const told: number[] = [];
    for (let body = 0; body < 130; body++) {
      const push = new RecordingPush({ origin });
      await pushExposition(sourceOf("# TYPE x counter\n# HELP x Help.\nx 1\n"), { format, push, memory });
      expect(push.lines).toEqual(["x 1"]);
      if (push.described.size > 0) told.push(body);
    }
    expect(told).toEqual([0, 64, 128]);
    const push = new RecordingPush({ origin });
    await pushExposition(sourceOf("# TYPE x gauge\nx 1\n"), { format, push, memory });
    expect(push.described.get("x")).toEqual({ type: "gauge" });
  });

  it("reads the same text anew where a type says that it means other labels", async () => {
    const memory = new RowMemory();
    const lines: string[] = [];
    for (const text of [
      'x_bucket{le="1"} 1',
      '# TYPE x histogram\nx_bucket{le="1"} 2',
      'x_bucket{le="1"} 3',
    ]) {
      const push = new RecordingPush({ origin });
      await pushExposition(sourceOf(text), { format, push, memory });
      lines.push(...push.lines);
    }
    expect(lines).toEqual(['x_bucket{le="1"} 1', 'x_bucket{le="1.0"} 2', 'x_bucket{le="1"} 3']);
  });

  it("commits large bodies in several transactions, with exact totals", async () => {
    const appendable = new RecordingAppendable();
    const count = 20_000;
    const lines = Array.from({ length: count }, (_, i) =>
      i % 1000 === 7 ? "oops" : `a{i="${i % 10}"} ${i} ${i}`,
    );
    const push = pushTo(appendable, { limits: { transactionSamplesMax: 5000 } });
    const result = await pushExposition(sourceOf(lines.join("\n")), { format, push });
    expect(appendable.commitSizes.length).toBeGreaterThan(2);
    expect(appendable.commitSizes.every((size) => size < 10_000)).toBe(true);
    expect(result.appended).toBe(count - 20);
    expect(appendable.samples.length).toBe(count - 20);
    expect(result.malformed.count).toBe(20);
    expect(result.malformed.first[1]).toEqual({ line: 1008, reason: "the value is missing" });
  });

  it("names a hundred malformed lines at most", async () => {
    const push = pushTo(new RecordingAppendable());
    const { malformed } = await pushExposition(sourceOf("x\n".repeat(150)), { format, push });
    expect(malformed.count).toBe(150);
    expect(malformed.first.length).toBe(100);
  });

  it("rolls back when the source breaks off, and says what a commit says", async () => {
    const appendable = new RecordingAppendable();
    const broken = async function* () {
      yield Buffer.from("a 1\n");
      throw new StorageError("the connection is gone");
    };
    await expect(pushExposition(broken(), { format, push: pushTo(appendable) })).rejects.toThrow(
      "the connection is gone",
    );
    expect(appendable.rollbacks).toBe(1);
    expect(appendable.samples).toEqual([]);
    appendable.failCommit = new StorageError("the disk is full");
    const push = pushTo(appendable);
    await expect(pushExposition(sourceOf("a 1\n"), { format, push })).rejects.toThrow("the disk is full");
  });
});
