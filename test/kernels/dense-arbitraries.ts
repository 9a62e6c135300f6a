/**
 * Generators of columns that take every path of the dense encoder, and of broken dense chunks.
 */

import * as fc from "fast-check";
import { encodeDense } from "../../src/kernels/dense.js";
import type { SampleColumns } from "../../src/model/sample.js";
import { anyColumns, valueFromBits } from "./arbitraries.js";

/** The dense chunk, even where XOR is smaller. */
export function forceDense(columns: SampleColumns): Uint8Array {
  const bytes = encodeDense(columns, Number.POSITIVE_INFINITY);
  if (bytes === undefined) throw new TypeError("WebAssembly is missing");
  return bytes;
}

/** The next value, from the one before. */
type Walk = (previous: number) => number;

/** What real series do: stand still, count, burst, reset, wander in decimals, sum up floats, jump. */
const walks = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Walk>((previous) => previous) },
  {
    weight: 8,
    arbitrary: fc.nat(20).map(
      (growth): Walk =>
        (previous) =>
          previous + growth,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(1e6).map(
      (burst): Walk =>
        (previous) =>
          previous + burst,
    ),
  },
  { weight: 1, arbitrary: fc.constant<Walk>(() => 0) },
  {
    weight: 4,
    arbitrary: fc.integer({ min: -300, max: 300 }).map(
      (n): Walk =>
        (previous) =>
          hundredths(previous, n),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.double({ min: 0, max: 10, noNaN: true }).map(
      (n): Walk =>
        (previous) =>
          previous + n,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: -5, max: 5 }).map(
      (n): Walk =>
        (previous) =>
          previous * (1 + n * 2 ** -52),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.double().map(
      (any): Walk =>
        () =>
          any,
    ),
  },
);

function hundredths(previous: number, change: number): number {
  return (Math.round(previous * 100) + change) / 100;
}

const multiples: readonly Walk[] = [
  (value) => value,
  (value) => value * 4096,
  (value) => value / 1000,
  (value) => value * 3e9 + 7,
  (value) => -value,
  Math.fround,
];

/** Steps of the clock, in ms: regular, late, with gaps. */
const steps = fc.constantFrom(15_000, 15_000, 15_000, 15_000, 15_001, 14_999, 15_004, 60_000, 1, 3e9);

/** One or two habits of a series, each for a while. */
function walkedColumns(lengthMax: number): fc.Arbitrary<SampleColumns> {
  const habits = fc.array(fc.tuple(walks, steps), { minLength: 1, maxLength: 6 });
  const length = fc.integer({ min: 1, max: lengthMax });
  const seeds = fc.array(fc.nat(5), { minLength: 7, maxLength: 40 });
  const rare = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...rareBits)), { maxLength: 4 });
  return fc
    .tuple(habits, length, seeds, rare, fc.constantFrom(...multiples), fc.boolean())
    .map(([ways, count, picks, exceptions, multiple, isRegular]) => {
      const times = new Float64Array(count);
      const values = new Float64Array(count);
      let time = -1_000_000;
      let value = 1000;
      for (let i = 0; i < count; i++) {
        const [walk, step] = ways[picks[i % picks.length]! % ways.length]!;
        time += isRegular ? 15_000 : step;
        value = walk(value);
        times[i] = time;
        values[i] = multiple(value);
      }
      for (const [at, bits] of exceptions) valueFromBits(values, at % count, bits);
      return { times, values, length: count };
    });
}

/** Staleness marker, NaN of three kinds, infinities, negative zero. */
const rareBits = [
  0x7ff0000000000002n,
  0x7ff0000000000002n,
  0x7ff8000000000001n,
  0xfff8000000000000n,
  0x7ff0000000000001n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x8000000000000000n,
];

/** At least one sample: any times and bits, or those of a series. */
export function denseColumns(): fc.Arbitrary<SampleColumns> {
  return fc.oneof(
    anyColumns().filter((columns) => columns.length > 0),
    walkedColumns(200),
  );
}

/** Bytes with a sample count: a dense chunk cut, extended or changed, a short one made up, or any bytes. */
export function corruptedDense(): fc.Arbitrary<{ bytes: Uint8Array; count: number }> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  const broken = fc
    .tuple(denseColumns(), changes, fc.nat(), fc.constantFrom("cut", "extended", "as long"))
    .map(([columns, replaced, cut, kind]) => {
      const encoded = forceDense(columns);
      const bytes = kind === "extended" ? Uint8Array.of(...encoded, cut) : encoded;
      for (const [at, byte] of replaced) bytes[2 + (at % (bytes.length - 2))] = byte;
      const end = kind === "cut" ? 2 + (cut % (bytes.length - 1)) : bytes.length;
      return { bytes: bytes.subarray(0, end), count: columns.length };
    });
  // Small numbers are more often fields that make sense.
  const field = fc.oneof({ weight: 3, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: fc.nat(255) });
  const madeUp = fc
    .tuple(fc.integer({ min: 1, max: 80 }), fc.array(field, { maxLength: 120 }))
    .map(([count, body]) => ({
      bytes: Uint8Array.of(0, count, ...body),
      count,
    }));
  return fc.oneof(broken, madeUp);
}
