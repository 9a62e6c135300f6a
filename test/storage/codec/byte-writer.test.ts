import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isStaleAt, markStaleAt } from "../../../src/model/staleness.js";
import { ByteReader } from "../../../src/storage/codec/byte-reader.js";
import { ByteWriter } from "../../../src/storage/codec/byte-writer.js";

const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(
    -(2 ** 52),
    2 ** 52,
    -(2 ** 53) + 1,
    2 ** 53 - 1,
    -(2 ** 32),
    -(2 ** 32) - 1,
    2 ** 31,
    2 ** 32 - 1,
    0,
    -1,
  ),
);
const natural = safe.map(Math.abs);
const u32 = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 0x7fffffff, 0x80000000, 0xffffffff));
const value = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant("u16" as const), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constantFrom("u32" as const, "uvarint32" as const), value: u32 }),
  fc.record({ kind: fc.constantFrom("u64" as const, "uvarint" as const), value: natural }),
  fc.record({
    kind: fc.constant("varint" as const),
    value: fc.oneof(safe, fc.constantFrom(2 ** 53, -(2 ** 53))),
  }),
  fc.record({ kind: fc.constant("string" as const), value: fc.string({ unit: "grapheme" }) }),
);
type Value = typeof value extends fc.Arbitrary<infer T> ? T : never;

function write(writer: ByteWriter, item: Value): void {
  if (item.kind === "string") writer.string(item.value);
  else writer[item.kind](item.value);
}

describe("ByteWriter and ByteReader", () => {
  it("give back every sequence of values", () => {
    fc.assert(
      fc.property(fc.array(value), (items) => {
        const writer = new ByteWriter(1);
        for (const item of items) write(writer, item);
        const reader = new ByteReader(writer.toBytes());
        expect(items.map((item) => reader[item.kind]())).toEqual(items.map((item) => item.value));
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  it("write the differences of a column as varints", () => {
    const number = fc.oneof(safe, fc.integer({ min: -200, max: 200 }), fc.nat(2 ** 32)).map((n) => n / 2);
    fc.assert(
      fc.property(fc.array(number.map(Math.floor)), fc.nat(5), (numbers, more) => {
        const column = Float64Array.from([...numbers, ...Array<number>(more).fill(7)]);
        const [whole, one] = [new ByteWriter(1), new ByteWriter(1)];
        for (const writer of [whole, one]) writer.u8(1);
        whole.varintDeltas(column, numbers.length);
        for (const [i, n] of numbers.entries()) one.varint(n - (numbers[i - 1] ?? 0));
        expect(whole.toBytes()).toEqual(one.toBytes());
        const reader = new ByteReader(whole.toBytes());
        reader.skip(1);
        expect(reader.varintDeltas(numbers.length)).toEqual(Float64Array.from(numbers));
        expect(reader.remaining).toBe(0);
      }),
    );
    expect(() => new ByteWriter().varintDeltas(Float64Array.of(0.5), 1)).toThrow();
    expect(() => new ByteWriter().varintDeltas(Float64Array.of(1), 2)).toThrow();
  });

  it("write runs of the same difference as one varint each, however long", () => {
    const run = fc.tuple(fc.constantFrom(0, 1, 63, 64, -1, -300, 2 ** 31, -(2 ** 40)), fc.nat(40));
    fc.assert(
      fc.property(fc.array(run, { maxLength: 8 }), (runs) => {
        const deltas = runs.flatMap(([delta, count]) => Array<number>(count).fill(delta));
        let last = 0;
        const numbers = deltas.map((delta) => (last += delta));
        const [whole, one] = [new ByteWriter(1), new ByteWriter(1)];
        whole.varintDeltas(Float64Array.from(numbers), numbers.length);
        for (const delta of deltas) one.varint(delta);
        expect(whole.toBytes()).toEqual(one.toBytes());
      }),
    );
  });

  it("write varints as Go does", () => {
    const encoded = (write: (writer: ByteWriter) => void) => {
      const writer = new ByteWriter();
      write(writer);
      return Buffer.from(writer.view()).toString("hex");
    };
    expect(encoded((writer) => writer.uvarint(300))).toBe("ac02");
    expect(encoded((writer) => writer.varint(-1))).toBe("01");
    expect(encoded((writer) => writer.varint(64))).toBe("8001");
    expect(encoded((writer) => writer.varint(-65))).toBe("8101");
    expect(encoded((writer) => writer.varint(-(2 ** 52)))).toBe("ffffffffffffff0f");
    expect(encoded((writer) => writer.u64(2 ** 40 + 5))).toBe("0000010000000005");
  });

  it("keep the bits of every kind of NaN", () => {
    const values = new Float64Array([Number.NaN, 0, -0, 1.5]);
    markStaleAt(values, 1);
    const writer = new ByteWriter();
    for (let i = 0; i < values.length; i++) writer.f64At(values, i);
    expect(Buffer.from(writer.view().subarray(8, 16)).toString("hex")).toBe("7ff0000000000002");
    const read = new Float64Array(values.length);
    const reader = new ByteReader(writer.view());
    for (let i = 0; i < read.length; i++) reader.f64Into(read, i);
    expect(isStaleAt(read, 0)).toBe(false);
    expect(isStaleAt(read, 1)).toBe(true);
    expect(new Uint8Array(read.buffer)).toEqual(new Uint8Array(values.buffer));
  });

  it("patch a length that was not known", () => {
    const writer = new ByteWriter(4);
    writer.u32(0);
    writer.bytes(new Uint8Array([1, 2, 3]));
    writer.patchU32(0, writer.length - 4);
    expect([...writer.view()]).toEqual([0, 0, 0, 3, 1, 2, 3]);
    expect(() => writer.patchU32(4, 1)).toThrow("a patch lies within what was written");
  });

  it("refuse numbers that do not fit", () => {
    const writer = new ByteWriter();
    expect(() => writer.u64(2 ** 53)).toThrow();
    expect(() => writer.uvarint(-1)).toThrow();
    expect(() => writer.uvarint32(2 ** 32)).toThrow();
    expect(() => writer.varint(0.5)).toThrow();
    expect(writer.length).toBe(0);
  });
});
