import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptionError } from "../../../src/model/errors.js";
import { ByteReader } from "../../../src/storage/codec/byte-reader.js";
import { ByteWriter } from "../../../src/storage/codec/byte-writer.js";

describe("ByteReader over hostile bytes", () => {
  it("gives a value or a CorruptionError with the place", () => {
    const kinds = ["u8", "u16", "u32", "u64", "uvarint", "uvarint32", "varint", "string"] as const;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), fc.array(fc.constantFrom(...kinds)), (bytes, reads) => {
        const reader = new ByteReader(bytes, { file: "index", offset: 100 });
        for (const kind of reads) {
          try {
            const read = reader[kind]();
            if (typeof read === "number") expect(Number.isInteger(read)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptionError);
            expect(error).toMatchObject({ file: "index" });
            expect((error as CorruptionError).offset).toBeGreaterThanOrEqual(100);
            return;
          }
        }
      }),
    );
  });

  it("does not believe a length, an endless varint or bad UTF-8", () => {
    const read = (...bytes: number[]) => new ByteReader(new Uint8Array(bytes));
    expect(() => read(0xff, 0xff, 0xff, 0xff, 0x0f, 1).string()).toThrow(
      "4294967295 bytes are needed, 1 are left",
    );
    expect(() => read(...new Array(20).fill(0x80)).uvarint()).toThrow("longer than ten bytes");
    expect(() => read(...new Array(9).fill(0xff), 1).uvarint()).toThrow("exceeds 2^53 - 1");
    expect(() => read(...new Array(9).fill(0xff), 1).varint()).toThrow("exceeds 2^53");
    expect(read(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20).varint()).toBe(2 ** 53);
    expect(() => read(0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20).varint()).toThrow("exceeds 2^53");
    expect(() => read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).u64()).toThrow("exceeds 2^53 - 1");
    expect(() => read(2, 0xc3, 0x28).string()).toThrow("not valid UTF-8");
    expect(() => read(2, 0x80).varintDeltas(2)).toThrow("1 byte is needed, 0 are left");
    expect(() => read(2, 2).varintDeltas(3)).toThrow("3 numbers do not fit into 2 bytes");
    const most = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f];
    expect([...read(...most, 1).varintDeltas(2)]).toEqual([2 ** 53 - 1, 2 ** 53 - 2]);
    expect(() => read(...most, 2).varintDeltas(2)).toThrow("is not a safe integer");
    expect(() => read(1).seek(2)).toThrow(CorruptionError);
    expect(() => read(1).subarray(2)).toThrow(CorruptionError);
  });

  it("keeps a byte order mark inside of a string", () => {
    const writer = new ByteWriter();
    writer.string("\ufeffx");
    expect(new ByteReader(writer.view()).string()).toBe("\ufeffx");
  });
});
