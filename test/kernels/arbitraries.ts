/**
 * Generators of columns and of broken chunks for the kernel tests.
 */

import * as fc from "fast-check";
import { encodeXor } from "../../src/kernels/xor.js";
import type { SampleColumns } from "../../src/model/sample.js";

export function columnsOf(times: readonly number[], values: readonly number[]): SampleColumns {
  return { times: Float64Array.from(times), values: Float64Array.from(values), length: times.length };
}

/** The bits of every value, which tell NaN payloads and the sign of zero apart. */
export function bitsOf(values: Float64Array): bigint[] {
  return [...new BigUint64Array(values.buffer, values.byteOffset, values.length)];
}

export function valueFromBits(values: Float64Array, index: number, bits: bigint): void {
  new BigUint64Array(values.buffer, values.byteOffset, values.length)[index] = bits;
}

/** Staleness marker, quiet, signalling and negative NaN, infinities, zeros, subnormal, ones. */
const notableBits = [
  0x7ff0000000000002n,
  0x7ff8000000000001n,
  0x7ff0000000000001n,
  0xfff8000000000000n,
  0xffffffffffffffffn,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x0000000000000000n,
  0x8000000000000000n,
  0x0000000000000001n,
  0x3ff0000000000000n,
];

function bitsOfDouble(value: number): bigint {
  return bitsOf(Float64Array.of(value))[0]!;
}

const valueBits: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -5, max: 2000 }).map((n) => bitsOfDouble(n / 100)) },
  { weight: 1, arbitrary: fc.constantFrom(...notableBits) },
  { weight: 1, arbitrary: fc.bigInt(0n, 0xffffffffffffffffn) },
);

/** Steps that hit every dod bucket and its edges; jumps that hit the 64-bit one. */
const time: fc.Arbitrary<(previous: number) => number> = fc.oneof(
  { weight: 6, arbitrary: fc.constant((previous: number) => previous + 15_000) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(1, 8190, 8191, 8192, 8193, 65535, 65536, 65537, 524287, 524288, 524289, 10_000_000)
      .chain((edge) => fc.constantFrom(edge, -edge))
      .map((step) => (previous: number) => previous + step),
  },
  { weight: 1, arbitrary: fc.maxSafeInteger().map((any) => () => Math.trunc(any / 2) + 0) },
  { weight: 1, arbitrary: fc.constantFrom(-(2 ** 52), 2 ** 52).map((edge) => () => edge) },
);

/** Times in any order and of any size, values of any bits. */
export function anyColumns(lengthMax = 60): fc.Arbitrary<SampleColumns> {
  return fc.array(fc.tuple(time, valueBits), { maxLength: lengthMax }).map((samples) => {
    const times = new Float64Array(samples.length);
    const values = new Float64Array(samples.length);
    let previous = 1_600_000_000_000;
    samples.forEach(([next, bits], i) => {
      previous = Math.max(-(2 ** 52), Math.min(2 ** 52, next(previous)));
      times[i] = previous;
      valueFromBits(values, i, bits);
    });
    return { times, values, length: samples.length };
  });
}

/** Bytes that are no chunk, and chunks that were cut, extended or had bits flipped. */
export function corrupted(): fc.Arbitrary<Uint8Array> {
  const broken = fc
    .tuple(anyColumns(), fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 4 }), fc.nat(), fc.boolean())
    .map(([columns, flips, cut, isCut]) => {
      const bytes = encodeXor(columns).slice();
      for (const [at, bit] of flips) bytes[at % bytes.length]! ^= 1 << bit;
      return isCut ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes;
    });
  return fc.oneof(broken, fc.uint8Array({ maxLength: 100 }));
}

/** Increasing times between -60 s and some minutes; values of any bits, or small ones that repeat and reset. */
export function increasingColumns(lengthMax = 60): fc.Arbitrary<SampleColumns> {
  const gapMs = fc.constantFrom(1, 500, 10_000, 15_000, 15_000, 15_000, 15_001, 90_000);
  const repeating = fc.constantFrom(0, -0, 1, 1, 2, 3, 0.1, 1e300, 1.7e308, Number.NaN).map(bitsOfDouble);
  const ordinary = fc.array(fc.tuple(gapMs, repeating), { maxLength: lengthMax });
  const any = fc.array(fc.tuple(gapMs, valueBits), { maxLength: lengthMax });
  return fc.oneof(ordinary, any).map((samples) => {
    const times = new Float64Array(samples.length);
    const values = new Float64Array(samples.length);
    let time = -60_000;
    samples.forEach(([gap, bits], i) => {
      time += gap;
      times[i] = time;
      valueFromBits(values, i, bits);
    });
    return { times, values, length: samples.length };
  });
}
