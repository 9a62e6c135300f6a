import * as fc from "fast-check";
import { expect, it } from "vitest";
import { bits, HIGH, LOW, readBits, writeBits } from "../../src/kernels/float-bits.js";
import { bitsOf, valueFromBits } from "./arbitraries.js";

it("readBits splits a double into its words", () => {
  readBits(Float64Array.of(0, -2.5), 1);
  // -2.5 is -1.25 * 2^1: sign 1, exponent 1024, mantissa 0.25.
  expect([bits[HIGH]! >>> 0, bits[LOW]! >>> 0]).toEqual([0xc0040000, 0]);
  readBits(Float64Array.of(5e-324), 0);
  expect([bits[HIGH], bits[LOW]]).toEqual([0, 1]);
});

it("any 64 bits survive, NaN payloads and staleness markers included, hot or cold", () => {
  const from = new Float64Array(new ArrayBuffer(40), 8, 4);
  const to = new Float64Array(4);
  const notable = [0x7ff0000000000002n, 0x7ff0000000000001n, 0xfff8000000000123n, 0x8000000000000000n];
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(...notable), fc.bigInt(0n, 2n ** 64n - 1n)),
      fc.nat(3),
      (word, at) => {
        valueFromBits(from, at, word);
        readBits(from, at);
        writeBits(to, 3 - at);
        expect(bitsOf(to)[3 - at]).toBe(word);
      },
    ),
    { numRuns: 20_000 },
  );
});
