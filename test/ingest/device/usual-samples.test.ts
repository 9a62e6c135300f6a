import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { pushDeviceBody } from "../../../src/ingest/device/push-device-body.js";
import { RowMemory } from "../../../src/ingest/push/row-memory.js";
import { RecordingPush } from "../../support/recording-push.js";

/** Maps with lengths of two bytes, and with the shortest. */
const packers = [new Packr({ useRecords: false }), new Packr({ useRecords: false, variableMapSize: true })];
const origin = { name: "test" };

type Format = "json" | "msgpack";

async function pushed(format: Format, body: Uint8Array, memory = new RowMemory(), pieceSize = 1 << 20) {
  const push = new RecordingPush({ origin });
  async function* source() {
    for (let at = 0; at < body.length; at += pieceSize) yield body.subarray(at, at + pieceSize);
  }
  await pushDeviceBody(source(), push, { format, timeUnit: "s", memory });
  return { lines: push.lines, lost: push.lost };
}

const text = fc.string({ unit: fc.constantFrom("a", '"value":', "\\", "}", "\u{a5}value"), maxLength: 3 });
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, 127, 128, 255, 256, -32, -33, -129, 2 ** 40),
);
const fields = {
  name: fc.oneof({ weight: 5, arbitrary: fc.constantFrom("a", "b") }, { weight: 1, arbitrary: text }),
  labels: fc.dictionary(fc.oneof(fc.constantFrom("value", "room"), text), text, {
    maxKeys: 2,
    noNullPrototype: true,
  }),
  value: fc.oneof(
    { weight: 5, arbitrary: number },
    { weight: 1, arbitrary: fc.constantFrom(null, "NaN", "x", {}) },
  ),
  time: fc.oneof(
    { weight: 5, arbitrary: number },
    { weight: 1, arbitrary: fc.constantFrom("2026-11-20T00:00:00Z", null) },
  ),
  samples: fc.constant([[1, 2]]),
};
/** With its fields in some order, some of them missing. */
const value = fc
  .tuple(
    fc.record(fields),
    fc.oneof(
      fc.constantFrom<(keyof typeof fields)[]>(
        ["name", "labels", "value", "time"],
        ["name", "labels", "value"],
      ),
      fc.shuffledSubarray(["name", "labels", "value", "time", "samples"] as (keyof typeof fields)[]),
    ),
  )
  .map(([all, keys]) => Object.fromEntries(keys.map((key) => [key, all[key]])));

describe("a value that is one sample", () => {
  it("is in JSON what it is with blanks in it, known or not, in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { maxLength: 6 }),
        fc.integer({ min: 1, max: 300 }),
        async (values, size) => {
          const [memory, other] = [new RowMemory(), new RowMemory()];
          for (let round = 0; round < 2; round++) {
            const lines = values.map((one) => JSON.stringify(one));
            const usual = await pushed("json", Buffer.from(lines.join("\n")), memory, size);
            const spaced = values.map((one) => JSON.stringify(one, null, 1));
            expect(usual).toEqual(await pushed("json", Buffer.from(spaced.join("\n")), other));
            const asArray = await pushed("json", Buffer.from(`[${lines.join()}]`), memory, size);
            expect(asArray).toEqual(usual);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("is in MessagePack what it is in JSON, known or not, in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { maxLength: 6 }),
        fc.integer({ min: 1, max: 300 }),
        async (values, size) => {
          const memory = new RowMemory();
          const expected = await pushed(
            "json",
            Buffer.from(values.map((one) => JSON.stringify(one)).join("\n")),
          );
          for (const round of [0, 1, 0, 1]) {
            const packs = Buffer.concat(values.map((one) => Buffer.from(packers[round]!.pack(one))));
            expect(await pushed("msgpack", packs, memory, size)).toEqual(expected);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
