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

/** Columns, their lengths right or not. */
const columnsValue = fc
  .tuple(
    fc.record({
      labels: fc.oneof(
        { weight: 5, arbitrary: fields.labels },
        { weight: 1, arbitrary: fc.constantFrom<unknown>({ room: 5 }, { room: null }, null, "x", []) },
      ),
      name: fields.name,
    }),
    fc.constantFrom(["labels"], ["labels"], ["labels"], [], ["labels", "name"]),
    fc.oneof(
      fc.record({ values: fc.dictionary(fc.constantFrom("a", "b", "ü", "constructor", "1"), fields.value) }),
      fc.record({ time: fields.time, values: fc.dictionary(fc.constantFrom("a", "b"), fields.value) }),
      fc.record({
        times: fc.array(fields.time, { minLength: 1, maxLength: 3 }),
        values: fc.dictionary(
          fc.constantFrom("a", "b", "n".repeat(40)),
          fc.array(fc.oneof(fields.value, fc.constant(null)), { minLength: 1, maxLength: 3 }),
        ),
      }),
    ),
  )
  .map(([all, keys, rest]) => ({
    ...Object.fromEntries(keys.map((key) => [key, all[key as keyof typeof all]])),
    ...rest,
  }));
const anyValue = fc.oneof(value, columnsValue);

describe("a value that is one sample, or columns", () => {
  it("is in JSON what it is with blanks in it, known or not, in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyValue, { maxLength: 6 }),
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
      { numRuns: 300 },
    );
  });

  it("is in MessagePack what it is in JSON, known or not, in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyValue, { maxLength: 6 }),
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
      { numRuns: 300 },
    );
  });

  it("has each column once, the last one written, whatever the bytes of its name", async () => {
    const memory = new RowMemory();
    for (const [body, lines] of [
      ['{"values":{"a":1,"a":2}}', ["a 2"]],
      ['{"values":{"a":1,"\\u0061":2}}', ["a 2"]],
      ['{"values":{"\\u0061":1,"b":3,"a":2}}', ["a 2", "b 3"]],
    ] as const)
      for (let round = 0; round < 3; round++)
        expect((await pushed("json", Buffer.from(body), memory)).lines).toEqual(lines);
  });

  it("is read in one go when it is longer than a piece", async () => {
    const memory = new RowMemory();
    const times = Array.from({ length: 10_000 }, (_, i) => 1_700_000_000 + i);
    const body = { labels: { room: "attic" }, times, values: { a: times, b: times.map(() => null) } };
    for (const format of ["json", "msgpack"] as const) {
      const bytes = format === "json" ? Buffer.from(JSON.stringify(body)) : packers[1]!.pack(body);
      for (let round = 0; round < 2; round++) {
        const { lines, lost } = await pushed(format, Buffer.concat([bytes, bytes]), memory, 65_536);
        expect([lines.length, lost]).toEqual([20_000, []]);
        expect(lines.at(-1)).toBe('a{room="attic"} 1700009999 @1700009999000');
      }
    }
  });
});
