import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RowMemory } from "../../src/ingest/push/row-memory.js";
import { pushJsonLines } from "../../src/ingest/push-json-lines.js";
import { RecordingPush } from "../support/recording-push.js";

import { sourceOf } from "./recording-appender.js";

const origin = { name: "test" };

async function pushed(body: string, memory = new RowMemory(), pieceSize = 100): Promise<RecordingPush> {
  const push = new RecordingPush({ origin });
  const bytes = Buffer.from(body);
  async function* source() {
    for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
  }
  await pushJsonLines(source(), push, 1000, memory);
  return push;
}

const text = fc.string({ unit: fc.constantFrom("a", "}", "{", '"', "\\", ",", "é"), maxLength: 4 });
const value = fc.oneof(fc.double(), fc.constantFrom(null, "NaN", "Infinity", "x", -0, 1e300));
const line = fc.record({
  metric: fc.dictionary(fc.constantFrom("__name__", "job", "}"), text, { maxKeys: 3, noNullPrototype: true }),
  values: fc.array(value, { maxLength: 3 }),
  timestamps: fc.array(fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0.5, 1e21)), { maxLength: 3 }),
});

describe("pushJsonLines", () => {
  it("takes from a line what it takes from the same with blanks, known or not, in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 6 }),
        fc.integer({ min: 1, max: 300 }),
        async (lines, size) => {
          const all = [...lines, ...lines];
          const [memory, other] = [new RowMemory(), new RowMemory()];
          for (let round = 0; round < 2; round++) {
            const usual = await pushed(all.map((one) => JSON.stringify(one)).join("\n"), memory, size);
            const spaced = all.map((one) => JSON.stringify(one, null, 1).replaceAll("\n", ""));
            const unusual = await pushed(spaced.join("\n"), other);
            expect([usual.lines, usual.lost]).toEqual([unusual.lines, unusual.lost]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("reads lines that are too long for the kernel", async () => {
    const memory = new RowMemory();
    const times = Array.from({ length: 200_000 }, (_, i) => 1_700_000_000_000 + i);
    const long = JSON.stringify({ metric: { __name__: "x" }, values: times, timestamps: times });
    for (let round = 0; round < 2; round++) {
      const push = new RecordingPush({ origin });
      const bytes = Buffer.from(`${long}\n${long.replace("[", "[7,").replace(":[1", ":[6,1")}\n`);
      await pushJsonLines(sourceOf(bytes, 65_536), push, 8 * 1024 * 1024, memory);
      expect([push.lines.length, push.lost]).toEqual([400_001, []]);
      expect(push.lines.at(-1)).toBe("x 1700000199999 @1700000199999");
    }
  });

  it("counts lines that only begin as they should", async () => {
    const good = '{"metric":{"__name__":"x"},"values":[1],"timestamps":[7]}';
    const bad = [
      '{"metric":{"__name__":"x"},"values":[1],"timestamps":[7]',
      `${good}}`,
      good.replace("[1]", "[01]"),
    ];
    const { lines, lost } = await pushed([good, ...bad, good].join("\n"));
    expect(lines).toEqual(["x 1 @7", "x 1 @7"]);
    expect(lost).toEqual([2, 3, 4].map((place) => `${place}: the line is no JSON (1)`));
  });
});
