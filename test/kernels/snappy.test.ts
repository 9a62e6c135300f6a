import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSnappy, encodeSnappy } from "../../src/kernels/snappy.js";
import { LimitExceededError, MalformedInputError, TsdbError } from "../../src/model/errors.js";

const limit = 1 << 20;

describe("decodeSnappy", () => {
  it.each<[name: string, bytes: number[], text: string]>([
    ["nothing", [0], ""],
    ["a literal", [3, 0x08, 0x61, 0x62, 0x63], "abc"],
    ["a literal with one length byte", [3, 0xf0, 0x02, 0x61, 0x62, 0x63], "abc"],
    ["a literal with four length bytes", [1, 0xfc, 0, 0, 0, 0, 0x61], "a"],
    ["a copy with one offset byte", [8, 0x0c, 0x61, 0x62, 0x63, 0x64, 0x01, 0x04], "abcdabcd"],
    ["a copy that overlaps itself", [7, 0x00, 0x61, 0x16, 0x01, 0x00], "aaaaaaa"],
    ["a copy with four offset bytes", [4, 0x04, 0x61, 0x62, 0x07, 0x02, 0, 0, 0], "abab"],
  ])("reads %s", (_, bytes, text) => {
    expect(Buffer.from(decodeSnappy(Uint8Array.from(bytes), limit)).toString()).toBe(text);
  });

  it.each<[name: string, bytes: number[], reason: RegExp]>([
    ["an empty body", [], /length is not complete/],
    ["an endless length", [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], /length is not complete/],
    ["a bomb", [0xff, 0xff, 0x3f, 0, 0x61], /cannot decode to the declared 1048575/],
    ["a literal cut short", [5, 0x10, 0x61], /literal is not complete/],
    ["a tag cut short", [5, 0xf4, 0x61], /element is not complete/],
    ["a copy of nothing", [5, 0x00, 0x61, 0x01, 0x00], /before the start/],
    ["a copy from before the start", [5, 0x00, 0x61, 0x01, 0x02], /before the start/],
    ["more than was declared", [2, 0x08, 0x61, 0x62, 0x63], /more is decoded/],
    ["less than was declared", [4, 0x08, 0x61, 0x62, 0x63], /3 bytes are decoded, but 4/],
    ["the framed format", [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59], /block format/],
  ])("refuses %s", (_, bytes, reason) => {
    const decode = () => decodeSnappy(Uint8Array.from(bytes), limit);
    expect(decode).toThrow(MalformedInputError);
    expect(decode).toThrow(reason);
  });

  it("checks the declared length against the limit before anything is allocated", () => {
    const declared = Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    expect(() => decodeSnappy(declared, limit)).toThrow(LimitExceededError);
  });
});

describe("encodeSnappy", () => {
  const compressible = fc
    .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 60 })), {
      maxLength: 60,
    })
    .map((parts) => Buffer.concat(parts.flatMap(([part, times]) => Array<Uint8Array>(times).fill(part))));

  it("is read back", () => {
    fc.assert(
      fc.property(fc.oneof(compressible, fc.uint8Array({ maxLength: 3000 })), (bytes) => {
        expect(Buffer.from(decodeSnappy(encodeSnappy(bytes), limit)).equals(bytes)).toBe(true);
      }),
    );
  });

  it("makes repetitive bytes small, also when they are far apart", () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `some_metric_name{label="value"} ${i % 100}\n`);
    const bytes = Buffer.from(lines.join(""));
    const encoded = encodeSnappy(bytes);
    expect(encoded.length).toBeLessThan(bytes.length / 4);
    expect(Buffer.from(decodeSnappy(encoded, limit)).equals(bytes)).toBe(true);
  });

  it("does not grow random bytes by more than a few", () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff);
    expect(encodeSnappy(bytes).length).toBeLessThan(bytes.length + 20);
  });
});

describe("hostile bytes", () => {
  it("gives a result or a TsdbError, for noise and for mutations of valid blocks", () => {
    const mutated = fc
      .tuple(
        fc.uint8Array({ minLength: 30, maxLength: 300 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }),
      )
      .map(([bytes, changes]) => {
        const encoded = Uint8Array.from(encodeSnappy(Buffer.concat([bytes, bytes, bytes])));
        for (const [place, byte] of changes) encoded[place % encoded.length] = byte;
        return encoded;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated), (bytes) => {
        try {
          expect(decodeSnappy(bytes, limit).length).toBeLessThanOrEqual(bytes.length * 22);
        } catch (error) {
          expect(error).toBeInstanceOf(TsdbError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
