import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Column } from "../../src/kernels/column.js";
import { decodeDense, encodeDense } from "../../src/kernels/dense.js";
import { referenceDecodeDense } from "../../src/kernels/reference-dense.js";
import { encodeXor } from "../../src/kernels/xor.js";
import { CorruptionError } from "../../src/model/errors.js";
import type { SampleColumns } from "../../src/model/sample.js";
import { bitsOf, columnsOf, valueFromBits } from "./arbitraries.js";
import { corruptedDense, denseColumns, forceDense } from "./dense-arbitraries.js";

type Decode = (bytes: Uint8Array, count: number, into: Column, at?: number) => number;
const decoders: readonly [string, Decode][] = [
  ["WebAssembly", decodeDense],
  ["TypeScript", referenceDecodeDense],
];

function decodeWith(decode: Decode, bytes: Uint8Array, count: number): Column {
  const into = { times: new Float64Array(count), values: new Float64Array(count) };
  expect(decode(bytes, count, into)).toBe(count);
  return into;
}

function outcome(decode: Decode, bytes: Uint8Array, count: number): unknown {
  const into = { times: new Float64Array(count), values: new Float64Array(count) };
  try {
    decode(bytes, count, into);
    return { times: [...into.times], values: bitsOf(into.values) };
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return error.message;
  }
}

/** All but the name and count in base64; times and values as little-endian doubles. */
interface Fixture {
  readonly name: string;
  readonly count: number;
  readonly bytes: string;
  readonly times: string;
  readonly values: string;
}

function readFixtures(): readonly Fixture[] {
  const text = readFileSync(new URL("../fixtures/dense-chunks.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { chunks: readonly Fixture[] }).chunks;
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

function toBase64(column: Float64Array): string {
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString("base64");
}

const length = 480;
const times = Array.from({ length }, (_, i) => 1_700_000_000_000 + i * 15_000);
function sizeOf(values: (index: number) => number, late: (index: number) => number = () => 0): number {
  const columns = columnsOf(
    times.map((time, i) => time + late(i)),
    times.map((_, i) => values(i)),
  );
  const bytes = forceDense(columns);
  const decoded = decodeWith(decodeDense, bytes, length);
  expect(decoded.times).toEqual(columns.times);
  expect(bitsOf(decoded.values)).toEqual(bitsOf(columns.values));
  return bytes.length;
}

describe("the dense chunk format, by hand", () => {
  it("writes a constant as two lines", () => {
    const bytes = forceDense(columnsOf([1000, 16_000, 31_000], [1, 1, 1]));
    const count = [0, 3];
    // Flags 0; first 1000 is zigzag 2000, slope 15000 is zigzag 30000; width 0.
    const timeBytes = [0, 0xd0, 0x0f, 0xb0, 0xea, 0x01, 0];
    // Scale 0; flags 0; first 1, slope 0; width 0.
    const valueBytes = [0, 0, 2, 0, 0];
    expect([...bytes]).toEqual([...count, ...timeBytes, ...valueBytes]);
  });

  it("is decoded field by field", () => {
    const bytes = Uint8Array.of(
      ...[0, 4],
      ...[0, 0, 2, 0],
      // Scale 1, one exception; summed, with factor 5; first -10, slope 0.
      ...[0x81, 1, 3, 19, 0, 5],
      // Two bits each: 1, 2, 3.
      ...[2, 0b11_10_01],
      // One in front of the exception, whose bits are the staleness marker.
      ...[1, 1],
      ...[2, 0, 0, 0, 0, 0, 0xf0, 0x7f, 0],
    );
    for (const [, decode] of decoders) {
      const { times, values } = decodeWith(decode, bytes, 4);
      expect([...times]).toEqual([0, 1, 2, 3]);
      expect([values[0], values[2], values[3]]).toEqual([-0.5, 0.5, 2]);
      expect(bitsOf(values)[1]).toBe(0x7ff0000000000002n);
    }
  });

  it("is decoded with offsets and patches", () => {
    const bytes = Uint8Array.of(
      ...[0, 34],
      ...[0, 0, 2, 0],
      // Scale 0; patched; first 0, slope 0.
      ...[0, 4, 0, 0],
      // Varied: width 0 and 1 more for the second miniblock; offsets of 4 bits, 9 and 3.
      ...[0x80, 1, 4, 0b10, 0x39, 0b10],
      // Two patches: of integer 1 by -1 (width 0), and of integer 33 by 2 (width 1).
      ...[2, 5, 0b00001 | ((31 << 5) & 0xff), (31 << 5) >> 8, 2, 0b11_00],
    );
    for (const [, decode] of decoders) {
      const { values } = decodeWith(decode, bytes, 34);
      expect([...values]).toEqual([9, 8, ...new Array<number>(30).fill(9), 3, 3 + 1 + 4]);
    }
  });
});

describe.each(decoders)("patches by a bitmap, in %s", (_, decode) => {
  // Ten steps of width 0, of which numbers 1, 8 and 9 are patched; the bits behind the tenth have no meaning.
  const beginning = [0, 10, 0, 0, 2, 0];
  const bitmap = [0b00000010, 0b11111111];

  it("go up and down", () => {
    // Three bits each: 2, -1 and 3, which are zigzag 4, 1 and 6.
    const bytes = Uint8Array.of(...beginning, 0, 4 + 16, 0, 0, 0, ...bitmap, 3, 0b01_000_011, 0b1);
    expect([...decodeWith(decode, bytes, 10).values]).toEqual([0, 2, 0, 0, 0, 0, 0, 0, -1, 3]);
  });

  it("go only up", () => {
    // Two bits each: 1, 2 and 4.
    const bytes = Uint8Array.of(...beginning, 0, 4 + 8 + 16, 0, 0, 0, ...bitmap, 2, 0b11_01_00);
    expect([...decodeWith(decode, bytes, 10).values]).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 2, 4]);
  });
});

describe.each(decoders)("encodeDense, and decoding in %s", (_, decode) => {
  it("give back every time and every bit of every value", () => {
    fc.assert(
      fc.property(denseColumns(), (columns) => {
        const into = decodeWith(decode, forceDense(columns), columns.length);
        expect(into.times).toEqual(columns.times.slice(0, columns.length));
        expect(bitsOf(into.values)).toEqual(bitsOf(columns.values));
      }),
      { numRuns: 500 },
    );
  });

  it("decode into the middle of columns", () => {
    const into = { times: new Float64Array(5), values: new Float64Array(5) };
    decode(forceDense(columnsOf([7, 8], [1.5, 2.5])), 2, into, 2);
    expect([...into.times]).toEqual([0, 0, 7, 8, 0]);
    expect([...into.values]).toEqual([0, 0, 1.5, 2.5, 0]);
  });

  it("keep as many samples as a chunk can count", () => {
    const count = 65_535;
    const columns = {
      times: Float64Array.from({ length: count }, (_, i) => i * i),
      values: Float64Array.from({ length: count }, (_, i) => Math.round(1e4 * Math.sin(i)) / 100),
      length: count,
    };
    const into = decodeWith(decode, forceDense(columns), count);
    expect(into.times.every((time, i) => time === columns.times[i])).toBe(true);
    expect(into.values.every((value, i) => value === columns.values[i])).toBe(true);
  });

  it("notice every cut, and every byte too many", () => {
    const columns = columnsOf(
      times.slice(0, 100),
      times.slice(0, 100).map((_, i) => (i === 50 ? Number.NaN : i === 70 ? 1e9 : (i * i) / 100)),
    );
    const bytes = forceDense(columns);
    for (let cut = 0; cut < bytes.length; cut++) {
      expect(() => decodeWith(decode, bytes.subarray(0, cut), 100)).toThrow(CorruptionError);
    }
    expect(() => decodeWith(decode, Uint8Array.of(...bytes, 0), 100)).toThrow("goes on behind");
    expect(() => decodeWith(decode, Uint8Array.of(...bytes, ...new Uint8Array(9999)), 100)).toThrow(
      "goes on",
    );
  });

  it("demand the count that was encoded", () => {
    const bytes = forceDense(columnsOf([1, 2], [3, 4]));
    for (const count of [0, 1, 3, 70_000]) {
      expect(() => decodeWith(decode, bytes, count)).toThrow("another number of samples");
    }
  });

  it.each([
    ["field", [0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 16, 0, 0, 0, 1, 0, 0, 0, 0]],
    ["field", [0, 1, 32, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 4 + 16, 0, 0, 0, 0b10, 0, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 0, 0, 0, 65, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 0, 0, 0, 0x80, 8, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 0, 0, 0, 0xc0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 0, 0, 0, 0, 23, 0, 0, 0, 0]],
    ["field", [0, 1, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0]],
    ["field", [0, 1, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 0]],
    ["field", [0, 2, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 4, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 4, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]],
    ["field", [0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0]],
    ["time", [0, 1, 0, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0, 0, 0, 0, 0, 0]],
    ["53 bits", [0, 1, 0, 0, 0, 0, 1, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0]],
  ])("name what is impossible: %s in %j", (message, bytes) => {
    const { 1: count = 0 } = bytes;
    expect(() => decodeWith(decode, Uint8Array.from(bytes), count)).toThrow(message);
  });
});

describe.each(decoders)("the chunks of the first version, decoded in %s", (_, decode) => {
  const fixtures = readFixtures();

  it.each(fixtures)("are what they were: $name", ({ count, bytes, times, values }) => {
    const decoded = decodeWith(decode, fromBase64(bytes), count);
    expect(toBase64(decoded.times)).toBe(times);
    expect(toBase64(decoded.values)).toBe(values);
  });
});

describe("both decoders", () => {
  it("accept or refuse any bytes, alike", () => {
    fc.assert(
      fc.property(corruptedDense(), ({ bytes, count }) => {
        expect(outcome(decodeDense, bytes, count)).toEqual(outcome(referenceDecodeDense, bytes, count));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("encodeDense", () => {
  it("takes about the bits that seldom growth needs", () => {
    let value = 0;
    // Four of fifteen samples grow, by 1 or 2.
    const size = sizeOf((i) => {
      value += [0, 1, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 2, 0, 0][(i * 7) % 15]!;
      return value;
    });
    expect(size).toBeLessThan(30 + (length * 1.4) / 8);
  });

  it("leaves to XOR what XOR packs better", () => {
    fc.assert(
      fc.property(denseColumns(), (columns) => {
        const xorSize = encodeXor(columns).length;
        const bytes = encodeDense(columns);
        if (bytes === undefined) expect(forceDense(columns).length).toBeGreaterThan(xorSize);
        else expect(bytes.length).toBeLessThanOrEqual(xorSize);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses no samples, and more than a chunk can count", () => {
    const columns: SampleColumns = {
      times: new Float64Array(65_536),
      values: new Float64Array(65_536),
      length: 0,
    };
    expect(() => encodeDense(columns)).toThrow("has a sample");
    expect(() => encodeDense({ ...columns, length: 65_536 })).toThrow("overflows");
  });

  it("takes next to nothing for regular times and constants", () => {
    expect(sizeOf(() => 1)).toBeLessThan(20);
    expect(sizeOf((i) => 0.25 * i)).toBeLessThan(20);
    expect(
      sizeOf(
        () => 1,
        (i) => (i % 50 === 7 ? 3 : 0),
      ),
    ).toBeLessThan(40);
    expect(
      sizeOf(
        () => 1,
        (i) => (i * i) % 5,
      ),
    ).toBeLessThan(20 + (length * 3) / 8);
  });

  it("packs decimals, and multiples, as the integers they are", () => {
    expect(sizeOf((i) => ((i * 7919) % 256) / 100)).toBeLessThan(20 + length);
    expect(sizeOf((i) => 1e9 + ((i * 7919) % 256) * 4096)).toBeLessThan(25 + length);
    expect(sizeOf((i) => Math.fround(20 + ((i * 7919) % 256) / 65_536))).toBeLessThan(25 + length);
  });

  it("takes little for a reset, an outlier, a staleness marker", () => {
    const reset = sizeOf((i) => (i < 300 ? 1e6 + i * i : (i - 300) * 600 + ((i * i) % 600)));
    expect(reset).toBeLessThan(30 + (length * 10) / 8);
    const outlier = sizeOf((i) => (i === 100 ? 1e15 : ((i * 7919) % 16) / 10));
    expect(outlier).toBeLessThan(45 + length / 2);
    const columns = columnsOf(
      times,
      times.map((_, i) => (i * 7919) % 16),
    );
    valueFromBits(columns.values, 479, 0x7ff0000000000002n);
    expect(forceDense(columns).length).toBeLessThan(40 + length / 2);
  });
});
