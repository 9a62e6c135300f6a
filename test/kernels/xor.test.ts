import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Column } from "../../src/kernels/column.js";
import { referenceDecodeXor, referenceEncodeXor } from "../../src/kernels/reference-xor.js";
import { decodeXor, encodeXor } from "../../src/kernels/xor.js";
import { XorAppender } from "../../src/kernels/xor-appender.js";
import { CorruptionError } from "../../src/model/errors.js";
import type { SampleColumns } from "../../src/model/sample.js";
import { anyColumns, bitsOf, columnsOf, corrupted, valueFromBits } from "./arbitraries.js";

/** Bits as text, blanks ignored, padded with zeros to whole bytes. */
function bytesOfBits(text: string): number[] {
  const digits = text.replaceAll(" ", "");
  return (digits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2));
}

interface Codec {
  encodeXor(columns: SampleColumns): Uint8Array;
  decodeXor(bytes: Uint8Array, count: number, into: Column, at?: number): number;
}

const codecs: readonly [string, Codec][] = [
  ["WebAssembly", { encodeXor, decodeXor }],
  ["TypeScript", { encodeXor: referenceEncodeXor, decodeXor: referenceDecodeXor }],
];

function decodeWith(codec: Codec, bytes: Uint8Array, count: number): Column {
  const into = { times: new Float64Array(count), values: new Float64Array(count) };
  expect(codec.decodeXor(bytes, count, into)).toBe(count);
  return into;
}

describe.each(codecs)("the XOR chunk format, by hand, in %s", (_, codec) => {
  const { encodeXor } = codec;
  const decode = (bytes: Uint8Array, count: number) => decodeWith(codec, bytes, count);

  it("writes count, zigzag varint and 64 bits for the first sample", () => {
    // 150 ms is zigzag 300 = 0b10_0101100, in varint bytes 0xac 0x02; 1.0 is 0x3ff0000000000000.
    const bytes = encodeXor(columnsOf([150], [1]));
    expect([...bytes]).toEqual([0, 1, 0xac, 0x02, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
    expect(decode(bytes, 1)).toEqual({ times: Float64Array.of(150), values: Float64Array.of(1) });
  });

  it("writes an unsigned varint and one bit for a second sample with the same value", () => {
    // Time -1 is zigzag 1; delta 15000 = 0b1110101_0011000 is 0x98 0x75; equal value: one zero bit.
    const bytes = encodeXor(columnsOf([-1, 14999], [0, 0]));
    expect([...bytes]).toEqual([0, 2, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0x98, 0x75, 0x00]);
  });

  it("writes a new window, then reuses it", () => {
    // 1.0 xor 2.0 = 0x7ff0..0: leading 1, trailing 52, 11 bits. 2.0 xor 4.0 = 0x0010..0 fits that window.
    const bytes = encodeXor(columnsOf([0, 1, 2], [1, 2, 4]));
    const second = "11 00001 001011 11111111111";
    const third = "0 10 00000000001";
    expect([...bytes.subarray(0, 12)]).toEqual([0, 3, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0x01]);
    expect([...bytes.subarray(12)]).toEqual(bytesOfBits(second + third));
  });

  it("caps leading zeros at 31 and writes a length of 64 as 0", () => {
    // Bits 0 xor 1 have 63 leading zeros: 31 are written, so 33 bits follow; 1 xor 0x8000000000000000 needs 64.
    const values = new Float64Array(3);
    valueFromBits(values, 1, 1n);
    valueFromBits(values, 2, 0x8000000000000000n);
    const bytes = encodeXor({ times: Float64Array.of(0, 0, 0), values, length: 3 });
    const second = `11 11111 100001 ${"1".padStart(33, "0")}`;
    const third = `0 11 00000 000000 ${(0x8000000000000001n).toString(2)}`;
    expect([...bytes.subarray(12)]).toEqual(bytesOfBits(second + third));
    expect(bitsOf(decode(bytes, 3).values)).toEqual(bitsOf(values));
  });

  it.each([
    [0, "0"],
    [1, "10 00000000000001"],
    [-8191, `10 ${(16384 - 8191).toString(2).padStart(14, "0")}`],
    [8192, "10 10000000000000"],
    [-8192, `110 ${(131072 - 8192).toString(2)}`],
    [8193, `110 ${(8193).toString(2).padStart(17, "0")}`],
    [65536, "110 10000000000000000"],
    [-65535, `110 ${(131072 - 65535).toString(2).padStart(17, "0")}`],
    [-65536, `1110 ${(1048576 - 65536).toString(2)}`],
    [524288, "1110 10000000000000000000"],
    [-524287, `1110 ${(1048576 - 524287).toString(2).padStart(20, "0")}`],
    [524289, `1111 ${(524289).toString(2).padStart(64, "0")}`],
    [-524288, `1111 ${((1n << 64n) - 524288n).toString(2)}`],
  ])("writes a dod of %i as %s", (dod, expected) => {
    const start = 1_000_000;
    const bytes = encodeXor(columnsOf([0, start, 2 * start + dod], [0, 0, 0]));
    // Header 2, time 1, value 8, delta 3 bytes; then the second value's bit.
    expect([...bytes.subarray(14)]).toEqual(bytesOfBits(`0 ${expected} 0`));
    expect(decode(bytes, 3).times[2]).toBe(2 * start + dod);
  });

  it("keeps 64-bit dods that no double holds", () => {
    const edge = 2 ** 52;
    // The third sample's dod is -2^53 - 2^53.
    const times = [-edge, edge, -edge, -edge + 1, edge - 1, edge, -edge];
    const columns = columnsOf(times, times);
    expect([...decode(encodeXor(columns), times.length).times]).toEqual(times);
  });
});

describe.each(codecs)("encodeXor and decodeXor in %s", (_, codec) => {
  const { encodeXor, decodeXor } = codec;
  const decode = (bytes: Uint8Array, count: number) => decodeWith(codec, bytes, count);

  it("give back every time and every bit of every value", () => {
    fc.assert(
      fc.property(anyColumns(), (columns) => {
        const into = decode(encodeXor(columns), columns.length);
        expect(into.times).toEqual(columns.times);
        expect(bitsOf(into.values)).toEqual(bitsOf(columns.values));
      }),
      { numRuns: 500 },
    );
  });

  it("decode into the middle of columns", () => {
    const into = { times: new Float64Array(5), values: new Float64Array(5) };
    decodeXor(encodeXor(columnsOf([7, 8], [1.5, 2.5])), 2, into, 2);
    expect([...into.times]).toEqual([0, 0, 7, 8, 0]);
    expect([...into.values]).toEqual([0, 0, 1.5, 2.5, 0]);
  });

  it("refuse or decode any bytes, and never run past them", () => {
    fc.assert(
      fc.property(corrupted(), fc.nat(200), (bytes, count) => {
        const into = { times: new Float64Array(count), values: new Float64Array(count) };
        try {
          decodeXor(bytes, count, into);
          for (const time of into.times) expect(Math.abs(time)).toBeLessThanOrEqual(2 ** 52);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptionError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("notice every cut", () => {
    const bytes = encodeXor(columnsOf([1, 2, 3, 1000], [1, 2.5, 2.5, Number.NaN]));
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decode(bytes.subarray(0, length), 4)).toThrow(CorruptionError);
    }
  });

  it("name what is impossible", () => {
    const tenBytes = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    const room = new Array<number>(16).fill(0);
    expect(() => decode(Uint8Array.of(0, 1, ...tenBytes, 0x02, ...room), 1)).toThrow("varint");
    expect(() => decode(Uint8Array.of(0, 1, ...tenBytes, 0x01, ...room), 1)).toThrow("time out of range");
    const wide = bytesOfBits("11 11111 111111");
    expect(() => decode(Uint8Array.of(0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...wide, ...room), 2)).toThrow(
      "more than 64 bits",
    );
    expect(() => decode(new Uint8Array(50), 1000)).toThrow("ends before");
  });
});

describe("both codecs", () => {
  it("write the same bytes", () => {
    fc.assert(
      fc.property(anyColumns(), (columns) => {
        expect(encodeXor(columns)).toEqual(referenceEncodeXor(columns));
      }),
      { numRuns: 1000 },
    );
  });

  it("write as many samples as a chunk can count", () => {
    const times = Float64Array.from({ length: 65_535 }, (_, i) => i * i);
    const columns = { times, values: times.map(Math.sin), length: times.length };
    const bytes = encodeXor(columns);
    expect(bytes).toEqual(referenceEncodeXor(columns));
    expect(decodeWith({ encodeXor, decodeXor }, bytes, 65_535)).toEqual({ times, values: columns.values });
    expect(() => encodeXor({ ...columns, length: 65_536 })).toThrow("count");
  });

  it("refuse the same bytes for the same reason", () => {
    const outcome = (decode: Codec["decodeXor"], bytes: Uint8Array, count: number) => {
      const into = { times: new Float64Array(count), values: new Float64Array(count) };
      try {
        decode(bytes, count, into);
        return { times: [...into.times], values: bitsOf(into.values) };
      } catch (error) {
        return `${error}`;
      }
    };
    fc.assert(
      fc.property(corrupted(), fc.nat(80), (bytes, count) => {
        expect(outcome(decodeXor, bytes, count)).toEqual(outcome(referenceDecodeXor, bytes, count));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("XorAppender", () => {
  it("shows a body that later appends do not change for its samples", () => {
    fc.assert(
      fc.property(anyColumns(), fc.nat(), (columns, seed) => {
        const cut = columns.length === 0 ? 0 : seed % (columns.length + 1);
        const appender = new XorAppender(1);
        for (let i = 0; i < cut; i++) appender.append(columns.times[i]!, columns.values, i);
        const early = appender.bytes();
        for (let i = cut; i < columns.length; i++) appender.append(columns.times[i]!, columns.values, i);
        const into = decodeWith({ encodeXor, decodeXor }, early, cut);
        expect(into.times).toEqual(columns.times.slice(0, cut));
        expect(bitsOf(into.values)).toEqual(bitsOf(columns.values.slice(0, cut)));
        expect(appender.bytes()).toEqual(encodeXor(columns));
      }),
    );
  });

  it("tells count, bounds and size", () => {
    const appender = new XorAppender();
    expect([appender.count, appender.minTime, appender.maxTime, appender.sizeBytes]).toEqual([
      0,
      NaN,
      NaN,
      2,
    ]);
    expect([...appender.bytes()]).toEqual([0, 0]);
    const values = Float64Array.of(5, 6);
    appender.append(-3, values, 0);
    appender.append(9, values, 1);
    expect([appender.count, appender.minTime, appender.maxTime]).toEqual([2, -3, 9]);
    expect(appender.bytes().length).toBe(appender.sizeBytes);
    expect([...appender.bytes().subarray(0, 2)]).toEqual([0, 2]);
  });

  it("refuses what is no time, and a 65536th sample", () => {
    const values = Float64Array.of(1);
    expect(() => new XorAppender().append(0.5, values, 0)).toThrow("integer");
    expect(() => new XorAppender().append(2 ** 52 + 1, values, 0)).toThrow("integer");
    const appender = new XorAppender();
    for (let i = 0; i < 65535; i++) appender.append(i, values, 0);
    expect(() => appender.append(65535, values, 0)).toThrow("count");
    expect([...appender.bytes().subarray(0, 2)]).toEqual([0xff, 0xff]);
  });
});
