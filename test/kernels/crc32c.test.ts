import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../src/kernels/crc32c.js";
import { referenceCrc32c } from "../../src/kernels/reference-crc32c.js";

/** The definition: one bit at a time. */
function bitwise(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe.each([
  ["crc32c", crc32c],
  ["referenceCrc32c", referenceCrc32c],
])("%s", (_, crc32c) => {
  it("gives the vectors of RFC 3720, appendix B.4", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(0))).toBe(0);
  });

  it("equals the bitwise definition at every length and alignment", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700, size: "max" }), fc.nat(9), (bytes, from) => {
        expect(crc32c(bytes.subarray(from))).toBe(bitwise(bytes.subarray(from)));
      }),
    );
  });

  it("continues from a seed", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(crc32c(b, crc32c(a))).toBe(crc32c(Uint8Array.from([...a, ...b])));
      }),
    );
  });

  it("sums long inputs piece by piece", () => {
    const bytes = Uint8Array.from({ length: 100_003 }, (_, i) => (i * i) >>> 3);
    for (const length of [255, 256, 257, 32_767, 32_768, 32_769, 65_536, 100_003]) {
      expect(crc32c(bytes.subarray(0, length), 12_345)).toBe(bitwise(bytes.subarray(0, length), 12_345));
    }
  });
});
